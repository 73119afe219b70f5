/// \file
/// A worker's queue: one producer, many consumers.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <coerce/runtime/detail/unit.hpp>

namespace coerce::detail {

/// The owner pushes and pops, thieves take half; both take from the head by compare-exchange (the
/// queue of Go's scheduler). Capacity 1024.
class WorkRing {
 public:
  static constexpr std::uint32_t kCapacity = 1024;

  /// Owner only. False: full.
  bool push(Runnable& runnable) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) >= kCapacity) return false;
    slots_[tail % kCapacity].store(&runnable, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);  // pairs with steal_into()
    return true;
  }

  /// Owner only.
  Runnable* pop() noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    while (head != tail_.load(std::memory_order_relaxed)) {
      Runnable* runnable = slots_[head % kCapacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
        return runnable;
    }
    return nullptr;
  }

  /// A thief: returns one runnable and moves the rest of half of the queue into its own empty ring.
  Runnable* steal_into(WorkRing& own) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t available = tail_.load(std::memory_order_acquire) - head;
      if (available == 0 || available > kCapacity) return nullptr;
      const std::uint32_t taken = available - available / 2;
      const std::uint32_t own_tail = own.tail_.load(std::memory_order_relaxed);
      Runnable* first = slots_[head % kCapacity].load(std::memory_order_relaxed);
      for (std::uint32_t i = 1; i < taken; ++i)
        own.slots_[(own_tail + i - 1) % kCapacity].store(
            slots_[(head + i) % kCapacity].load(std::memory_order_relaxed),
            std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + taken, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        own.tail_.store(own_tail + taken - 1, std::memory_order_release);
        return first;
      }
    }
  }

  bool empty() const noexcept {
    return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_seq_cst);
  }

 private:
  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::array<std::atomic<Runnable*>, kCapacity> slots_{};
};

}  // namespace coerce::detail
