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

coerce::Task<void> ask(coerce::LocalActorRef<Person> person) {
  const auto answer = co_await person.send(Rename{"Ada"});
  (void)answer;
}
