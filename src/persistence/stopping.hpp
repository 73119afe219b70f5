/// \file
/// How persistence ends an actor.

#pragma once

#include <string>

#include <coerce/actor/detail/cell.hpp>

namespace coerce::detail {

/// Stops the actor after its present handler, which is no failure for supervision to mend.
inline void stop_failed(ActorContext& context, std::string why) {
  cell_of(context).request_stop(StopReasonKind::Failed, std::move(why));
}

/// Has anybody asked it to stop? Then what waits in its handlers is asked, too.
inline bool stop_requested(ActorContext& context) noexcept {
  return (cell_of(context).attention & (Cell::kStop | Cell::kStopping)) != 0;
}

inline bool is_stopping(const ActorContext& context) noexcept {
  return context.status() >= ActorStatus::Stopping;
}

}  // namespace coerce::detail
