#include "testkit/conformance/lease_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

/// Longer than any trial.
constexpr Duration kLong = std::chrono::minutes(10);

void expect_higher(LeaseTrial trial, Epoch later, Epoch earlier, std::string_view why) {
  trial->check(later > earlier,
               fmt::format("epoch {} after epoch {}: {}", later.value, earlier.value, why));
}

Task<void> one_owner(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  Owner other(trial, store, "leader", "two");
  const Epoch epoch = co_await owner.acquire(kLong);
  co_await other.expect_taken("by its first owner");
  const Epoch again = co_await owner.acquire(kLong);
  trial->check(again == epoch, "an owner that acquires again gets another epoch");
  co_await other.expect_taken("acquired again by its owner");
  const bool renewed = co_await owner.renew();
  trial->check(renewed, "the owner's renewal is refused");
  co_await other.expect_taken("renewed by its owner");
  const Epoch same = co_await owner.acquire(kLong);
  trial->check(same == epoch, "an owner that acquires after a renewal gets another epoch");
}

Task<void> after_release(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner first(trial, store, "leader", "one");
  Owner second(trial, store, "leader", "two");
  Epoch last = co_await first.acquire(kLong);
  for (int round = 0; round < 10; ++round) {
    Owner& leaves = round % 2 == 0 ? first : second;
    Owner& comes = round % 2 == 0 ? second : first;
    co_await leaves.release();
    const bool renewed = co_await leaves.renew();
    trial->check(!renewed, "a lease is renewed that was released");
    const Epoch epoch = co_await comes.acquire(kLong);
    expect_higher(trial, epoch, last, "after a release");
    last = epoch;
    co_await leaves.expect_taken("after it was released to another");
  }
}

Task<void> same_owner_after_release(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  const Epoch first = co_await owner.acquire(kLong);
  co_await owner.release();
  co_await owner.release();
  const Epoch second = co_await owner.acquire(kLong);
  expect_higher(trial, second, first, "the same owner, after a release");
}

Task<void> foreign_release(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  Owner other(trial, store, "leader", "two");
  const Epoch before = co_await owner.acquire(kLong);
  co_await owner.release();
  const Epoch epoch = co_await owner.acquire(kLong);
  other.epoch = epoch;
  co_await other.release();
  co_await other.expect_taken("when somebody else had released it under the right epoch");
  Owner former = owner;
  former.epoch = before;
  co_await former.release();
  co_await other.expect_taken("when its owner had released it under a former epoch");
  former.epoch = Epoch{epoch.value + 1};
  co_await former.release();
  co_await other.expect_taken("when its owner had released it under a later epoch");
  Owner nobody(trial, store, "never acquired", "one");
  co_await nobody.release();
  const bool renewed = co_await owner.renew();
  trial->check(renewed, "a release by somebody else has lost the lease");
}

Task<void> foreign_renewal(LeaseTrial trial) {
  const auto store = co_await trial.store();
  Owner owner(trial, store, "leader", "one");
  const Epoch epoch = co_await owner.acquire(kLong);
  Owner other(trial, store, "leader", "two");
  other.epoch = epoch;
  const bool by_other = co_await other.renew();
  trial->check(!by_other, "a lease is renewed by somebody else under its epoch");
  Owner former = owner;
  for (const std::uint64_t wrong : {epoch.value - 1, epoch.value + 1}) {
    former.epoch = Epoch{wrong};
    const bool renewed = co_await former.renew();
    trial->check(!renewed, "a lease is renewed under another epoch");
  }
  Owner nobody(trial, store, "never acquired", "one");
  nobody.epoch = epoch;
  const bool of_nothing = co_await nobody.renew();
  trial->check(!of_nothing, "a lease is renewed that was never acquired");
  const bool still = co_await owner.renew();
  trial->check(still, "a refused renewal has lost the lease");
}

Task<void> names(LeaseTrial trial) {
  const auto store = co_await trial.store();
  const std::vector<std::string> all = {"a",
                                        "A",
                                        "a ",
                                        "a:b",
                                        std::string("a\0b", 3),
                                        "a*",
                                        "a%",
                                        "a'",
                                        "{a}",
                                        "\xc3\xa4",
                                        "\xff",
                                        std::string(LeaseLimits().max_name_bytes, 'n')};
  for (const std::string& name : all) {
    Owner owner(trial, store, name, name);
    (void)co_await owner.acquire(kLong);
  }
  for (const std::string& name : all)
    for (const std::string& owner : all) {
      if (name == owner) continue;
      Owner other(trial, store, name, owner);
      co_await other.expect_taken("under another owner's odd name");
    }
}

Task<void> limits(LeaseTrial trial) {
  const auto store = co_await trial.store();
  const LeaseLimits limits;
  struct Attempt {
    std::string name, owner;
    Duration ttl;
  };
  const std::string large(limits.max_name_bytes + 1, 'n');
  const std::vector<Attempt> attempts = {{"", "one", kLong},
                                         {"leader", "", kLong},
                                         {large, "one", kLong},
                                         {"leader", large, kLong},
                                         {"leader", "one", limits.min_ttl - Duration(1)},
                                         {"leader", "one", limits.max_ttl + Duration(1)},
                                         {"leader", "one", Duration(-1)},
                                         {"leader", "one", Duration::max()}};
  for (const Attempt& attempt : attempts) {
    const auto result = co_await store->acquire(attempt.name, attempt.owner, attempt.ttl);
    trial->refused(result, LeaseErr::Kind::Limit, "acquire beyond the limits");
  }
  Owner owner(trial, store, "leader", "one");
  (void)co_await owner.acquire(limits.max_ttl);
  (void)co_await owner.acquire(limits.min_ttl);
}

}  // namespace

std::vector<Case> lease_cases(const LeaseStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(LeaseTrial)) {
    cases.push_back(lease_case(stores, std::move(promise), body));
  };
  add("a lease has one owner, who keeps its epoch", one_owner);
  add("a released lease is free, and the next grant has a higher epoch", after_release);
  add("who releases and acquires again gets a higher epoch", same_owner_after_release);
  add("a release by another, or under another epoch, changes nothing", foreign_release);
  add("a renewal by another, or under another epoch, is refused", foreign_renewal);
  add("each name is a lease of its own, whatever its bytes", names);
  add("names, owners and times beyond the limits are refused", limits);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
