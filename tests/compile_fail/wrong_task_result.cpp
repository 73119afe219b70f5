// expect: AnswersWith
#include <coerce/actor.hpp>
#include <string>

struct Count {
  using Result = int;
};

struct Counter : coerce::Actor {
  coerce::Task<std::string> handle(Count, coerce::ActorContext&) { co_return "many"; }
};

static_assert(coerce::Handler<Counter, Count>);
