// A scheduler without threads, whose caller is the worker.

#include "runtime/scheduler_core.hpp"

#include <algorithm>

namespace coerce::detail {

void SchedulerCore::enter() noexcept {
  ThreadState& thread = thread_state();
  entered_before_ = thread.worker;
  thread.worker = workers_.front().get();
}

void SchedulerCore::leave() noexcept { thread_state().worker = entered_before_; }

bool SchedulerCore::drive_step() {
  WorkerThread& worker = *workers_.front();
  ThreadState& thread = thread_state();
  do {
    if (worker.step(thread)) return true;
  } while (look_outside(worker));
  return false;
}

std::size_t SchedulerCore::drive_ready() {
  WorkerThread& worker = *workers_.front();
  ThreadState& thread = thread_state();
  std::size_t steps = 0;
  worker.read_clock();
  do {
    while (worker.step(thread)) ++steps;
  } while (look_outside(worker));
  return steps;
}

// Timers and events; true: something is ready.
bool SchedulerCore::look_outside(WorkerThread& worker) {
  const bool fired = fire_timers() != 0;
  const bool handled = poll_reactor() != 0;
  worker.read_clock();
  return fired || handled || worker.has_work() || has_injected();
}

bool SchedulerCore::drive_wait(Duration at_most) {
  Duration limit = until_next_timer();
  {
    const std::lock_guard guard(wheel_lock_);
    driver_until_ = 0;
  }
  if (!clock_->advances()) {
    const Duration skipped = std::max(Duration::zero(), std::min(limit, at_most));
    if (skipped < Duration::max() && !io_pending() && clock_->skip(skipped)) return true;
    limit = Duration::max();  // only its owner can make the next timer due
  }
  const bool nothing_to_come = limit == Duration::max() && !io_pending();
  if (nothing_to_come && (at_most == Duration::max() || !clock_->advances())) return false;
  limit = std::min({limit, at_most, Duration(std::chrono::hours(1))});
  if (limit > Duration::zero()) reactor_.wait(limit);
  return true;
}

}  // namespace coerce::detail
