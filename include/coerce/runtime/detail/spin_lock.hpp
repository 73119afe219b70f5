/// \file
/// A lock for a few instructions.

#pragma once

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

/// Held for a handful of instructions at a time; a waiter spins and then yields its time slice.
class SpinLock {
 public:
  void lock() noexcept {
    for (unsigned spins = 0; locked_.exchange(true, std::memory_order_acquire);)
      while (locked_.load(std::memory_order_relaxed)) back_off(spins);
  }
  bool try_lock() noexcept {
    return !locked_.load(std::memory_order_relaxed) &&
           !locked_.exchange(true, std::memory_order_acquire);
  }
  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_{false};
};

}  // namespace coerce::detail
