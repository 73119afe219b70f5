// Workers that see others stay in one activation for long.

#include "runtime/inspection.hpp"
#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

namespace {
constexpr std::uint64_t kCyclesPerLook = 30'000'000;  // about 10 ms
constexpr Duration kIdlePeriod = std::chrono::milliseconds(200);
constexpr Duration kShortestPeriod = std::chrono::milliseconds(1);
constexpr int kLooksPerLimit = 4;
}  // namespace

void SchedulerCore::on_slow(Duration limit, SlowCallback callback, void* context) noexcept {
  slow_callback_ = callback;
  slow_context_ = context;
  if (workers_.size() < 2) return;
  onlookers_exist.store(true, std::memory_order_seq_cst);
  slow_limit_.store(limit.count(), std::memory_order_seq_cst);
  // The driver may sleep already, for as long as there is no timer: it takes its seat and parks
  // before it reads the limit.
  const int driver = driver_.load(std::memory_order_seq_cst);
  if (driver >= 0 && parking_.unpark(driver)) wake(driver);
}

// How long a parked worker may sleep: all the time it takes for others to be slow is cut in a few
// parts, so that runs of short activations are hardly ever taken for a long one.
Duration SchedulerCore::watch_period() noexcept {
  const Duration limit = slow_limit();
  if (limit == Duration::zero()) return Duration::max();
  const Inspection inspection;
  for (const auto& worker : workers_) {
    const ThreadState* state = worker->state_.load(std::memory_order_seq_cst);
    if (state != nullptr && state->unit.seen() != nullptr)
      return std::clamp(limit / kLooksPerLimit, kShortestPeriod, kIdlePeriod);
  }
  return kIdlePeriod;
}

// A busy worker looks at one peer at a time, one that has nothing to do at all of them.
void WorkerThread::watch_peers(bool all) noexcept {
  if (scheduler_->slow_limit() == Duration::zero()) return;
  const std::uint64_t time = cycles();
  if (time - watched_at_ < (all ? kCyclesPerLook / 10 : kCyclesPerLook)) return;
  watched_at_ = time;
  const auto& workers = scheduler_->workers_;
  for (std::size_t left = all ? workers.size() : 1; left > 0; --left) {
    watched_peer_ = (watched_peer_ + 1) % workers.size();
    if (workers[watched_peer_].get() != this) workers[watched_peer_]->be_watched();
  }
}

// By a peer. The same unit, and no look around since: it is the same activation, or one of a few
// that follow each other without one.
void WorkerThread::be_watched() noexcept {
  if (!sight_.lock.try_lock()) return;
  std::function<void()> tell;  // after the inspection, which others wait for
  {
    const Inspection inspection;
    const ThreadState* state = state_.load(std::memory_order_seq_cst);
    Unit* unit = state != nullptr ? state->unit.seen() : nullptr;
    const std::uint32_t looks = looks_.load(std::memory_order_relaxed);
    const TimePoint time = scheduler_->clock().now();
    if (unit == nullptr || unit != sight_.unit || looks != sight_.looks) {
      sight_.unit = unit;
      sight_.looks = looks;
      sight_.since = time;
      sight_.reported = false;
    } else if (!sight_.reported && time - sight_.since >= scheduler_->slow_limit()) {
      sight_.reported = true;
      tell = scheduler_->describe_slow(*unit, time - sight_.since);
    }
  }
  sight_.lock.unlock();
  if (tell) tell();
}

}  // namespace coerce::detail
