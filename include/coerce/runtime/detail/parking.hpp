/// \file
/// Who sleeps, who searches, and when a producer of work has to wake somebody.

#pragma once

#include <cstdint>

#include <coerce/runtime/detail/atomics.hpp>

namespace coerce::detail {

/// The sleeping protocol of up to 48 workers.
///
/// A producer publishes its work, then calls to_wake(); a worker that found nothing calls
/// park_begin(), then *looks at every queue once more*, and only then sleeps. Both sides order
/// their store before their load by sequentially consistent read-modify-writes on one word, so at
/// least one of them sees the other (Dekker). One word holds the set of parked workers and the
/// number of searching ones.
template <class Atomics = StdAtomics>
class Parking {
 public:
  static constexpr unsigned kMaxWorkers = 48;

  /// After publishing work: the worker to wake, or -1. It counts as searching. `spared` is woken
  /// only if no other is parked.
  int to_wake(int spared = -1) noexcept {
    // An RMW that changes nothing is a full fence which thread sanitizers understand as well.
    std::uint64_t word = word_.fetch_add(0, std::memory_order_seq_cst);
    while ((word & kSearchers) == 0 && (word >> kParkedShift) != 0) {
      const std::uint64_t others = spared >= 0 ? word & ~bit(spared) : word;
      const std::uint64_t choice = (others >> kParkedShift) != 0 ? others : word;
      const int worker = __builtin_ctzll(choice >> kParkedShift);
      const std::uint64_t woken = (word & ~bit(worker)) + 1;
      if (word_.compare_exchange_weak(word, woken, std::memory_order_seq_cst)) return worker;
    }
    return -1;
  }

  /// Wakes this worker if it is parked; it counts as searching. False: it was not parked.
  bool unpark(int worker) noexcept {
    std::uint64_t word = word_.load(std::memory_order_seq_cst);
    while ((word & bit(worker)) != 0)
      if (word_.compare_exchange_weak(word, (word & ~bit(worker)) + 1, std::memory_order_seq_cst))
        return true;
    return false;
  }

  /// Some parked worker, or -1; for work that any of them may do. It counts as searching.
  int unpark_any() noexcept {
    std::uint64_t word = word_.load(std::memory_order_seq_cst);
    while ((word >> kParkedShift) != 0) {
      const int worker = __builtin_ctzll(word >> kParkedShift);
      if (word_.compare_exchange_weak(word, (word & ~bit(worker)) + 1, std::memory_order_seq_cst))
        return worker;
    }
    return -1;
  }

  void search_begin() noexcept { word_.fetch_add(1, std::memory_order_seq_cst); }

  /// True: this was the last searcher. Then look at every queue once more: what was published
  /// meanwhile woke nobody, so if any is left somebody else has to be woken.
  bool search_end() noexcept {
    return (word_.fetch_sub(1, std::memory_order_seq_cst) & kSearchers) == 1;
  }

  /// A searching worker publishes that it will sleep. Look at every queue again before sleeping.
  void park_begin(int worker) noexcept {
    word_.fetch_add(bit(worker) - 1, std::memory_order_seq_cst);  // parked, and no longer searching
  }

  /// The second look found something: stay awake as a searcher. False: a waker was faster and has
  /// already made this worker a searcher; its wake-up signal is on the way.
  bool park_cancel(int worker) noexcept { return unpark(worker); }

  bool anybody_parked() const noexcept {
    return (word_.load(std::memory_order_seq_cst) >> kParkedShift) != 0;
  }

 private:
  static constexpr unsigned kParkedShift = 16;
  static constexpr std::uint64_t kSearchers = 0xffff;
  static constexpr std::uint64_t bit(int worker) noexcept {
    return std::uint64_t{1} << (static_cast<unsigned>(worker) + kParkedShift);
  }

  typename Atomics::template Atomic<std::uint64_t> word_{0};
};

}  // namespace coerce::detail
