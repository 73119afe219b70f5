#include <coerce/runtime/sleep.hpp>

namespace coerce::detail {

bool SleepAwaiter::start(CancelScope& scope) noexcept {
  if (scope.requested()) {
    completed_ = false;
    return false;
  }
  scope.add(*this);
  SchedulerCore& core = *unit->scheduler;
  arm_timer(core, *this, later(now(core), duration_));
  return true;
}

void SleepAwaiter::fired(TimerNode& node) noexcept { static_cast<SleepAwaiter&>(node).wake(); }

void SleepAwaiter::cancelled(CancelNode& node) noexcept {
  auto& self = static_cast<SleepAwaiter&>(node);
  if (!cancel_timer(*self.unit->scheduler, self)) return;  // it fired: the wake-up is on its way
  self.completed_ = false;
  self.wake();
}

void YieldAwaiter::start() noexcept {
  ThreadState& thread = thread_state();
  SchedulerCore& core = *unit->scheduler;
  if (thread.worker != nullptr && &thread.worker->scheduler() == &core)
    thread.worker->push_back(*this);
  else
    inject(core, *this);
}

void YieldAwaiter::run_again(Runnable& runnable, ThreadState&) noexcept {
  static_cast<YieldAwaiter&>(runnable).wake();
}

}  // namespace coerce::detail
