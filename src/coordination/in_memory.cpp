#include <coerce/coordination/in_memory.hpp>

#include <algorithm>

#include <coerce/runtime/detail/timer.hpp>

#include "coordination/lease_limits.hpp"

namespace coerce {

namespace {

using Kind = LeaseErr::Kind;

/// The time of the system whose task awaits it.
class CallerTime {
 public:
  explicit CallerTime(const Clock* clock) noexcept : clock_(clock) {}
  bool await_ready() const noexcept { return false; }
  template <detail::UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    now_ = clock_ != nullptr ? clock_->now() : detail::now(*caller.promise().unit->scheduler);
    return false;
  }
  TimePoint await_resume() const noexcept { return now_; }

 private:
  const Clock* clock_;
  TimePoint now_{};
};

}  // namespace

Task<LeaseResult<std::optional<LeaseGrant>>> InMemoryLeaseStore::acquire(std::string name,
                                                                         std::string owner,
                                                                         Duration ttl) {
  if (auto bad = detail::check_lease(options_.limits, name, owner, ttl))
    co_return coerce::unexpected(std::move(*bad));
  const TimePoint calling = co_await CallerTime(options_.clock);

  const std::lock_guard guard(mutex_);
  const TimePoint now = latest(calling);
  if (!leases_.contains(name) && leases_.size() >= options_.max_names)
    co_return coerce::unexpected(LeaseErr(Kind::Limit, "as many names as may be used have been"));
  Lease& lease = leases_[name];
  const bool is_held = !lease.owner.empty() && now < lease.end;
  if (is_held && lease.owner != owner) co_return std::optional<LeaseGrant>();
  if (!is_held) ++lease.epoch.value;
  lease.owner = std::move(owner);
  lease.ttl = ttl;
  lease.end = now + ttl;
  co_return std::optional(LeaseGrant{lease.epoch, ttl});
}

Task<LeaseResult<bool>> InMemoryLeaseStore::renew(std::string name, std::string owner,
                                                  Epoch epoch) {
  if (auto bad = detail::check_lease(options_.limits, name, owner))
    co_return coerce::unexpected(std::move(*bad));
  const TimePoint calling = co_await CallerTime(options_.clock);

  const std::lock_guard guard(mutex_);
  const TimePoint now = latest(calling);
  Lease* lease = held(name, owner, epoch, now);
  if (lease == nullptr) co_return false;
  lease->end = now + lease->ttl;
  co_return true;
}

Task<LeaseResult<void>> InMemoryLeaseStore::release(std::string name, std::string owner,
                                                    Epoch epoch) {
  if (auto bad = detail::check_lease(options_.limits, name, owner))
    co_return coerce::unexpected(std::move(*bad));
  const TimePoint calling = co_await CallerTime(options_.clock);

  const std::lock_guard guard(mutex_);
  if (Lease* lease = held(name, owner, epoch, latest(calling))) lease->owner.clear();
  co_return LeaseResult<void>();
}

TimePoint InMemoryLeaseStore::latest(TimePoint calling) {
  return latest_ = std::max(latest_, calling);
}

InMemoryLeaseStore::Lease* InMemoryLeaseStore::held(const std::string& name,
                                                    const std::string& owner, Epoch epoch,
                                                    TimePoint now) {
  const auto place = leases_.find(name);
  if (place == leases_.end()) return nullptr;
  Lease& lease = place->second;
  return lease.owner == owner && lease.epoch == epoch && now < lease.end ? &lease : nullptr;
}

}  // namespace coerce
