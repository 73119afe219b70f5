/// \file
/// Reasons of an actor's end on the wire.

#pragma once

#include <cstdint>
#include <iterator>
#include <string>

#include <coerce/actor/options.hpp>

namespace coerce::detail {

// The numbers are on the wire: they never change.
inline std::uint32_t number_of(StopReasonKind kind) noexcept {
  switch (kind) {
    case StopReasonKind::Stopped:
      return 0;
    case StopReasonKind::Failed:
      return 1;
    case StopReasonKind::StartFailed:
      return 2;
    case StopReasonKind::Unreferenced:
      return 3;
    case StopReasonKind::ParentStopped:
      return 4;
    case StopReasonKind::SystemShutdown:
      return 5;
    case StopReasonKind::NodeLost:
      return 6;
  }
  return 0;
}

/// A reason of a later version is Stopped.
inline StopReason read_stop_reason(std::uint32_t number, std::string detail) {
  constexpr StopReasonKind kKinds[] = {
      StopReasonKind::Stopped,      StopReasonKind::Failed,        StopReasonKind::StartFailed,
      StopReasonKind::Unreferenced, StopReasonKind::ParentStopped, StopReasonKind::SystemShutdown,
      StopReasonKind::NodeLost};
  return StopReason(number < std::size(kKinds) ? kKinds[number] : StopReasonKind::Stopped,
                    std::move(detail));
}

}  // namespace coerce::detail
