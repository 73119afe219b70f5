// expect: a hook of an actor returns void or Task<void>; to fail, throw

#include <coerce/actor.hpp>

struct Failing : coerce::Actor {
  coerce::Task<coerce::Result<void>> started(coerce::ActorContext&) {
    co_return coerce::unexpected(coerce::ActorRefErr::HandlerFailed("not today"));
  }
};

coerce::Task<void> start(coerce::ActorSystem& system) {
  auto failing = co_await system.new_anon_actor(Failing());
  (void)failing;
}
