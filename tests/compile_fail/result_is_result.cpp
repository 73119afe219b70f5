// expect: is_result
// A message's Result is what the handler answers with; the sender's Result is put around it once.
#include <coerce/actor.hpp>

struct Count {
  using Result = coerce::Result<int>;
};

static_assert(coerce::Message<Count>);
