/// \file
/// The network of a simulation: what it is like, and what may befall it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <coerce/runtime/clock.hpp>

namespace coerce::testkit {

/// How a simulated network is when nothing befalls it.
struct NetworkOptions {
  /// What a piece of a stream, or the asking for one, is on its way; drawn. Pieces of one stream
  /// never overtake each other. \pre 0 <= min_delay <= max_delay
  Duration min_delay = std::chrono::microseconds(100);
  Duration max_delay = std::chrono::milliseconds(3);
  /// Bytes in each direction of a stream that were written and not yet read; a write waits for
  /// room. \pre not 0
  std::size_t window = std::size_t{64} * 1024;
  /// Streams that a listener has not accepted; who asks for one more hears nothing. \pre not 0
  std::size_t backlog = 128;
  /// Are all nodes processes of one machine (Transport::host_identity)? Partitions that refuse are
  /// not for them: there a refusal says that the process is gone.
  bool one_host = false;
};
static_assert(std::is_trivially_destructible_v<NetworkOptions>);

/// How two sides of a partition appear to each other.
enum class PartitionKind : std::uint8_t {
  Silent,   ///< what is sent is held until the partition is healed; who connects hears nothing
  Refused,  ///< who connects is refused, and a stream breaks for the side that sends
};

/// Who learns of the death of a stream.
enum class Notice : std::uint8_t {
  Drawn,    ///< one of the others
  AtOnce,   ///< both, as fast as the network is
  Late,     ///< both, each at some time within a minute
  OneSide,  ///< one, drawn, at once; the other never
};

enum class CrashKind : std::uint8_t {
  Process,  ///< its machine goes on, and ends or resets its streams
  Machine,  ///< nobody says anything until the node is started again
};

/// What befell a simulation. Of several of them, the sum.
struct Happenings {
  std::uint64_t cuts = 0;         ///< orders to cut
  std::uint64_t cut_streams = 0;  ///< streams that were broken by them
  std::uint64_t cut_bytes = 0;    ///< that were on their way then and never arrived
  std::uint64_t partitions = 0;
  std::uint64_t stalls = 0;
  std::uint64_t slow_paths = 0;
  std::uint64_t held = 0;  ///< directions of streams in which something waited for a path to open
  std::uint64_t crashes = 0;
  std::uint64_t crashes_in_flight = 0;  ///< of those, while something was on its way from the node
  std::uint64_t restarts = 0;
  std::uint64_t pauses = 0;
  std::uint64_t refused_connects = 0;
  std::uint64_t streams = 0;  ///< that were made

  Happenings& operator+=(const Happenings& other) noexcept;
  /// Did anything go wrong that a quiet network would have spared the nodes?
  bool disturbed() const noexcept {
    return cuts + partitions + stalls + slow_paths + crashes + pauses != 0;
  }
  friend bool operator==(const Happenings&, const Happenings&) = default;
};
static_assert(std::is_trivially_destructible_v<Happenings>);

}  // namespace coerce::testkit
