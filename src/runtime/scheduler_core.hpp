/// \file
/// The scheduler's inside: workers, their queues, and who sleeps where.

#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/runtime/detail/parking.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>
#include <coerce/runtime/detail/timer_wheel.hpp>
#include <coerce/runtime/scheduler.hpp>

#include "runtime/blocking_pool.hpp"
#include "runtime/futex.hpp"
#include "runtime/reactor.hpp"
#include "runtime/ring.hpp"
#include "runtime/shuffle.hpp"

namespace coerce::detail {

/// Time in the processor's own ticks: only for deciding when to look at the clock.
std::uint64_t cycles() noexcept;

class WorkerThread : public Worker {
 public:
  WorkerThread(SchedulerCore& core, unsigned index) noexcept;

  void run();                      ///< until the scheduler stops
  bool step(ThreadState& thread);  ///< runs one runnable of its own queues or the shared list
  void push_back(Runnable& runnable) noexcept;
  bool is_due_to_look() noexcept;  ///< if so, the worker's loop looks around next
  bool has_work() const noexcept;

 private:
  friend class SchedulerCore;

  void execute(Runnable& runnable, ThreadState& thread);
  Runnable* next() noexcept;
  Runnable* next_drawn() noexcept;
  Runnable* search() noexcept;
  Runnable* steal() noexcept;
  void look_around() noexcept;
  void read_clock() noexcept;
  void watch_peers(bool all) noexcept;
  void be_watched() noexcept;
  void count_look() noexcept {
    looks_.store(looks_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void park();
  void monitor_others() noexcept;
  void sleep_in_reactor(Duration limit) noexcept;

  std::uint64_t looked_at_ = 0;
  bool polling_pays_ = true;                  ///< the reactor had something at once the last time
  std::atomic<std::uint32_t> looks_{0};       // for onlookers
  std::atomic<ThreadState*> state_{nullptr};  // the same, while the thread runs
  std::uint64_t watched_at_ = 0;
  std::size_t watched_peer_ = 0;

  /// What peers have seen of this worker.
  struct Sight {
    SpinLock lock;
    const Unit* unit = nullptr;
    std::uint32_t looks = 0;
    TimePoint since{};
    bool reported = false;
  };
  Sight sight_;
  std::uint64_t random_;
  WorkRing ring_;
  Signal signal_;
  std::atomic<bool> in_reactor_{false};
};

class SchedulerCore : public std::enable_shared_from_this<SchedulerCore> {
 public:
  explicit SchedulerCore(const SchedulerOptions& options);
  ~SchedulerCore();

  void start();
  /// Keeps the core until drop_user(): for a thread that wakes units and is not its own.
  void add_user() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
  void drop_user() noexcept;
  /// Ends the workers and destroys the core: at once, or, called on one of them, when the last has
  /// ended.
  void stop() noexcept;

  void inject(Runnable& runnable) noexcept;
  Runnable* take_injected(WorkerThread& worker) noexcept;
  bool has_injected() const noexcept { return injected_.load(std::memory_order_seq_cst) != 0; }

  void work_published() noexcept {
    if (workers_.size() > 1) wake_if_needed();
  }
  void wake_if_needed() noexcept;
  void keep_seats_taken() noexcept;
  bool has_queued_work() const noexcept;
  // The monitor only.
  Duration monitor_period() noexcept;
  bool is_watched() noexcept;
  void wake(int worker) noexcept;

  void arm(TimerNode& node, TimePoint deadline) noexcept;
  bool cancel(TimerNode& node) noexcept;
  std::size_t fire_timers() noexcept;
  std::size_t timer_count() noexcept;

  void io_work_started() noexcept;
  void io_work_finished() noexcept { io_work_.fetch_sub(1, std::memory_order_seq_cst); }
  std::size_t poll_reactor();
  bool io_pending() const noexcept { return io_work_.load(std::memory_order_seq_cst) > 0; }
  Reactor& reactor() noexcept { return reactor_; }

  /// False: so many are there already.
  bool add_spawned(TaskUnit& unit, std::size_t limit = SIZE_MAX) noexcept;
  void remove_spawned(TaskUnit& unit) noexcept;
  void cancel_spawned() noexcept;
  std::size_t spawned_count() noexcept;
  /// The calling task, if it is one, is not counted from now on and not asked to stop: it waits for
  /// the others.
  void excuse_current() noexcept;
  /// Sets the event when no counted task is left. One event at a time; null forgets it.
  void tell_when_none_spawned(AsyncEvent* event) noexcept;
  void unhandled(std::exception_ptr error) noexcept;
  void on_unhandled(std::function<void(std::exception_ptr)> callback);

  using SlowCallback = std::function<void()> (*)(void* context, Unit& unit, Duration running_for);
  /// A worker that is in one activation for longer than `limit` is reported, once for it and while
  /// it lasts, by a peer: so there have to be two. The unit is kept while the callback runs, and
  /// others wait for it; so it only looks, and gives what is then called. Once.
  void on_slow(Duration limit, SlowCallback callback, void* context) noexcept;
  std::function<void()> describe_slow(Unit& unit, Duration running_for) noexcept {
    return slow_callback_(slow_context_, unit, running_for);
  }
  /// Zero: nobody watches.
  Duration slow_limit() const noexcept {
    return Duration(slow_limit_.load(std::memory_order_seq_cst));
  }
  Duration watch_period() noexcept;

  // Caller-driven mode.
  bool caller_driven() const noexcept { return threads_ == 0; }
  bool drive_step();                  ///< runs one thing; false: nothing is ready
  std::size_t drive_ready();          ///< runs until nothing is ready
  bool drive_wait(Duration at_most);  ///< waits for an event; false: nothing can come
  void enter() noexcept;              ///< the calling thread becomes the worker
  void leave() noexcept;
  /// Not later than the next timer is due; none if no timer is armed.
  std::optional<TimePoint> next_deadline() noexcept;

  // Shuffled.
  Shuffle* shuffle() noexcept { return shuffle_.get(); }
  std::size_t due_timers() noexcept;
  void fire_due_timer(std::size_t index) noexcept;

  Clock& clock() const noexcept { return *clock_; }
  std::uint32_t clock_ms() const noexcept {
    return static_cast<std::uint32_t>(tick_of(clock_->now()));
  }
  Rng& rng() noexcept { return rng_; }
  unsigned threads() const noexcept { return threads_; }
  unsigned budget() const noexcept { return budget_; }
  std::size_t max_spawned() const noexcept { return max_spawned_; }
  BlockingPool& blocking() noexcept { return blocking_; }

 private:
  friend class WorkerThread;
  static constexpr std::int64_t kNoDeadline = INT64_MAX;

  bool look_outside(WorkerThread& worker);
  void uncount(TaskUnit& unit) noexcept;  // under spawned_lock_
  std::uint64_t tick_of(TimePoint time) const noexcept;
  Duration until_next_timer() noexcept;  // publishes the deadline until which the driver sleeps

  const unsigned threads_;
  const unsigned budget_;
  const std::size_t max_spawned_;
  SystemClock system_clock_;
  Clock* clock_;
  Rng rng_;
  const TimePoint origin_;
  const std::unique_ptr<Shuffle> shuffle_;

  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::vector<std::thread> joinable_;
  Parking<> parking_;
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> users_{
      1};  ///< threads, and one for the handles; the last destroys the core

  SpinLock inject_lock_;
  Runnable* inject_first_ = nullptr;
  Runnable* inject_last_ = nullptr;
  std::atomic<std::size_t> injected_{0};

  SpinLock wheel_lock_;
  TimerWheel wheel_;
  std::atomic<std::uint64_t> next_tick_{UINT64_MAX};  // of the wheel
  std::uint64_t driver_until_ = 0;  // tick until which the driver sleeps; under wheel_lock_
  std::atomic<int> driver_{-1};     // worker that sleeps for timers and I/O
  std::atomic<int> monitor_{-1};    // worker that sleeps with a limit
  std::atomic<std::uint32_t> driver_left_{0};  // how often the driver left its seat
  // The monitor's, handed on with its role.
  std::uint32_t driver_left_seen_ = 0;
  std::uint32_t looks_seen_ = 0;
  Duration monitor_period_ = std::chrono::milliseconds(1);

  Reactor reactor_;
  std::atomic<std::int64_t> io_work_{0};
  std::atomic<bool> polling_{false};

  std::atomic<Duration::rep> slow_limit_{0};
  SlowCallback slow_callback_ = nullptr;
  void* slow_context_ = nullptr;

  SpinLock spawned_lock_;
  TaskUnit* spawned_ = nullptr;
  std::size_t spawned_count_ = 0;
  AsyncEvent* none_spawned_ = nullptr;
  std::function<void(std::exception_ptr)> on_unhandled_;

  Worker* entered_before_ = nullptr;
  BlockingPool blocking_;
};

/// Starts a task of its own, unless there are `limit` already. The library's own, which end a
/// system, have no limit.
bool spawn_within(SchedulerCore& core, Task<void> task, std::size_t limit = SIZE_MAX);

}  // namespace coerce::detail
