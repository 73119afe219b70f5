#include "scheduler_core.hpp"

#include <coerce/runtime/detail/asio_bridge.hpp>

#include "runtime/inspection.hpp"

#include <algorithm>
#include <stdexcept>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace coerce::detail {

namespace {
constexpr std::uint64_t kCyclesPerLook = 60'000;  // about 20-30 µs
constexpr unsigned kPicksPerLook = 16;
constexpr std::size_t kTimersPerTurn = 256;
constexpr Duration kTick = std::chrono::milliseconds(1);
// One parked worker, the monitor, looks around now and then, for the case that the driver was woken
// and is held up by a long handler while timers and events wait: often while the driver comes and
// goes, ever more seldom while it sleeps.
constexpr Duration kShortestWatch = std::chrono::milliseconds(1);
constexpr Duration kLongestWatch = std::chrono::milliseconds(200);
}  // namespace

std::uint64_t cycles() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) *
         3;
#endif
}

// ---- worker -----------------------------------------------------------------------------------

WorkerThread::WorkerThread(SchedulerCore& core, unsigned index) noexcept
    : Worker(core, core.shuffle() != nullptr ? 1 : core.budget(), index),
      random_(core.rng().next() | 1) {
  if (core.shuffle() != nullptr) chain_ = 0;
}

void Worker::push_back(Runnable& runnable) noexcept {
  static_cast<WorkerThread*>(this)->push_back(runnable);
}

void WorkerThread::push_back(Runnable& runnable) noexcept {
  if (!ring_.push(runnable)) [[unlikely]] {
    scheduler_->inject(runnable);
    return;
  }
  scheduler_->work_published();
}

bool Worker::turn_is_over() noexcept { return static_cast<WorkerThread*>(this)->is_due_to_look(); }

bool WorkerThread::is_due_to_look() noexcept {
  if (!scheduler_->caller_driven()) {
    if (cycles() - looked_at_ < kCyclesPerLook) return false;
  } else if (Shuffle* shuffle = scheduler_->shuffle(); shuffle != nullptr && shuffle->goes_on()) {
    return false;
  }
  chain_ = 0;
  return true;
}

bool WorkerThread::has_work() const noexcept { return lifo_ != nullptr || !ring_.empty(); }

inline Runnable* WorkerThread::next() noexcept {
  const unsigned chained = kChain - std::exchange(chain_, kChain);
  lifo_streak_ += chained;
  picks_ += 1 + chained;
  if (picks_ >= kPicksPerLook) [[unlikely]] {
    picks_ = 0;
    if (scheduler_->shuffle() != nullptr) return next_drawn();  // its chain_ is 0: at each pick
    look_around();
  }
  if (lifo_ != nullptr && ++lifo_streak_ < kLifoStreak) return std::exchange(lifo_, nullptr);
  lifo_streak_ = 0;
  if (Runnable* runnable = ring_.pop()) return runnable;
  if (lifo_ != nullptr) return std::exchange(lifo_, nullptr);
  return scheduler_->take_injected(*this);
}

bool WorkerThread::step(ThreadState& thread) {
  Runnable* runnable = next();
  if (runnable == nullptr) return false;
  execute(*runnable, thread);
  return true;
}

void WorkerThread::execute(Runnable& runnable, ThreadState& thread) {
  runnable.run(runnable, thread);
  while (Unit* held = thread.held) {
    if (lifo_ != nullptr && ++lifo_streak_ < kLifoStreak) {
      Runnable* newest = std::exchange(lifo_, nullptr);
      newest->run(*newest, thread);
    }
    if (thread.held == held) let_go(thread);
  }
}

// A busy worker looks at timers, events and the shared list by elapsed time, so that neither many
// short steps nor few long ones keep the outside world waiting.
void WorkerThread::look_around() noexcept {
  const std::uint64_t time = cycles();
  if (time - looked_at_ < kCyclesPerLook && !scheduler_->caller_driven()) return;
  looked_at_ = time;
  count_look();
  // A caller-driven scheduler looks around by counting, so more often than its clock need be read.
  if (!scheduler_->caller_driven() || looks_.load(std::memory_order_relaxed) % 16 == 0)
    read_clock();
  scheduler_->fire_timers();
  if (scheduler_->io_pending()) scheduler_->poll_reactor();
  if (Runnable* runnable = scheduler_->take_injected(*this)) push_back(*runnable);
  watch_peers(false);
}

void WorkerThread::read_clock() noexcept { clock_ms_ = scheduler_->clock_ms(); }

