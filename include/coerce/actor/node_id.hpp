/// \file
/// The number of a node in its cluster.

#pragma once

#include <cstdint>

namespace coerce {

/// Unique in a cluster, above zero and below 2^63 (it goes through signed numbers of other
/// languages and formats). A process that starts again may take the number of the one before it:
/// an Incarnation tells the two apart.
using NodeId = std::uint64_t;

inline constexpr NodeId kMaxNodeId = (NodeId{1} << 63) - 1;

}  // namespace coerce
