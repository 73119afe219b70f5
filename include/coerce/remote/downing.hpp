/// \file
/// What becomes of a cluster that has come apart.

#pragma once

#include <cstddef>
#include <type_traits>
#include <variant>

namespace coerce {

/// The part with more than half of the members goes on; of two halves the one with the oldest
/// member. A smaller one does only if it knows that all others are dead: they have said goodbye, or
/// were dialled and another process answered in their place, or nobody although they were on this
/// host.
struct KeepMajority {
  friend bool operator==(const KeepMajority&, const KeepMajority&) = default;
};

/// A part goes on if it has so many members. If that is not more than half of all there may be two
/// such parts: then both go on, until they meet again. Nodes of a smaller part form no cluster
/// before they are so many, or an hour has passed.
struct StaticQuorum {
  std::size_t members = 1;  ///< \pre not 0

  friend bool operator==(const StaticQuorum&, const StaticQuorum&) = default;
};

/// The part with the oldest member that is not known to be dead goes on, however small it is. The
/// others wait for it for an hour before they form a cluster of their own.
struct KeepOldest {
  /// Not if the oldest is all alone, and the others are at least two.
  bool down_if_alone = true;

  friend bool operator==(const KeepOldest&, const KeepOldest&) = default;
};

/// No part goes on: all nodes begin anew.
struct DownAll {
  friend bool operator==(const DownAll&, const DownAll&) = default;
};

/// All nodes of a cluster must have the same.
using Downing = std::variant<KeepMajority, StaticQuorum, KeepOldest, DownAll>;
static_assert(std::is_trivially_destructible_v<Downing>);

}  // namespace coerce