Runnable* WorkerThread::steal() noexcept {
  const auto& workers = scheduler_->workers_;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const std::size_t start = random_ % workers.size();
  for (std::size_t i = 0; i < workers.size(); ++i) {
    WorkerThread& victim = *workers[(start + i) % workers.size()];
    if (&victim == this) continue;
    if (Runnable* runnable = victim.ring_.steal_into(ring_)) return runnable;
  }
  return nullptr;
}

// Called as a searcher. Polls the reactor before it would sleep: an answer that is already there
// costs a tenth of a sleep.
Runnable* WorkerThread::search() noexcept {
  watch_peers(true);
  for (int round = 0; round < 2; ++round) {
    read_clock();
    count_look();
    scheduler_->fire_timers();
    if (scheduler_->io_pending()) scheduler_->poll_reactor();
    if (lifo_ != nullptr) return std::exchange(lifo_, nullptr);
    if (Runnable* runnable = ring_.pop()) return runnable;
    if (Runnable* runnable = scheduler_->take_injected(*this)) return runnable;
    if (Runnable* runnable = steal()) return runnable;
    for (int i = 0; i < 32; ++i) cpu_relax();
  }
  return nullptr;
}

void WorkerThread::run() {
  ThreadState& thread = thread_state();
  thread.worker = this;
  state_.store(&thread, std::memory_order_release);
  while (!scheduler_->stopping_.load(std::memory_order_acquire)) {
    if (step(thread)) continue;
    scheduler_->parking_.search_begin();
    for (;;) {
      if (Runnable* runnable = search()) {
        if (scheduler_->parking_.search_end() && scheduler_->has_queued_work())
          scheduler_->wake_if_needed();
        scheduler_->keep_seats_taken();
        execute(*runnable, thread);
        break;
      }
      if (scheduler_->stopping_.load(std::memory_order_acquire)) return;
      park();
    }
  }
}

// Until it is woken, nobody watches any more, or it is time to look at the peers.
void WorkerThread::monitor_others() noexcept {
  SchedulerCore& core = *scheduler_;
  for (Duration slept{};;) {
    const Duration until_watch = core.watch_period() - slept;
    const Duration period = std::min(core.monitor_period(), until_watch);
    if (signal_.wait(period) || !core.is_watched() || period == until_watch) return;
    slept += period;
  }
}

// Enters and leaves as a searcher.
void WorkerThread::park() {
  SchedulerCore& core = *scheduler_;
  const int self = static_cast<int>(index_);
  int nobody = -1;
  const bool driver = core.driver_.compare_exchange_strong(nobody, self, std::memory_order_seq_cst);
  nobody = -1;
  const bool monitor =
      !driver && core.monitor_.compare_exchange_strong(nobody, self, std::memory_order_seq_cst);
  bool reactor =
      driver && core.io_pending() && !core.polling_.exchange(true, std::memory_order_acquire);
  in_reactor_.store(reactor, std::memory_order_seq_cst);

  core.parking_.park_begin(self);
  // The second look: whatever was published before we were seen as parked is visible now.
  bool found = core.stopping_.load(std::memory_order_seq_cst) || core.has_queued_work() ||
               (driver && !reactor && core.io_pending());
  // The driver may have left its seat between our try and our being parked; somebody has to take
  // it.
  found = found || (!driver && core.driver_.load(std::memory_order_seq_cst) == -1);
  Duration limit = Duration::max();
  if (driver) {
    limit = core.until_next_timer();
    found = found || limit <= Duration::zero();
    limit = std::min(limit, core.watch_period());
  }
  if (!found) {
    if (monitor)
      monitor_others();
    else if (!reactor)
      signal_.wait(limit);
    else
      core.reactor_.wait(std::min<Duration>(limit, std::chrono::hours(1)));
  }
  if (!core.parking_.park_cancel(self)) {
    // Somebody took us out of the set: its signal is there or on the way; take it, so that the next
    // sleep is not cut short by it.
    for (unsigned spins = 0; !signal_.take() && !found && reactor;) back_off(spins);
  }
  if (reactor) core.polling_.store(false, std::memory_order_release);
  in_reactor_.store(false, std::memory_order_relaxed);
  if (driver) {
    const std::lock_guard guard(core.wheel_lock_);
    core.driver_until_ = 0;
    core.driver_.store(-1, std::memory_order_seq_cst);
    core.driver_left_.fetch_add(1, std::memory_order_relaxed);
  }
  if (monitor) core.monitor_.store(-1, std::memory_order_seq_cst);
}

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

// ---- spawned tasks ----------------------------------------------------------------------------

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

// ---- caller-driven ----------------------------------------------------------------------------

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
