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

struct Pet : coerce::Actor {
  std::string name;
};

coerce::Task<void> start(coerce::ActorSystem system) {
  const auto pet = co_await system.new_actor("pet", Pet{{}, "Rex"});
  (void)pet;
}
