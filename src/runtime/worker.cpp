// What a worker runs next, when it looks around, and how it sleeps.

#include "runtime/scheduler_core.hpp"

#include <algorithm>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace coerce::detail {

namespace {
constexpr std::uint64_t kCyclesPerLook = 60'000;  // about 20-30 µs
constexpr unsigned kPicksPerLook = 16;
constexpr std::uint64_t kNoSleep = 3'000;  // cycles: the reactor had something at once
}  // namespace

std::uint64_t cycles() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) *
         3;
#endif
}

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
// costs a tenth of a sleep. What a sleep in the reactor has brought runs before it is asked again.
//
// A worker without others polls only while that pays: it sleeps in the reactor, which sees what is
// there all the same, and whoever is to answer may need this processor.
Runnable* WorkerThread::search() noexcept {
  watch_peers(true);
  const bool alone = scheduler_->workers_.size() == 1;
  for (int round = 0; round < 2; ++round) {
    read_clock();
    count_look();
    scheduler_->fire_timers();
    if (scheduler_->io_pending() && (!alone || polling_pays_) && !has_work())
      polling_pays_ = scheduler_->poll_reactor() > 0;
    if (lifo_ != nullptr) return std::exchange(lifo_, nullptr);
    if (Runnable* runnable = ring_.pop()) return runnable;
    if (Runnable* runnable = scheduler_->take_injected(*this)) return runnable;
    if (Runnable* runnable = steal()) return runnable;
    if (alone) break;
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

void WorkerThread::sleep_in_reactor(Duration limit) noexcept {
  const std::uint64_t began = cycles();
  scheduler_->reactor_.wait(std::min<Duration>(limit, std::chrono::hours(1)));
  polling_pays_ = cycles() - began < kNoSleep;
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
      sleep_in_reactor(limit);
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

}  // namespace coerce::detail
