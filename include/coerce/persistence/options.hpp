/// \file
/// Settings of a system's persistence.

#pragma once

#include <cstddef>
#include <type_traits>

namespace coerce {

struct PersistenceOptions {
  /// [64] Actors that read their journals at the same time; others wait for their turn, in order,
  /// and can be stopped meanwhile. \pre not 0
  std::size_t concurrent_recoveries = 64;
  /// [1 MiB] Payload that one read of a journal brings into memory, unless a single event is
  /// larger. \pre not 0
  std::size_t read_bytes = std::size_t{1} << 20;
};
static_assert(std::is_trivially_destructible_v<PersistenceOptions>);

}  // namespace coerce
