// expect: coerce: Handler is asked of an actor class that is not complete here
#include <coerce/actor.hpp>

struct Ping {};
struct Later;

void tell(const coerce::LocalActorRef<Later>& later) { (void)later.notify(Ping{}); }
