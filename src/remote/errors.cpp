#include "remote/errors.hpp"

namespace coerce::detail {

ActorRefErr unreachable(ActorRefErrOutcome outcome, std::string_view detail) {
  return ErrorAccess::restore(ActorRefErrKind::Unreachable, outcome, {}, {}, {}, detail, {});
}

void finish(const WaitingRequest& request, ActorRefErr error) noexcept {
  request.handler->take_error(*request.asker, std::move(error));
  complete_slow(thread_state(), *request.asker);
}

void finish(const WaitingRequest& request, BytesView reply) noexcept {
  request.handler->take_reply(*request.asker, reply);
  complete_slow(thread_state(), *request.asker);
}

}  // namespace coerce::detail
