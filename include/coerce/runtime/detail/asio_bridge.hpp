/// \file
/// The scheduler as an executor needs it, without Asio.

#pragma once

#include <exception>
#include <utility>

#include <coerce/runtime/detail/pool.hpp>
#include <coerce/runtime/detail/worker.hpp>

namespace asio {
class io_context;
}

namespace coerce::detail {

asio::io_context& io_context_of(SchedulerCore& core) noexcept;
void io_work_started(SchedulerCore& core) noexcept;
void io_work_finished(SchedulerCore& core) noexcept;
/// Is this a worker of the scheduler that is not inside an actor or task?
bool may_run_here(SchedulerCore& core) noexcept;
void report_unhandled(SchedulerCore& core, std::exception_ptr error) noexcept;

/// A function in the run queue.
template <class F>
class PostedFunction : public Runnable {
 public:
  template <class T>
  static void post(SchedulerCore& core, T&& function) {
    ThreadState& thread = thread_state();
    void* memory = pool_allocate(thread, sizeof(PostedFunction));
    auto* posted = new (memory) PostedFunction(core, std::forward<T>(function));
    if (thread.worker != nullptr && &thread.worker->scheduler() == &core)
      thread.worker->push_back(*posted);
    else
      inject(core, *posted);
  }

 private:
  template <class T>
  PostedFunction(SchedulerCore& core, T&& function)
      : Runnable(&run_it), core_(&core), function_(std::forward<T>(function)) {}

  // The memory goes back first, so that a function that posts another one finds it in the pool.
  static void run_it(Runnable& runnable, ThreadState& thread) {
    auto& self = static_cast<PostedFunction&>(runnable);
    SchedulerCore& core = *self.core_;
    F function(std::move(self.function_));
    self.~PostedFunction();
    pool_free(thread, &self, sizeof(PostedFunction));
    try {
      function();
    } catch (...) {
      report_unhandled(core, std::current_exception());
    }
  }

  SchedulerCore* core_;
  F function_;
};

}  // namespace coerce::detail
