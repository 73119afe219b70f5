/// \file
/// A thing that happens once, and tasks that wait for it.

#pragma once

#include <coerce/runtime/detail/spin_lock.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce::detail {

/// Set by any thread; awaited by any number of tasks, each until it is set or cancelled.
class AsyncEvent {
 public:
  class Waiter : WakeNode, CancelNode {
   public:
    explicit Waiter(AsyncEvent& event) noexcept : CancelNode(&cancelled), event_(&event) {}
    Waiter(Waiter&& other) noexcept : Waiter(*other.event_) {}

    bool await_ready() const noexcept { return false; }
    template <UnitPromise P>
    bool await_suspend(std::coroutine_handle<P> caller) noexcept {
      unit = caller.promise().unit;
      handle = caller;
      return event_->add(*this, *caller.promise().scope);
    }
    /// True: it is set. False: cancelled.
    bool await_resume() noexcept {
      CancelNode::unlink();
      return set_;
    }

   private:
    friend class AsyncEvent;
    static void cancelled(CancelNode& node) noexcept;

    AsyncEvent* event_;
    Waiter* next_ = nullptr;
    bool set_ = true;
  };

  Waiter wait() noexcept { return Waiter(*this); }
  void set() noexcept;
  bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }

 private:
  bool add(Waiter& waiter, CancelScope& scope) noexcept;
  bool remove(Waiter& waiter) noexcept;

  SpinLock lock_;
  std::atomic<bool> set_{false};
  Waiter* first_ = nullptr;
};

}  // namespace coerce::detail
