/// \file
/// Timers of a scheduler, as seen by those who wait.

#pragma once

#include <cstdint>

#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

class SchedulerCore;

/// One deadline. `fire` runs on some worker while the wheel is locked: it may wake a unit, and
/// nothing else. Thread-safe; the node must not be destroyed while armed.
struct TimerNode {
  explicit TimerNode(void (*function)(TimerNode&) noexcept) noexcept : fire(function) {}
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  bool linked() const noexcept { return previous_link != nullptr; }

  void (*fire)(TimerNode&) noexcept;
  TimerNode* next = nullptr;
  TimerNode** previous_link = nullptr;
  std::uint64_t tick = 0;
};

/// `time` + `duration`, or the end of time.
inline TimePoint later(TimePoint time, Duration duration) noexcept {
  return duration > Duration::zero() && time > TimePoint::max() - duration ? TimePoint::max()
                                                                           : time + duration;
}

/// Arms the node; a deadline that has passed fires at the next tick (a millisecond at the most).
void arm_timer(SchedulerCore& core, TimerNode& node, TimePoint deadline) noexcept;
/// False: it was not armed, or `fire` has already returned.
bool cancel_timer(SchedulerCore& core, TimerNode& node) noexcept;
TimePoint now(const SchedulerCore& core) noexcept;

}  // namespace coerce::detail
