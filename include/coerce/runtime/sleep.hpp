/// \file
/// Waiting for time, and giving way to others.

#pragma once

#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

namespace detail {

/// Completes at a deadline, or earlier when its scope is cancelled.
class SleepAwaiter : WakeNode, TimerNode, CancelNode {
 public:
  explicit SleepAwaiter(Duration duration) noexcept
      : TimerNode(&fired), CancelNode(&cancelled), duration_(duration) {}
  /// Only before it is awaited.
  SleepAwaiter(SleepAwaiter&& other) noexcept : SleepAwaiter(other.duration_) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    unit = caller.promise().unit;
    handle = caller;
    return start(*caller.promise().scope);
  }
  /// True: slept to the end. False: cancelled.
  bool await_resume() noexcept {
    CancelNode::unlink();
    return completed_;
  }

 private:
  bool start(CancelScope& scope) noexcept;
  static void fired(TimerNode& node) noexcept;
  static void cancelled(CancelNode& node) noexcept;

  Duration duration_;
  bool completed_ = true;
};

class YieldAwaiter : WakeNode, Runnable {
 public:
  YieldAwaiter() noexcept : Runnable(&run_again) {}
  YieldAwaiter(YieldAwaiter&&) noexcept : YieldAwaiter() {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  void await_suspend(std::coroutine_handle<P> caller) noexcept {
    unit = caller.promise().unit;
    handle = caller;
    start();
  }
  void await_resume() const noexcept {}

 private:
  void start() noexcept;
  static void run_again(Runnable& runnable, ThreadState&) noexcept;
};

}  // namespace detail

/// Waits for `duration` of the scheduler's clock (resolution a millisecond, rounded up; never
/// early). Gives true when it slept to the end, false when what it is part of was cancelled: a
/// losing branch of when_any, an expired with_timeout, an actor or task that stops.
inline detail::SleepAwaiter sleep_for(Duration duration) noexcept {
  return detail::SleepAwaiter(duration);
}

/// Lets everything else that is queued on this worker run first.
inline detail::YieldAwaiter yield() noexcept { return detail::YieldAwaiter(); }

}  // namespace coerce
