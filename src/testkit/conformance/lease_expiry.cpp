#include <coerce/runtime/sleep.hpp>

#include "testkit/conformance/lease_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr Duration kShort = std::chrono::milliseconds(60);
constexpr Duration kMedium = std::chrono::milliseconds(400);
constexpr Duration kLong = std::chrono::minutes(10);

Task<void> handed_on(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner former(trial, store, "leader", "one");
  Owner owner(trial, store, "leader", "two");
  const Epoch first = co_await former.acquire(kShort);
  co_await former.expire();
  const Epoch second = co_await owner.acquire(kLong);
  trial->check(second > first, "a lease that had run out was granted under no higher epoch");
  const bool renewed = co_await former.renew();
  trial->check(!renewed, "the former owner renews a lease that is another's");
  co_await former.release();
  co_await former.expect_taken("after its former owner had released it");
  const bool still = co_await owner.renew();
  trial->check(still, "the former owner's release has lost the lease");
}

Task<void> run_out(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  const Epoch first = co_await owner.acquire(kShort);
  co_await owner.expire();
  const bool renewed = co_await owner.renew();
  trial->check(!renewed, "a lease is renewed that had run out");
  const Epoch second = co_await owner.acquire(kLong);
  trial->check(second > first, "the same owner, after the lease had run out, got no higher epoch");
}

Task<void> not_early(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  Owner other(trial, store, "leader", "two");
  (void)co_await owner.acquire(kMedium);
  (void)co_await sleep_for(kMedium / 2);
  const TimePoint before = trial->now();
  auto result = co_await store->acquire("leader", "two", kLong);
  const auto grant = trial->must(std::move(result), "acquire");
  trial->check(before > owner.asked + kMedium / 2 + kMedium / 4 || !owner.holds() || !grant,
               "a lease was granted before it had run out");
}

/// Renewals, by whatever means, prolong the lease by as much as it was acquired for last.
Task<void> prolonged(LeaseTrial trial) {
  const auto store = co_await trial.store();
  for (const bool by_acquiring : {false, true}) {
    Owner owner(trial, store, by_acquiring ? "first" : "second", "one");
    Owner other(trial, store, by_acquiring ? "first" : "second", "two");
    const Epoch epoch = co_await owner.acquire(kMedium);
    // On a machine that is too busy to renew in time there is nothing to see.
    bool in_time = true;
    for (int round = 0; round < 3 && in_time; ++round) {
      (void)co_await sleep_for(kMedium / 2);
      in_time = owner.holds();
      if (by_acquiring) {
        const Epoch again = co_await owner.acquire(kMedium);
        in_time = in_time && again == epoch;
      } else {
        const bool renewed = co_await owner.renew();
        in_time = in_time && renewed;
      }
    }
    if (!in_time) {
      trial->check(!trial->options.simulated, "a lease was lost though it was renewed in time");
      continue;
    }
    auto result = co_await store->acquire(by_acquiring ? "first" : "second", "two", kLong);
    const auto grant = trial->must(std::move(result), "acquire");
    trial->check(!grant || !owner.holds(), "a lease was granted though it had been renewed");
  }
}

Task<void> latest_time(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  Owner other(trial, store, "leader", "two");
  (void)co_await owner.acquire(kShort);
  const Epoch epoch = co_await owner.acquire(kLong);
  owner.ttl = kShort;
  co_await owner.expire();
  co_await other.expect_taken("for longer, by a second acquisition");
  const bool renewed = co_await owner.renew();
  trial->check(renewed, "a lease that was acquired again for longer ran out early");
  const Epoch shorter = co_await owner.acquire(kShort);
  trial->check(shorter == epoch, "acquiring again for a shorter time changed the epoch");
  co_await owner.expire();
  const Epoch next = co_await other.acquire(kLong);
  trial->check(next > epoch, "after a shorter time had run out there was no higher epoch");
}

Task<void> failed_takers(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  Owner other(trial, store, "leader", "two");
  (void)co_await owner.acquire(kMedium);
  for (int i = 0; i < 3; ++i) {
    // Being refused must neither prolong nor shorten it.
    auto refused = co_await store->acquire("leader", "two", kLong);
    (void)trial->must(std::move(refused), "acquire");
    owner.epoch = Epoch{owner.epoch.value + 7};
    (void)co_await owner.renew();
  }
  co_await owner.expire();
  Owner third(trial, store, "leader", "two");
  (void)co_await third.acquire(kLong);
}

}  // namespace

std::vector<Case> lease_expiry_cases(const LeaseStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(LeaseTrial)) {
    cases.push_back(lease_case(stores, std::move(promise), body));
  };
  add("a lease that has run out is free, and its former owner has no part in it", handed_on);
  add("a lease that has run out is lost, also if nobody took it", run_out);
  add("a lease does not run out early", not_early);
  add("renewing and acquiring again begin the time anew", prolonged);
  add("the time is that of the last acquisition", latest_time);
  add("refused calls do not prolong a lease", failed_takers);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
