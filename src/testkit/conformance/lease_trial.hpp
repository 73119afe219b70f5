/// \file
/// What the cases of the lease suite are written with.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/coordination/lease_store.hpp>

#include "testkit/conformance/trial.hpp"

namespace coerce::testkit::conformance::detail {

/// Passes every call on, and writes it down.
class LoggedLeases final : public LeaseStore {
 public:
  LoggedLeases(Trial& trial, std::shared_ptr<LeaseStore> inner, std::string label)
      : trial_(&trial), inner_(std::move(inner)), label_(std::move(label)) {}

  Task<LeaseResult<std::optional<LeaseGrant>>> acquire(std::string name, std::string owner,
                                                       Duration ttl) override;
  Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) override;
  Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) override;
  bool advisory() const noexcept override { return inner_->advisory(); }

 private:
  std::string moment() const;

  Trial* trial_;
  std::shared_ptr<LeaseStore> inner_;
  const std::string label_;
};

using Leases = std::shared_ptr<LeaseStore>;

/// Opens the stores of one trial.
class LeaseTrial {
 public:
  LeaseTrial(Trial& trial, const LeaseStores& stores)
      : trial_(&trial), stores_(&stores), name_(fresh_store_name()) {}

  Trial* operator->() const noexcept { return trial_; }
  /// The trial's store, empty at first; opened anew by each call if has_restarts().
  Task<Leases> store();
  bool has_restarts() const noexcept { return stores_->named; }

 private:
  Trial* trial_;
  const LeaseStores* stores_;
  std::string name_;
  int handles_ = 0;
};

/// One who wants a lease.
class Owner {
 public:
  Owner(LeaseTrial trial, Leases store, std::string lease, std::string name)
      : trial_(std::move(trial)),
        store_(std::move(store)),
        lease_(std::move(lease)),
        name_(std::move(name)) {}

  /// Must be granted. Gives the epoch.
  Task<Epoch> acquire(Duration ttl);
  /// Must be somebody else's.
  Task<void> expect_taken(std::string_view why);
  Task<bool> renew();
  Task<void> release();
  /// Until the lease has certainly run out, whoever renewed it before.
  Task<void> expire();
  /// Is there time enough left for a call, so that the lease is certainly held?
  bool holds() const { return trial_->now() + trial_->slack() < asked + ttl; }

  Epoch epoch;
  Duration ttl{};
  TimePoint asked;  ///< when it was acquired or renewed last

 private:
  LeaseTrial trial_;
  Leases store_;
  std::string lease_;
  std::string name_;
};

std::vector<Case> lease_cases(const LeaseStores& stores);
std::vector<Case> lease_expiry_cases(const LeaseStores& stores);
std::vector<Case> lease_restart_cases(const LeaseStores& stores);
std::vector<Case> lease_race_cases(const LeaseStores& stores);

/// A case of the lease suite; the stores live as long as it.
template <class F>
Case lease_case(const LeaseStores& stores, std::string promise, F body) {
  return {std::move(promise),
          [stores, body](Trial& trial) { return body(LeaseTrial(trial, stores)); }};
}

}  // namespace coerce::testkit::conformance::detail
