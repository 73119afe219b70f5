/// \file
/// Leases that break one promise.

#pragma once

#include <coerce/coordination/lease_store.hpp>
#include <coerce/runtime/detail/timer.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace coerce::test {

enum class LeaseLie : std::uint8_t {
  None,
  GrantsWhileAnotherHolds,
  GrantsNowAndThen,
  RefusesWhenFree,
  ReusesAnEpochAfterRelease,
  ReusesAnEpochAfterExpiry,
  SameOwnerKeepsItsEpochForEver,
  OwnerGetsANewEpoch,
  OneEpochForAll,
  ForgetsEpochsOnRestart,
  ForgetsOwnersOnRestart,
  RenewsAfterExpiry,
  RenewsForAnybody,
  RenewsUnderAnyEpoch,
  RenewsTheReleased,
  RenewsWithoutEffect,
  SaysLostWhenHeld,
  ReleasesForAnybody,
  ReleasesUnderAnyEpoch,
  ReleaseWithoutEffect,
  ExpiresEarly,
  NeverExpires,
  RefusalProlongs,
  TimeOfTheFirstAcquisition,
  GrantsAnotherTime,
  NamesIgnoreCase,
  NoLimits,
  // says nothing, so that nothing is a lie
  AcquireUnavailable,
  RenewUnavailable,
  ReleaseUnavailable,
  Last = ReleaseUnavailable
};

/// The time of the system whose task awaits it.
class CallerTime {
 public:
  CallerTime() noexcept = default;
  bool await_ready() const noexcept { return false; }
  template <detail::UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    now_ = detail::now(*caller.promise().unit->scheduler);
    return false;
  }
  TimePoint await_resume() const noexcept { return now_; }

 private:
  TimePoint now_;
};

/// For one thread.
class LyingLeases final : public LeaseStore {
  using Lie = LeaseLie;

 public:
  struct Lease {
    Epoch epoch;
    std::string owner;
    std::string last_owner;
    Duration ttl{};
    TimePoint end;
  };
  struct Store {
    std::map<std::string, Lease> leases;
    std::uint64_t epochs = 0;
    std::uint64_t calls = 0;
  };

  LyingLeases(std::shared_ptr<Store> store, Lie lie) : store_(std::move(store)), lie_(lie) {}

  void restart() {
    for (auto& [name, lease] : store_->leases) {
      if (is(Lie::ForgetsEpochsOnRestart)) lease.epoch = Epoch{};
      if (is(Lie::ForgetsOwnersOnRestart)) lease.owner.clear();
    }
  }

  Task<LeaseResult<std::optional<LeaseGrant>>> acquire(std::string name, std::string owner,
                                                       Duration ttl) override {
    if (is(Lie::AcquireUnavailable)) co_return unavailable();
    now_ = co_await CallerTime();
    const LeaseLimits limits;
    const bool is_bad = name.empty() || name.size() > limits.max_name_bytes || owner.empty() ||
                        owner.size() > limits.max_name_bytes || ttl < limits.min_ttl ||
                        ttl > limits.max_ttl;
    if (is_bad && !is(Lie::NoLimits)) co_return coerce::unexpected(LeaseErr(LeaseErr::Kind::Limit));
    const bool now_and_then = ++store_->calls % 9 == 0;
    Lease& lease = find(name);
    const bool was_held = is_held(lease);
    const bool is_own = lease.owner == owner;
    const bool grants_anyway =
        is(Lie::GrantsWhileAnotherHolds) || (is(Lie::GrantsNowAndThen) && now_and_then);
    if (was_held && !is_own && !grants_anyway) {
      if (is(Lie::RefusalProlongs)) lease.end = now_ + lease.ttl;
      co_return std::optional<LeaseGrant>();
    }
    if (!was_held && is(Lie::RefusesWhenFree) && now_and_then)
      co_return std::optional<LeaseGrant>();
    const bool keeps =
        (was_held && is_own && !is(Lie::OwnerGetsANewEpoch)) ||
        (is(Lie::SameOwnerKeepsItsEpochForEver) && lease.last_owner == owner) ||
        (is(Lie::ReusesAnEpochAfterRelease) && lease.owner.empty() && lease.epoch.value != 0) ||
        (is(Lie::ReusesAnEpochAfterExpiry) && !lease.owner.empty()) ||
        (is(Lie::OneEpochForAll) && lease.epoch.value != 0);
    if (!keeps) ++lease.epoch.value;
    const bool has_time = is(Lie::TimeOfTheFirstAcquisition) && was_held && is_own;
    lease.owner = lease.last_owner = owner;
    if (!has_time) {
      lease.ttl = ttl;
      lease.end = now_ + (is(Lie::ExpiresEarly) ? ttl / 4 : ttl);
    }
    if (is(Lie::GrantsAnotherTime)) ttl *= 2;
    co_return std::optional(LeaseGrant{lease.epoch, ttl});
  }

  Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) override {
    if (is(Lie::RenewUnavailable)) co_return unavailable();
    now_ = co_await CallerTime();
    const bool now_and_then = ++store_->calls % 9 == 0;
    Lease& lease = find(name);
    const bool is_owner = lease.owner == owner || is(Lie::RenewsForAnybody) ||
                          (is(Lie::RenewsTheReleased) && lease.last_owner == owner);
    const bool is_epoch = lease.epoch == epoch || is(Lie::RenewsUnderAnyEpoch);
    const bool is_in_time = is_held(lease) || is(Lie::RenewsAfterExpiry) ||
                            (is(Lie::RenewsTheReleased) && lease.owner.empty());
    if (!is_owner || !is_epoch || !is_in_time || (is(Lie::SaysLostWhenHeld) && now_and_then))
      co_return false;
    if (!is(Lie::RenewsWithoutEffect)) lease.end = now_ + lease.ttl;
    co_return true;
  }

  Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) override {
    if (is(Lie::ReleaseUnavailable)) co_return unavailable();
    Lease& lease = find(name);
    const bool is_owner = lease.owner == owner || is(Lie::ReleasesForAnybody);
    const bool is_epoch = lease.epoch == epoch || is(Lie::ReleasesUnderAnyEpoch);
    if (is_owner && is_epoch && !is(Lie::ReleaseWithoutEffect)) lease.owner.clear();
    co_return LeaseResult<void>();
  }

  bool advisory() const noexcept override { return true; }

 private:
  static tl::unexpected<LeaseErr> unavailable() {
    return coerce::unexpected(LeaseErr(LeaseErr::Kind::Unavailable));
  }
  bool is(Lie lie) const noexcept { return lie_ == lie; }
  bool is_held(const Lease& lease) const {
    return !lease.owner.empty() && (now_ < lease.end || is(Lie::NeverExpires));
  }
  Lease& find(std::string name) {
    if (is(Lie::NamesIgnoreCase))
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return store_->leases[name];
  }

  std::shared_ptr<Store> store_;
  const Lie lie_;
  TimePoint now_;
};

/// Lying stores by their names.
class LyingLeaseStores {
 public:
  explicit LyingLeaseStores(LeaseLie lie) : lie_(lie) {}

  std::shared_ptr<LyingLeases> operator()(const std::string& name) {
    std::shared_ptr<LyingLeases::Store>& store = stores_[name];
    const bool is_new = store == nullptr;
    if (is_new) store = std::make_shared<LyingLeases::Store>();
    auto leases = std::make_shared<LyingLeases>(store, lie_);
    if (!is_new) leases->restart();
    return leases;
  }

 private:
  LeaseLie lie_;
  std::map<std::string, std::shared_ptr<LyingLeases::Store>> stores_;
};

}  // namespace coerce::test
