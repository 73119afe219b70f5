/// \file
/// Counts what the process takes from the heap.

#pragma once

#include <cstdint>

namespace suite {

/// While it lives, every allocation by any thread is counted: all calls of malloc, and so of
/// operator new, of its relatives too. One at a time. With other C libraries than glibc it counts
/// nothing.
class AllocationCount {
 public:
  AllocationCount() noexcept;
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  ~AllocationCount();

  std::uint64_t so_far() const noexcept;
};

}  // namespace suite
