#include <coerce/testkit/failing_journal.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/sleep.hpp>

namespace coerce::testkit {

namespace {

using Kind = JournalErr::Kind;
using Late = std::function<Task<void>()>;

constexpr std::size_t kOps = static_cast<std::size_t>(JournalOp::ReadByTag) + 1;
constexpr std::uint32_t kMillion = 1'000'000;

std::size_t index_of(JournalOp op) { return static_cast<std::size_t>(op); }

/// Faults that were asked for.
struct Ordered {
  std::optional<JournalOp> op;  ///< or any
  JournalFault fault;
  std::size_t left;
};

/// What is to become of one operation.
struct Plan {
  std::optional<JournalFault> fault;
  Duration wait{};
  std::shared_ptr<coerce::detail::AsyncEvent> gate;
};

JournalErr error_of(JournalFault fault) {
  switch (fault) {
    case JournalFault::Unavailable:
      return JournalErr(Kind::Unavailable, "a test wants it so");
    case JournalFault::Corrupt:
      return JournalErr(Kind::Corrupt, "a test wants it so");
    case JournalFault::UnknownDone:
    case JournalFault::UnknownNotDone:
    case JournalFault::UnknownLate:
    case JournalFault::Torn:
      break;
  }
  return JournalErr(Kind::Unknown, "a test wants it so");
}

}  // namespace

std::string_view to_string(JournalOp op) noexcept {
  constexpr std::array<std::string_view, kOps> kNames = {"open",
                                                         "reopen",
                                                         "append",
                                                         "read",
                                                         "head",
                                                         "write_snapshot",
                                                         "read_latest_snapshot",
                                                         "delete_events_to",
                                                         "delete_snapshots_to",
                                                         "delete_all",
                                                         "read_by_tag"};
  return index_of(op) < kOps ? kNames[index_of(op)] : "?";
}

class FailingJournalCore final : public JournalStorage,
                                 public std::enable_shared_from_this<FailingJournalCore> {
 public:
  explicit FailingJournalCore(std::shared_ptr<JournalStorage> inner) : inner_(std::move(inner)) {}

  // ---- commands ---------------------------------------------------------------------------------

  void fail_next(std::optional<JournalOp> op, JournalFault fault, std::size_t n) {
    const std::lock_guard guard(mutex_);
    if (n != 0) ordered_.push_back({op, fault, n});
  }
  void fail_at_random(const JournalFaultRates& rates, std::uint64_t seed) {
    const std::uint64_t sum = std::uint64_t{rates.unavailable} + rates.unknown_done +
                              rates.unknown_not_done + rates.unknown_late + rates.torn;
    if (sum > kMillion) throw std::invalid_argument("rates: above a million together");
    if (rates.max_delay <= Duration::zero())
      throw std::invalid_argument("max_delay: must be above 0");
    const std::lock_guard guard(mutex_);
    rates_ = rates;
    rng_.emplace(seed);
  }
  void delay(JournalOp op, Duration wait) {
    const std::lock_guard guard(mutex_);
    waits_[index_of(op)] = wait;
  }
  void hold(JournalOp op) {
    const std::lock_guard guard(mutex_);
    if (gate_ == nullptr) gate_ = std::make_shared<coerce::detail::AsyncEvent>();
    is_held_[index_of(op)] = true;
  }
  void release() {
    std::unique_lock lock(mutex_);
    const auto gate = std::exchange(gate_, nullptr);
    is_held_.fill(false);
    lock.unlock();
    if (gate != nullptr) gate->set();
  }
  void heal() {
    std::unique_lock lock(mutex_);
    ordered_.clear();
    rng_.reset();
    waits_.fill(Duration::zero());
    lock.unlock();
    release();
  }
  std::size_t held() const {
    const std::lock_guard guard(mutex_);
    return held_;
  }
  std::size_t calls(JournalOp op) const {
    const std::lock_guard guard(mutex_);
    return calls_[index_of(op)];
  }
  std::size_t faults() const {
    const std::lock_guard guard(mutex_);
    return faults_;
  }

  // ---- operations -------------------------------------------------------------------------------

  Task<JournalResult<OpenedJournal>> open(std::string id, std::optional<Epoch> owner) override {
    return pass(JournalOp::Open, [inner = inner_, id, owner] { return inner->open(id, owner); });
  }
  Task<JournalResult<OpenedJournal>> reopen(WriteToken token) override {
    return pass(JournalOp::Reopen, [inner = inner_, token] { return inner->reopen(token); });
  }
  Task<JournalResult<std::int64_t>> append(WriteToken token, std::int64_t expected_head,
                                           AppendId append_id,
                                           std::vector<JournalEntry> entries) override {
    std::vector<JournalEntry> half(
        entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(entries.size() / 2));
    const auto write = [inner = inner_, token, expected_head,
                        append_id](std::vector<JournalEntry> which) {
      return [inner, token, expected_head, append_id, which = std::move(which)] {
        return inner->append(token, expected_head, append_id, which);
      };
    };
    return pass(JournalOp::Append, write(std::move(entries)), write(std::move(half)));
  }
  Task<JournalResult<std::vector<JournalEntry>>> read(std::string id, std::int64_t from,
                                                      std::int64_t to,
                                                      std::size_t max_bytes) override {
    return pass(JournalOp::Read, [inner = inner_, id, from, to, max_bytes] {
      return inner->read(id, from, to, max_bytes);
    });
  }
  Task<JournalResult<std::int64_t>> head(std::string id) override {
    return pass(JournalOp::Head, [inner = inner_, id] { return inner->head(id); });
  }
  Task<JournalResult<void>> write_snapshot(WriteToken token, JournalEntry snapshot) override {
    return pass(JournalOp::WriteSnapshot, [inner = inner_, token, snapshot] {
      return inner->write_snapshot(token, snapshot);
    });
  }
  Task<JournalResult<std::optional<JournalEntry>>> read_latest_snapshot(std::string id) override {
    return pass(JournalOp::ReadLatestSnapshot,
                [inner = inner_, id] { return inner->read_latest_snapshot(id); });
  }
  Task<JournalResult<void>> delete_events_to(WriteToken token, std::int64_t n) override {
    return pass(JournalOp::DeleteEventsTo,
                [inner = inner_, token, n] { return inner->delete_events_to(token, n); });
  }
  Task<JournalResult<void>> delete_snapshots_to(WriteToken token, std::int64_t n) override {
    return pass(JournalOp::DeleteSnapshotsTo,
                [inner = inner_, token, n] { return inner->delete_snapshots_to(token, n); });
  }
  Task<JournalResult<void>> delete_all(WriteToken token) override {
    return pass(JournalOp::DeleteAll, [inner = inner_, token] { return inner->delete_all(token); });
  }
  Task<JournalResult<TaggedEntries>> read_by_tag(std::string tag, std::uint64_t offset,
                                                 std::size_t max_bytes) override {
    return pass(JournalOp::ReadByTag, [inner = inner_, tag, offset, max_bytes] {
      return inner->read_by_tag(tag, offset, max_bytes);
    });
  }
  const JournalLimits& limits() const noexcept override { return inner_->limits(); }

 private:
  template <class F>
  std::invoke_result_t<F&> pass(JournalOp op, F call) {
    auto same = call;
    return run<std::invoke_result_t<F&>>(shared_from_this(), op, std::move(call), std::move(same));
  }
  template <class F>
  std::invoke_result_t<F&> pass(JournalOp op, F call, F torn) {
    return run<std::invoke_result_t<F&>>(shared_from_this(), op, std::move(call), std::move(torn));
  }

  template <class R, class F>
  static R run(std::shared_ptr<FailingJournalCore> self, JournalOp op, F call, F torn) {
    const Plan plan = self->plan(op);
    if (plan.gate != nullptr) {
      self->count_held(1);
      const bool is_released = co_await plan.gate->wait();
      self->count_held(-1);
      if (!is_released) co_return coerce::unexpected(error_of(JournalFault::Unavailable));
    }
    if (plan.wait > Duration::zero()) (void)co_await sleep_for(plan.wait);
    if (!plan.fault) {
      auto result = co_await call();
      co_await land(self);
      co_return result;
    }
    if (*plan.fault == JournalFault::UnknownDone) (void)co_await call();
    if (*plan.fault == JournalFault::Torn) (void)co_await torn();
    co_await land(self);
    if (*plan.fault == JournalFault::UnknownLate) self->put_off(std::move(call));
    co_return coerce::unexpected(error_of(*plan.fault));
  }

  /// Does what was put off.
  static Task<void> land(std::shared_ptr<FailingJournalCore> self) {
    std::unique_lock lock(self->mutex_);
    const std::vector<Late> all = std::exchange(self->late_, {});
    lock.unlock();
    for (const Late& late : all) co_await late();
  }
  /// An operation whose answer nobody wants.
  template <class F>
  static Task<void> perform(F call) {
    (void)co_await call();
  }
  template <class F>
  void put_off(F call) {
    const std::lock_guard guard(mutex_);
    late_.emplace_back([call = std::move(call)] { return perform(call); });
  }

  Plan plan(JournalOp op) {
    const std::lock_guard guard(mutex_);
    ++calls_[index_of(op)];
    Plan made;
    made.wait = waits_[index_of(op)];
    if (is_held_[index_of(op)]) made.gate = gate_;
    made.fault = take(op);
    if (rng_) draw(op, made);
    if (made.fault) ++faults_;
    return made;
  }
  std::optional<JournalFault> take(JournalOp op) {
    const auto place = std::find_if(ordered_.begin(), ordered_.end(),
                                    [op](const Ordered& o) { return !o.op || *o.op == op; });
    if (place == ordered_.end()) return std::nullopt;
    const JournalFault fault = place->fault;
    if (--place->left == 0) ordered_.erase(place);
    return fault;
  }
  void draw(JournalOp op, Plan& plan) {
    if (rng_->below(kMillion) < rates_.delayed)
      plan.wait += Duration(static_cast<Duration::rep>(
          rng_->below(static_cast<std::uint64_t>(rates_.max_delay.count()))));
    if (plan.fault) return;
    const std::pair<std::uint32_t, JournalFault> shares[] = {
        {rates_.unavailable, JournalFault::Unavailable},
        {rates_.unknown_done, JournalFault::UnknownDone},
        {rates_.unknown_not_done, JournalFault::UnknownNotDone},
        {rates_.unknown_late, JournalFault::UnknownLate},
        {rates_.torn, JournalFault::Torn}};
    std::uint64_t dice = rng_->below(kMillion);
    for (const auto& [share, fault] : shares) {
      if (dice < share) {
        const bool is_stealing = op == JournalOp::Open && fault == JournalFault::UnknownLate;
        plan.fault = is_stealing ? JournalFault::UnknownNotDone : fault;
        return;
      }
      dice -= share;
    }
  }
  void count_held(int by) {
    const std::lock_guard guard(mutex_);
    held_ += static_cast<std::size_t>(by);
  }

  const std::shared_ptr<JournalStorage> inner_;
  mutable std::mutex mutex_;
  std::deque<Ordered> ordered_;
  JournalFaultRates rates_;
  std::optional<Rng> rng_;
  std::array<Duration, kOps> waits_{};
  std::array<bool, kOps> is_held_{};
  std::shared_ptr<coerce::detail::AsyncEvent> gate_;
  std::vector<Late> late_;
  std::size_t held_ = 0;
  std::array<std::size_t, kOps> calls_{};
  std::size_t faults_ = 0;
};

FailingJournal::FailingJournal(const StorageProvider& inner)
    : core_(std::make_shared<FailingJournalCore>(inner.journal_storage())) {}

std::shared_ptr<JournalStorage> FailingJournal::journal_storage() const { return core_; }

void FailingJournal::fail_next(JournalOp op, JournalFault fault, std::size_t n) {
  core_->fail_next(op, fault, n);
}
void FailingJournal::fail_next(JournalFault fault, std::size_t n) {
  core_->fail_next(std::nullopt, fault, n);
}
void FailingJournal::fail_at_random(const JournalFaultRates& rates, std::uint64_t seed) {
  core_->fail_at_random(rates, seed);
}
void FailingJournal::delay(JournalOp op, Duration wait) { core_->delay(op, wait); }
void FailingJournal::hold(JournalOp op) { core_->hold(op); }
void FailingJournal::release() { core_->release(); }
void FailingJournal::heal() { core_->heal(); }
std::size_t FailingJournal::held() const { return core_->held(); }
std::size_t FailingJournal::calls(JournalOp op) const { return core_->calls(op); }
std::size_t FailingJournal::faults() const { return core_->faults(); }

}  // namespace coerce::testkit
