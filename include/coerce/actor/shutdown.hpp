/// \file
/// How a system ends, and what did not end with it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/id.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

/// The phases of a shutdown, in their order. Each is begun whether the one before has ended or not.
enum class ShutdownPhase : std::uint8_t {
  OutsideWork,  ///< the extensions take no more work from outside
  UserActors,   ///< the actors of users stop
  Extensions,   ///< the extensions stop, the newest first, each with its actors
  Tasks,        ///< spawned tasks stop
  Done,
};

std::string_view to_string(ShutdownPhase phase) noexcept;

/// An actor that had not ended when a shutdown's deadline came.
struct StuckActor {
  ActorPath path;  ///< full
  std::string actor_type;
  /// Of the message being handled, or "a hook"; the one that it took last if the actor keeps its
  /// worker and so cannot answer; empty if it handles none.
  std::string message_type;
  /// For how long, to about a millisecond; how long the shutdown has waited if it cannot answer.
  Duration handling_for{};
};

struct ShutdownReport {
  bool complete = true;  ///< every actor, extension and spawned task ended in time
  ShutdownPhase phase = ShutdownPhase::Done;  ///< the first one that did not end in time
  Duration took{};
  /// Those that stand in the way, at most 1000: an actor that only waits for its children is not
  /// listed, they are.
  std::vector<StuckActor> stuck{};
  std::vector<std::string> stuck_extensions{};  ///< names of those that were late or threw
  std::size_t stuck_tasks = 0;  ///< spawned tasks, and hooks of extensions, that did not end
};

}  // namespace coerce
