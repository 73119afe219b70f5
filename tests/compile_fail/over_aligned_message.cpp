// expect: coerce: messages are aligned to 16 bytes at the most
#include <coerce/actor.hpp>

struct alignas(64) CacheLine {
  char bytes[64];
};

struct Listener : coerce::Actor {
  void handle(CacheLine, coerce::ActorContext&) {}
};

void tell(const coerce::LocalActorRef<Listener>& listener) { (void)listener.notify(CacheLine{}); }
