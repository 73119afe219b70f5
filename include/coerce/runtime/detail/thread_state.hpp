/// \file
/// What a thread keeps to itself: its worker, the unit it runs, its pool of small blocks.

#pragma once

#include <cstddef>
#include <cstdint>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

class Worker;
struct Unit;

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  std::uint32_t count = 0;
};

inline constexpr std::size_t kPoolGranularity = 16;
inline constexpr std::size_t kPoolMaxBlock = 1024;
inline constexpr std::size_t kPoolClasses = kPoolMaxBlock / kPoolGranularity + 1;
/// A thread keeps at most twice this many free blocks of a size; the rest goes to the shared depot.
inline constexpr std::uint32_t kPoolBatch = 64;

struct ThreadState {
  Worker* worker = nullptr;  ///< null on threads that are no workers
  Unit* unit = nullptr;      ///< the unit that this thread is running now
  FreeList free[kPoolClasses];
};

/// This thread's state. Never inlined: compilers may otherwise keep the address of a thread_local
/// across the suspension of a coroutine that then continues on another thread.
[[gnu::noinline]] ThreadState& thread_state() noexcept;

}  // namespace coerce::detail
