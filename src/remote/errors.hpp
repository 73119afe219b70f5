/// \file
/// Errors of messages to other nodes, with what is known of the message's fate.

#pragma once

#include <coerce/remote/detail/remote_handler.hpp>

#include "remote/requests.hpp"

namespace coerce::detail {

ActorRefErr unreachable(ActorRefErrOutcome outcome, std::string_view detail);
/// Gives a request that was taken out of its table its answer.
void finish(const WaitingRequest& request, ActorRefErr error) noexcept;
void finish(const WaitingRequest& request, BytesView reply) noexcept;

}  // namespace coerce::detail
