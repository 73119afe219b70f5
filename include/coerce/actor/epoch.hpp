/// \file
/// The fencing token of everything that has one owner at a time.

#pragma once

#include <compare>
#include <cstdint>

namespace coerce {

/// Grows with every change of owner, for ever. Whatever an owner could damage (a journal, a shard)
/// keeps the highest epoch that it has seen and refuses a lower one.
struct Epoch {
  std::uint64_t value = 0;

  friend auto operator<=>(const Epoch&, const Epoch&) = default;
};

}  // namespace coerce
