// expect: no matching function for call to|no matching member function
// A handler for a type that the message converts to is no handler of the message.
#include <coerce/actor.hpp>

struct Narrow {};
struct Wide {
  Wide(Narrow) {}
};

struct Listener : coerce::Actor {
  void handle(Wide, coerce::ActorContext&) {}
};

void tell(const coerce::LocalActorRef<Listener>& listener) { (void)listener.notify(Narrow{}); }
