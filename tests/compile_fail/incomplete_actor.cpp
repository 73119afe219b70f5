// expect: coerce: Handler is asked of an actor class that is not complete here
#include <coerce/actor.hpp>

struct Ping {};
struct Later;

constexpr bool handles_ping = coerce::Handler<Later, Ping>;

struct Later : coerce::Actor {
  void handle(Ping, coerce::ActorContext&) {}
};
