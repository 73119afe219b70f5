/// \file
/// What a thread keeps to itself: its worker, the unit it runs, its pool of small blocks.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

class Worker;
struct Unit;

struct FreeBlock {
  FreeBlock* next;
};

/// The magazine in use: free blocks of one size.
struct FreeList {
  FreeBlock* head = nullptr;
  std::uint32_t count = 0;
};

inline constexpr std::size_t kPoolGranularity = 16;
inline constexpr std::size_t kPoolMaxBlock = 1024;
inline constexpr std::size_t kPoolClasses = kPoolMaxBlock / kPoolGranularity + 1;
/// Size classes have eight bits. The lists of those that are not pooled stay empty.
inline constexpr std::size_t kSizeClasses = 256;
/// A thread keeps two magazines of so many free blocks of a size; the rest goes to the shared
/// depot.
inline constexpr std::uint32_t kPoolBatch = 64;

/// The sign of a thread that says which unit it runs. Written by that thread alone.
class UnitSign {
 public:
  UnitSign& operator=(Unit* unit) noexcept {
    unit_.store(unit, std::memory_order_relaxed);
    return *this;
  }
  operator Unit*() const noexcept { return unit_.load(std::memory_order_relaxed); }
  /// For other threads; see Inspection.
  Unit* seen() const noexcept { return unit_.load(std::memory_order_seq_cst); }

 private:
  std::atomic<Unit*> unit_{nullptr};
};

struct ThreadState {
  Worker* worker = nullptr;  ///< null on threads that are no workers
  UnitSign unit;             ///< the unit that this thread runs now, and owns
  Unit* held = nullptr;      ///< a unit that waits and is still owned here; see Unit::suspend()
  /// What the running unit may still do before others have their turn: each message that it handles
  /// or sends counts.
  std::int32_t budget = 0;
  FreeList free[kSizeClasses];
  /// Full magazines, or none. Whole magazines change hands, so nobody walks along cold blocks.
  FreeBlock* spare[kPoolClasses] = {};
};

/// Only for functions that are never inlined; all others call thread_state().
extern constinit thread_local ThreadState this_thread_state;

/// This thread's state. Never inlined: compilers may otherwise keep the address of a thread_local
/// across the suspension of a coroutine that then continues on another thread.
[[gnu::noinline]] ThreadState& thread_state() noexcept;

}  // namespace coerce::detail
