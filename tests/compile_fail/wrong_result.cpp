// expect: AnswersWith
#include <coerce/actor.hpp>
#include <string>

struct Count {
  using Result = int;
};

struct Counter : coerce::Actor {
  std::string handle(Count, coerce::ActorContext&) { return "many"; }
};

void tell(const coerce::LocalActorRef<Counter>& counter) { (void)counter.notify(Count{}); }
