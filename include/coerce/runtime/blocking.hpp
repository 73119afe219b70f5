/// \file
/// Work that blocks, away from the workers.

#pragma once

#include <optional>

#include <coerce/runtime/detail/guard.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

namespace detail {

/// A piece of blocking work; lies in the frame of the task that waits for it.
struct BlockingJob {
  explicit BlockingJob(void (*function)(BlockingJob&) noexcept) noexcept : run(function) {}
  void (*run)(BlockingJob&) noexcept;
  BlockingJob* next = nullptr;
};

void submit_blocking(SchedulerCore& core, BlockingJob& job);

template <class F>
class BlockingAwaiter : WakeNode, BlockingJob {
  using R = std::invoke_result_t<F&>;

 public:
  explicit BlockingAwaiter(F function) : BlockingJob(&work), function_(std::move(function)) {}
  /// Only before it is awaited.
  BlockingAwaiter(BlockingAwaiter&& other) : BlockingAwaiter(std::move(other.function_)) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    unit = caller.promise().unit;
    handle = caller;
    submit_blocking(*unit->scheduler, *this);
  }
  R await_resume() {
    if (error_) std::rethrow_exception(std::move(error_));
    if constexpr (!std::is_void_v<R>) return std::move(*result_);
  }

 private:
  static void work(BlockingJob& job) noexcept {
    auto& self = static_cast<BlockingAwaiter&>(job);
    try {
      if constexpr (std::is_void_v<R>)
        self.function_();
      else
        self.result_.emplace(self.function_());
    } catch (...) {
      self.error_ = std::current_exception();
    }
    self.wake();
  }

  F function_;
  std::optional<std::conditional_t<std::is_void_v<R>, bool, R>> result_;
  std::exception_ptr error_;
};

}  // namespace detail

/// Runs `function` on a thread of the scheduler's blocking pool and gives its result; what it
/// throws is thrown at the `co_await`. For database clients, files and long computations, which
/// would hold up every actor of a worker. Cannot be cancelled. When all threads of the pool are
/// busy (SchedulerOptions::blocking_threads) it waits for its turn, in order. On a caller-driven
/// scheduler it runs on the driving thread, at once or, if that is shuffled, at a drawn later
/// moment.
template <class F>
  requires std::invocable<std::remove_cvref_t<F>&>
auto blocking(F&& function) {
  detail::refuse_awaited_temporary<F>();
  return detail::BlockingAwaiter<std::remove_cvref_t<F>>(std::forward<F>(function));
}

}  // namespace coerce
