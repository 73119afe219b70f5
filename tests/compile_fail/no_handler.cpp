// expect: no matching function for call to|no matching member function
#include <coerce/actor.hpp>

struct Known {};
struct Unknown {};

struct Listener : coerce::Actor {
  void handle(Known, coerce::ActorContext&) {}
};

void tell(const coerce::LocalActorRef<Listener>& listener) { (void)listener.notify(Unknown{}); }
