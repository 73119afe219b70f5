// expect: coerce: GCC 12 destroys an aggregate or lambda temporary twice
// compiler: gcc12
#include <coerce/actor.hpp>
#include <string>

struct Rename {
  std::string name;
};

struct Person : coerce::Actor {
  void handle(Rename message, coerce::ActorContext&) { name = message.name; }
  std::string name;
};

coerce::Task<void> run(coerce::LocalActorRef<Person> person, std::string name) {
  const auto done = co_await person.exec([name](Person& who) { who.name = name; });
  (void)done;
}
