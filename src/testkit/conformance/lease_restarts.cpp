#include "testkit/conformance/lease_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

constexpr Duration kShort = std::chrono::milliseconds(60);
constexpr Duration kLong = std::chrono::minutes(10);

Task<void> held_on(LeaseTrial trial) {
  auto store = co_await trial.store();
  Owner before(trial, store, "leader", "one");
  const Epoch epoch = co_await before.acquire(kLong);
  store = co_await trial.store();
  Owner other(trial, store, "leader", "two");
  co_await other.expect_taken("through a restart of the store");
  Owner owner(trial, store, "leader", "one");
  owner.epoch = epoch;
  const bool renewed = co_await owner.renew();
  trial->check(renewed, "a restart of the store lost a lease");
  const Epoch same = co_await owner.acquire(kLong);
  trial->check(same == epoch, "a restart of the store changed the epoch of an owner");
}

Task<void> growing(LeaseTrial trial) {
  Epoch last;
  for (int round = 0; round < 6; ++round) {
    auto store = co_await trial.store();
    Owner owner(trial, store, "leader", fmt::format("owner {}", round % 2));
    const bool releases = round % 3 != 0;
    const Epoch epoch = co_await owner.acquire(releases ? kLong : kShort);
    trial->check(round == 0 || epoch > last,
                 fmt::format("after a restart of the store the epoch is {}; it had been {}",
                             epoch.value, last.value));
    last = epoch;
    if (releases)
      co_await owner.release();
    else
      co_await owner.expire();
  }
}

Task<void> across_handles(LeaseTrial trial) {
  const auto first = co_await trial.store();
  const auto second = co_await trial.store();
  Owner owner(trial, first, "leader", "one");
  Owner other(trial, second, "leader", "two");
  const Epoch epoch = co_await owner.acquire(kLong);
  co_await other.expect_taken("through another handle");
  co_await owner.release();
  const Epoch next = co_await other.acquire(kLong);
  trial->check(next > epoch, "through another handle there was no higher epoch");
  const bool renewed = co_await owner.renew();
  trial->check(!renewed, "a lease is renewed that is another's, through another handle");
  co_await owner.expect_taken("through another handle, after a change of owner");
}

}  // namespace

std::vector<Case> lease_restart_cases(const LeaseStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(LeaseTrial)) {
    cases.push_back(lease_case(stores, std::move(promise), body));
  };
  if (!stores.named) return cases;
  add("a lease outlives a restart of the store", held_on);
  add("epochs grow across restarts of the store", growing);
  add("a lease has one owner across all handles to its store", across_handles);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
