// expect-ok
// Only an ActorRef travels: the others have forgotten the class of their actor, or promise that it
// is near.
#include <coerce/remote.hpp>

#include <vector>

struct Ask {
  using Result = int;
};
class Player : public coerce::Actor {
 public:
  int handle(Ask, coerce::ActorContext&) { return 1; }
};

static_assert(coerce::Transmittable<coerce::ActorRef<Player>>);
static_assert(coerce::Transmittable<std::vector<coerce::ActorRef<Player>>>);
static_assert(!coerce::Transmittable<coerce::LocalActorRef<Player>>);
static_assert(!coerce::Transmittable<coerce::BoxedActorRef>);
static_assert(!coerce::Transmittable<coerce::Receiver<Ask>>);
