// expect: no matching function for call to|no matching member function
#include <coerce/actor.hpp>

struct Known {};
struct Unknown {};

struct Listener : coerce::Actor {
  void handle(Known, coerce::ActorContext&) {}
};

coerce::Task<void> ask(coerce::LocalActorRef<Listener> listener) {
  const auto answer = co_await listener.send(Unknown{});
  (void)answer;
}
