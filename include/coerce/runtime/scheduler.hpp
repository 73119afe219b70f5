/// \file
/// The scheduler: worker threads that run units, and the world they wait for.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include <coerce/runtime/clock.hpp>
#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

/// How a scheduler is made. Defaults in brackets.
struct SchedulerOptions {
  /// [number of processors, at most 48] 0: no threads; the caller drives it by run(), run_for(),
  /// poll().
  std::optional<unsigned> workers{};
  /// [0: drawn at random] Seed of the scheduler's generator.
  std::uint64_t seed = 0;
  /// [64] Messages that a unit handles or sends before it goes to the back of the queue, unless its
  /// worker is not due to look around yet. Exact in a caller-driven scheduler.
  unsigned budget = 64;
  /// [64] Threads at most that run blocking() work; they are made when needed.
  unsigned blocking_threads = 64;
  /// [1 048 576] Tasks started by spawn() that have not ended; more are refused.
  std::size_t max_spawned = std::size_t{1} << 20;
  /// [the machine's clocks] Must outlive the scheduler.
  Clock* clock = nullptr;
  /// [false] For tests, without threads (workers must be 0 or unset). Every choice is drawn from
  /// the seed: which of the runnable units is next, how many messages it handles in its turn, which
  /// of the timers due at one tick fires first, and when blocking() work is done, which then is a
  /// step like any other on the driving thread. The same seed gives the same order.
  bool shuffled = false;
};

namespace detail {
class SchedulerCore;

/// A unit that runs one task. `finished` is called by the owner after the last step; it owns the
/// unit.
struct TaskUnit : Unit {
  TaskUnit(SchedulerCore& core, Task<void> task, void (*on_finished)(TaskUnit&)) noexcept;
  ~TaskUnit();

  static void run_unit(Runnable& runnable, ThreadState& thread);
  void cancel() noexcept;  ///< asks the task to stop; any thread, while the unit is known to live

  std::coroutine_handle<Promise<void>> body;
  void (*finished)(TaskUnit&);
  bool started = false;
  bool counted = true;  ///< as a spawned task
  Envelope cancel_node;
  std::atomic<bool> cancel_requested{false};
  TaskUnit* next_live = nullptr;
  TaskUnit** previous_live = nullptr;
};

/// Runs `task` in `unit` and waits on this outside thread, or drives the scheduler if it has no
/// threads.
void run_to_end(SchedulerCore& core, Task<void> task);

/// What a task that is waited for from outside has come to.
template <class T>
struct BlockOnOutcome {
  std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>> value;
  std::exception_ptr error;

  T take() {
    if (error) std::rethrow_exception(std::move(error));
    if constexpr (!std::is_void_v<T>) return std::move(*value);
  }
};

template <class T>
Task<void> capture(Task<T> task, std::shared_ptr<BlockOnOutcome<T>> outcome) {
  try {
    if constexpr (std::is_void_v<T>)
      co_await std::move(task);
    else
      outcome->value.emplace(co_await std::move(task));
  } catch (...) {
    outcome->error = std::current_exception();
  }
}
}  // namespace detail

/// A handle to a running scheduler; copies refer to the same one. Destroying the last handle stops
/// its threads after the steps that they are in; what is still suspended then is never resumed.
/// Thread-safe, but run(), run_for() and poll() are for one thread at a time.
class Scheduler {
 public:
  /// Throws std::invalid_argument if it is to be shuffled and have workers.
  explicit Scheduler(SchedulerOptions options = {});

  /// Starts a task of its own. An exception that leaves it goes to the unhandled-failure callback.
  /// False: there are `max_spawned` already; the task is destroyed, and the callback is told of it.
  bool spawn(Task<void> task) const;

  /// Runs an awaitable to its end and gives its result; what it throws is thrown here.
  /// For outside threads: on a worker of this scheduler it throws std::logic_error instead of
  /// blocking. On a caller-driven scheduler the calling thread drives it; std::logic_error if
  /// nothing is left that could ever complete the awaitable.
  template <Awaitable A>
  AwaitResult<A> block_on(A&& awaitable) const {
    // Shared with the task: if it can never complete, it outlives this call.
    const auto outcome = std::make_shared<detail::BlockOnOutcome<AwaitResult<A>>>();
    detail::run_to_end(*core_, detail::capture(as_task(std::forward<A>(awaitable)), outcome));
    return outcome->take();
  }

  /// Caller-driven only: runs until nothing is ready, no timer is armed and no I/O is pending.
  void run() const;
  /// Caller-driven only: runs what becomes ready within `duration`. Returns how many steps it ran.
  /// With a clock that does not advance by itself it ends when nothing is ready and no I/O is
  /// pending.
  std::size_t run_for(Duration duration) const;
  /// Caller-driven only: runs what is ready now without waiting. Returns how many steps it ran.
  std::size_t poll() const;

  unsigned workers() const noexcept;
  Clock& clock() const noexcept;
  Rng& rng() const noexcept;
  /// Armed timers.
  std::size_t timer_count() const noexcept;
  /// Is the calling thread one of this scheduler's workers?
  bool on_worker() const noexcept;
  /// Called with what left a spawned task, on its worker, and with the refusal of one, on the
  /// thread that would have spawned it. Set before the first spawn.
  void on_unhandled(std::function<void(std::exception_ptr)> callback) const;
  /// Asks every task but the calling one to stop, each at its next await.
  void cancel_spawned() const;
  /// Tasks started by spawn() that have not ended.
  std::size_t spawned_count() const noexcept;

  detail::SchedulerCore& core() const noexcept { return *core_; }

  friend bool operator==(const Scheduler&, const Scheduler&) = default;

 private:
  std::shared_ptr<detail::SchedulerCore> core_;
};

}  // namespace coerce
