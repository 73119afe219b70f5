/// \file
/// Who waits for whom.

#pragma once

#include <string>
#include <vector>

#include <coerce/actor/id.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

/// An actor whose handler awaits the answer of another.
struct WaitEdge {
  ActorPath from;
  ActorPath to;
  std::string message_type;  ///< of the question; "stop" for an awaited stop()
};

/// A picture of a running system: taken actor by actor, so an edge may be gone when it is read, and
/// a cycle is certain only if it stands in a second picture too.
struct WaitGraph {
  std::vector<WaitEdge> edges;
  /// Actors that wait for each other in a ring, each for the next and the last for the first. No
  /// actor is in two of them, so where rings cross one is named.
  std::vector<std::vector<ActorPath>> cycles;
  std::vector<ActorPath> silent;  ///< did not answer in time: they keep a worker busy

  /// A line an edge, then a line a cycle.
  std::string to_string() const;
};

/// Limits of a wait graph.
struct WaitGraphOptions {
  std::size_t max_edges = 100'000;                   ///< more are left out
  Duration actor_timeout = std::chrono::seconds(1);  ///< for each actor's answer
};

}  // namespace coerce
