/// \file
/// What the clock of a system brings about later.

#pragma once

#include <coerce/actor/detail/cell.hpp>
#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

/// A node of the system's timer wheel that does more than to wake a unit. The system's Timekeeper
/// calls it when it is due, on a worker and under no lock.
///
/// Counted: everybody who may still touch it holds one count, so the wheel or the queue of those
/// that are due does too.
struct Timed : TimerNode {
  explicit Timed(SystemCore& core) noexcept : TimerNode(&fired), system(&core) {}
  virtual ~Timed() = default;

  /// Takes over the count of the wheel.
  virtual void due() noexcept = 0;
  /// The same if the system ends first.
  virtual void forgotten() noexcept = 0;

  void retain() noexcept { counts_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (counts_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  SystemCore* system;
  Timed* next_due = nullptr;
  Timed* next_kept = nullptr;  // the Timekeeper's, under its lock
  Timed** previous_kept = nullptr;

 private:
  static void fired(TimerNode& node) noexcept;

  std::atomic<std::uint32_t> counts_{1};
};

}  // namespace coerce::detail
