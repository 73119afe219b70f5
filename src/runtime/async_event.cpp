#include <coerce/runtime/detail/async_event.hpp>

#include <mutex>

namespace coerce::detail {

bool AsyncEvent::add(Waiter& waiter, CancelScope& scope) noexcept {
  if (scope.requested()) {
    waiter.set_ = is_set();
    return false;
  }
  const std::lock_guard guard(lock_);
  if (is_set()) return false;
  waiter.next_ = first_;
  first_ = &waiter;
  scope.add(waiter);
  return true;
}

bool AsyncEvent::remove(Waiter& waiter) noexcept {
  const std::lock_guard guard(lock_);
  for (Waiter** link = &first_; *link != nullptr; link = &(*link)->next_) {
    if (*link != &waiter) continue;
    *link = waiter.next_;
    return true;
  }
  return false;
}

// The event must outlive this call, not only the wake-ups.
void AsyncEvent::set() noexcept {
  const std::lock_guard guard(lock_);
  set_.store(true, std::memory_order_release);
  while (Waiter* waiter = first_) {
    first_ = waiter->next_;
    waiter->wake();
  }
}

void AsyncEvent::Waiter::cancelled(CancelNode& node) noexcept {
  auto& self = static_cast<Waiter&>(node);
  if (!self.event_->remove(self)) return;  // it was set: the wake-up is on its way
  self.set_ = false;
  self.wake();
}

}  // namespace coerce::detail
