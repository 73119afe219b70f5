// The shared queue, timers and events of the workers, and who is woken for them.

#include "runtime/scheduler_core.hpp"

#include <algorithm>
#include <stdexcept>

#include <coerce/runtime/detail/asio_bridge.hpp>

#include "runtime/inspection.hpp"

namespace coerce::detail {

namespace {
constexpr std::size_t kTimersPerTurn = 256;
constexpr Duration kTick = std::chrono::milliseconds(1);
// One parked worker, the monitor, looks around now and then, for the case that the driver was woken
// and is held up by a long handler while timers and events wait: often while the driver comes and
// goes, ever more seldom while it sleeps.
constexpr Duration kShortestWatch = std::chrono::milliseconds(1);
constexpr Duration kLongestWatch = std::chrono::milliseconds(200);
}  // namespace

// ---- queues -----------------------------------------------------------------------------------

void inject(SchedulerCore& core, Runnable& runnable) noexcept { core.inject(runnable); }
Rng& rng_of(SchedulerCore& core) noexcept { return core.rng(); }
std::uint32_t clock_ms(const SchedulerCore& core) noexcept { return core.clock_ms(); }

void SchedulerCore::inject(Runnable& runnable) noexcept {
  runnable.next_runnable = nullptr;
  {
    const std::lock_guard guard(inject_lock_);
    (inject_last_ != nullptr ? inject_last_->next_runnable : inject_first_) = &runnable;
    inject_last_ = &runnable;
    injected_.fetch_add(1, std::memory_order_seq_cst);
  }
  if (caller_driven())
    reactor_.interrupt();
  else
    wake_if_needed();
}

Runnable* SchedulerCore::take_injected(WorkerThread& worker) noexcept {
  if (injected_.load(std::memory_order_relaxed) == 0) return nullptr;
  const std::lock_guard guard(inject_lock_);
  Runnable* first = inject_first_;
  if (first == nullptr) return nullptr;
  // A share for this worker: one to run, some for its ring, the rest for others.
  std::size_t share = std::min<std::size_t>(
      injected_.load(std::memory_order_relaxed) / workers_.size(), WorkRing::kCapacity / 4);
  std::size_t taken = 1;
  inject_first_ = first->next_runnable;
  for (; taken < share && inject_first_ != nullptr; ++taken) {
    Runnable* next =
        inject_first_->next_runnable;  // a thief may run it as soon as it is in the ring
    if (!worker.ring_.push(*inject_first_)) break;
    inject_first_ = next;
  }
  if (inject_first_ == nullptr) inject_last_ = nullptr;
  injected_.fetch_sub(taken, std::memory_order_seq_cst);
  return first;
}

// The driver is left in its seat as long as somebody else sleeps.
void SchedulerCore::wake_if_needed() noexcept {
  const int worker = parking_.to_wake(driver_.load(std::memory_order_relaxed));
  if (worker >= 0) wake(worker);
}

// Both who had a seat may have left it for work that takes long, while others sleep without one.
// Who leaves empties its seat before it looks at the other one, so the later one sees both empty.
void SchedulerCore::keep_seats_taken() noexcept {
  if (driver_.load(std::memory_order_seq_cst) != -1) return;
  if (monitor_.load(std::memory_order_seq_cst) != -1) return;
  if (const int worker = parking_.unpark_any(); worker >= 0) wake(worker);
}

bool SchedulerCore::has_queued_work() const noexcept {
  if (has_injected()) return true;
  for (const auto& worker : workers_)
    if (!worker->ring_.empty()) return true;
  return false;
}

// Does the driver sleep in its seat, or has a busy worker looked around since the last question?
bool SchedulerCore::is_watched() noexcept {
  if (driver_.load(std::memory_order_relaxed) != -1) return true;
  std::uint32_t looks = 0;
  for (const auto& worker : workers_) looks += worker->looks_.load(std::memory_order_relaxed);
  return std::exchange(looks_seen_, looks) != looks;
}

Duration SchedulerCore::monitor_period() noexcept {
  const std::uint32_t left = driver_left_.load(std::memory_order_relaxed);
  const bool quiet = std::exchange(driver_left_seen_, left) == left;
  monitor_period_ = quiet ? std::min(2 * monitor_period_, kLongestWatch) : kShortestWatch;
  return monitor_period_;
}

void SchedulerCore::wake(int worker) noexcept {
  WorkerThread& sleeper = *workers_[static_cast<std::size_t>(worker)];
  const bool in_reactor = sleeper.in_reactor_.load(std::memory_order_seq_cst);
  sleeper.signal_.set();
  if (in_reactor) reactor_.interrupt();
}

// ---- timers -----------------------------------------------------------------------------------

std::uint64_t SchedulerCore::tick_of(TimePoint time) const noexcept {
  const auto since = time - origin_;
  return since <= Duration::zero() ? 0 : static_cast<std::uint64_t>(since / kTick);
}

void SchedulerCore::arm(TimerNode& node, TimePoint deadline) noexcept {
  bool wake_driver = false;
  {
    const std::lock_guard guard(wheel_lock_);
    wheel_.insert(node, tick_of(later(deadline, kTick - Duration(1))));  // rounded up: never early
    const std::uint64_t tick = std::min(next_tick_.load(std::memory_order_relaxed), node.tick);
    next_tick_.store(tick, std::memory_order_relaxed);
    wake_driver = node.tick < driver_until_;
    if (wake_driver) driver_until_ = 0;
  }
  if (wake_driver) {
    const int driver = driver_.load(std::memory_order_seq_cst);
    if (driver >= 0 && parking_.unpark(driver)) wake(driver);
  }
}

bool SchedulerCore::cancel(TimerNode& node) noexcept {
  const std::lock_guard guard(wheel_lock_);
  return wheel_.remove(node);
}

std::size_t SchedulerCore::fire_timers() noexcept {
  const std::uint64_t next = next_tick_.load(std::memory_order_relaxed);
  if (next == UINT64_MAX) return 0;
  const std::uint64_t tick = tick_of(clock_->now());
  if (tick < next) return 0;
  if (!wheel_lock_.try_lock()) return 0;  // whoever holds it looks as well, or soon
  const std::size_t fired = wheel_.advance(tick, kTimersPerTurn);
  next_tick_.store(wheel_.next_tick().value_or(UINT64_MAX), std::memory_order_relaxed);
  wheel_lock_.unlock();
  return fired;
}

Duration SchedulerCore::until_next_timer() noexcept {
  const std::lock_guard guard(wheel_lock_);
  const auto next = wheel_.next_tick();
  next_tick_.store(next.value_or(UINT64_MAX), std::memory_order_relaxed);
  driver_until_ = next.value_or(UINT64_MAX);
  if (!next) return Duration::max();
  return origin_ + kTick * static_cast<Duration::rep>(*next) - clock_->now();
}

std::optional<TimePoint> SchedulerCore::next_deadline() noexcept {
  const std::lock_guard guard(wheel_lock_);
  const auto next = wheel_.next_tick();
  next_tick_.store(next.value_or(UINT64_MAX), std::memory_order_relaxed);
  if (!next) return std::nullopt;
  return origin_ + kTick * static_cast<Duration::rep>(*next);
}

std::size_t SchedulerCore::due_timers() noexcept {
  const std::uint64_t tick = tick_of(clock_->now());
  if (tick < next_tick_.load(std::memory_order_relaxed)) return 0;
  const std::lock_guard guard(wheel_lock_);
  wheel_.advance(tick, 0);
  next_tick_.store(wheel_.next_tick().value_or(UINT64_MAX), std::memory_order_relaxed);
  return wheel_.due_count();
}

void SchedulerCore::fire_due_timer(std::size_t index) noexcept {
  const std::lock_guard guard(wheel_lock_);
  wheel_.fire_due(index);
}

std::size_t SchedulerCore::timer_count() noexcept {
  const std::lock_guard guard(wheel_lock_);
  return wheel_.size();
}

void arm_timer(SchedulerCore& core, TimerNode& node, TimePoint deadline) noexcept {
  core.arm(node, deadline);
}
bool cancel_timer(SchedulerCore& core, TimerNode& node) noexcept { return core.cancel(node); }
TimePoint now(const SchedulerCore& core) noexcept { return core.clock().now(); }

// ---- events -----------------------------------------------------------------------------------

void SchedulerCore::io_work_started() noexcept {
  if (io_work_.fetch_add(1, std::memory_order_seq_cst) != 0) return;
  // A driver that sleeps on its signal does not see events; it has to change its bed.
  const int driver = driver_.load(std::memory_order_seq_cst);
  if (driver >= 0 && parking_.unpark(driver)) wake(driver);
}

std::size_t SchedulerCore::poll_reactor() {
  if (polling_.exchange(true, std::memory_order_acquire)) return 0;
  const std::size_t handlers = reactor_.poll();
  polling_.store(false, std::memory_order_release);
  return handlers;
}

asio::io_context& io_context_of(SchedulerCore& core) noexcept { return core.reactor().context(); }
void io_work_started(SchedulerCore& core) noexcept { core.io_work_started(); }
void io_work_finished(SchedulerCore& core) noexcept { core.io_work_finished(); }
bool may_run_here(SchedulerCore& core) noexcept {
  const ThreadState& thread = thread_state();
  return thread.unit == nullptr && thread.worker != nullptr && &thread.worker->scheduler() == &core;
}
void report_unhandled(SchedulerCore& core, std::exception_ptr error) noexcept {
  core.unhandled(std::move(error));
}

// ---- life -------------------------------------------------------------------------------------

namespace {

unsigned threads_of(const SchedulerOptions& options) {
  if (options.shuffled) {
    if (options.workers.value_or(0) != 0)
      throw std::invalid_argument("shuffled: only a scheduler without workers can be");
    return 0;
  }
  return std::min(options.workers.value_or(std::max(1U, std::thread::hardware_concurrency())),
                  Parking<>::kMaxWorkers);
}

}  // namespace

SchedulerCore::SchedulerCore(const SchedulerOptions& options)
    : threads_(threads_of(options)),
      budget_(std::max(1U, options.budget)),
      max_spawned_(options.max_spawned),
      clock_(options.clock != nullptr ? options.clock : &system_clock_),
      rng_(options.seed != 0 ? options.seed : Rng::random_seed()),
      origin_(clock_->now()),
      shuffle_(options.shuffled ? std::make_unique<Shuffle>(rng_, budget_) : nullptr),
      blocking_(std::max(1U, options.blocking_threads)) {
  for (unsigned i = 0; i < std::max(1U, threads_); ++i)
    workers_.push_back(std::make_unique<WorkerThread>(*this, i));
}

SchedulerCore::~SchedulerCore() = default;

void SchedulerCore::start() {
  users_.fetch_add(threads_, std::memory_order_relaxed);
  for (unsigned i = 0; i < threads_; ++i) {
    joinable_.emplace_back([this, worker = workers_[i].get()] {
      worker->run();
      thread_state().worker = nullptr;
      worker->state_.store(nullptr, std::memory_order_seq_cst);
      await_no_onlookers();
      drop_user();
    });
  }
}

void SchedulerCore::stop() noexcept {
  stopping_.store(true, std::memory_order_seq_cst);
  for (int worker; (worker = parking_.unpark_any()) >= 0;) wake(worker);
  reactor_.interrupt();
  const Worker* here = thread_state().worker;
  const bool inside = !caller_driven() && here != nullptr && &here->scheduler() == this;
  for (auto& thread : joinable_) {
    if (inside)
      thread.detach();
    else
      thread.join();
  }
  joinable_.clear();
  drop_user();
}

void SchedulerCore::drop_user() noexcept {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

}  // namespace coerce::detail
