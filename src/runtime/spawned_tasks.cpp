// The tasks of a scheduler that belong to nobody else.

#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

bool SchedulerCore::add_spawned(TaskUnit& unit, std::size_t limit) noexcept {
  const std::lock_guard guard(spawned_lock_);
  if (spawned_count_ >= limit) return false;
  unit.next_live = spawned_;
  unit.previous_live = &spawned_;
  if (spawned_ != nullptr) spawned_->previous_live = &unit.next_live;
  spawned_ = &unit;
  spawned_count_ += unit.counted ? 1 : 0;
  return true;
}

void SchedulerCore::remove_spawned(TaskUnit& unit) noexcept {
  const std::lock_guard guard(spawned_lock_);
  *unit.previous_live = unit.next_live;
  if (unit.next_live != nullptr) unit.next_live->previous_live = unit.previous_live;
  uncount(unit);
}

void SchedulerCore::uncount(TaskUnit& unit) noexcept {
  if (!std::exchange(unit.counted, false)) return;
  if (--spawned_count_ == 0 && none_spawned_ != nullptr) none_spawned_->set();
}

void SchedulerCore::excuse_current() noexcept {
  Unit* unit = thread_state().unit;
  if (unit == nullptr || unit->run != &TaskUnit::run_unit || unit->scheduler != this) return;
  const std::lock_guard guard(spawned_lock_);
  auto& task = static_cast<TaskUnit&>(*unit);
  if (task.previous_live == nullptr) return;  // somebody else's
  task.cancel_requested.store(true, std::memory_order_relaxed);
  uncount(task);
}

void SchedulerCore::tell_when_none_spawned(AsyncEvent* event) noexcept {
  const std::lock_guard guard(spawned_lock_);
  none_spawned_ = event;
  if (event != nullptr && spawned_count_ == 0) event->set();
}

void SchedulerCore::cancel_spawned() noexcept {
  const std::lock_guard guard(spawned_lock_);
  const Unit* self = thread_state().unit;
  for (TaskUnit* unit = spawned_; unit != nullptr; unit = unit->next_live)
    if (unit != self) unit->cancel();
}

std::size_t SchedulerCore::spawned_count() noexcept {
  const std::lock_guard guard(spawned_lock_);
  return spawned_count_;
}

void SchedulerCore::on_unhandled(std::function<void(std::exception_ptr)> callback) {
  const std::lock_guard guard(spawned_lock_);
  on_unhandled_ = std::move(callback);
}

void SchedulerCore::unhandled(std::exception_ptr error) noexcept {
  std::function<void(std::exception_ptr)> callback;
  {
    const std::lock_guard guard(spawned_lock_);
    callback = on_unhandled_;
  }
  if (callback) callback(std::move(error));
}

}  // namespace coerce::detail
