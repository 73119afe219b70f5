#include <coerce/coordination/sqlite.hpp>

#include <catch2/catch.hpp>

#include <coerce/runtime/when.hpp>
#include <coerce/testkit/test_system.hpp>

#include "persistence/sqlite_support.hpp"
#include "persistence/temporary_directory.hpp"

namespace coerce::test::sqlite_lease_cases {
namespace {

using namespace std::chrono_literals;
using testkit::TestSystem;
using Kind = LeaseErr::Kind;

/// Two processes that share a file, on a machine whose time the test moves.
struct Machine {
  TestSystem test;
  TemporaryDirectory directory;
  std::string path = directory.file("leases.db");
  std::shared_ptr<ManualBootClock> clock = std::make_shared<ManualBootClock>("first start");
  std::shared_ptr<LeaseStore> one = open();
  std::shared_ptr<LeaseStore> two = open();

  std::shared_ptr<LeaseStore> open(const SqliteLeaseOptions& options = {}) {
    const auto store = SqliteLeaseStore::open(path, options, clock);
    INFO((store ? "" : store.error().to_string()));
    REQUIRE(store);
    return *store;
  }
  /// 0: somebody else's.
  std::uint64_t acquire(LeaseStore& store, const std::string& owner, Duration ttl = 1s) {
    const auto grant = test.run(store.acquire("name", owner, ttl));
    INFO((grant ? "" : grant.error().to_string()));
    REQUIRE(grant);
    return *grant ? (*grant)->epoch.value : 0;
  }
  bool renew(LeaseStore& store, const std::string& owner, std::uint64_t epoch) {
    const auto held = test.run(store.renew("name", owner, Epoch{epoch}));
    INFO((held ? "" : held.error().to_string()));
    REQUIRE(held);
    return *held;
  }
};

TEST_CASE("one process of two gets the lease, and the other when it has run out",
          "[lease][sqlite]") {
  Machine machine;
  CHECK(machine.acquire(*machine.one, "a") == 1);
  CHECK(machine.acquire(*machine.two, "b") == 0);
  machine.clock->advance(1s - 1ns);
  CHECK(machine.acquire(*machine.two, "b") == 0);
  machine.clock->advance(1ns);
  CHECK(machine.acquire(*machine.two, "b") == 2);
  CHECK(!machine.renew(*machine.one, "a", 1));
}

TEST_CASE("a renewed lease lasts, under the same epoch", "[lease][sqlite]") {
  Machine machine;
  CHECK(machine.acquire(*machine.one, "a") == 1);
  for (int i = 0; i < 5; ++i) {
    machine.clock->advance(900ms);
    CHECK(machine.renew(*machine.one, "a", 1));
  }
  machine.clock->advance(900ms);
  CHECK(machine.acquire(*machine.one, "a") == 1);
  CHECK(machine.acquire(*machine.two, "b") == 0);
  machine.clock->advance(1s);
  CHECK(!machine.renew(*machine.one, "a", 1));
  CHECK(machine.acquire(*machine.one, "a") == 2);
}

TEST_CASE("when the machine starts again all leases have run out and their epochs stay",
          "[lease][sqlite]") {
  Machine machine;
  CHECK(machine.acquire(*machine.one, "a", 24h) == 1);
  machine.clock->advance(1h);
  machine.clock->reboot("second start");
  CHECK(!machine.renew(*machine.one, "a", 1));
  CHECK(machine.acquire(*machine.two, "b") == 2);
}

TEST_CASE("who has released a lease has none, and the next owner gets a higher epoch",
          "[lease][sqlite]") {
  Machine machine;
  CHECK(machine.acquire(*machine.one, "a") == 1);
  // Not the owner's.
  REQUIRE(machine.test.run(machine.two->release("name", "a", Epoch{7})));
  REQUIRE(machine.test.run(machine.two->release("name", "b", Epoch{1})));
  CHECK(machine.renew(*machine.one, "a", 1));
  REQUIRE(machine.test.run(machine.one->release("name", "a", Epoch{1})));
  CHECK(!machine.renew(*machine.one, "a", 1));
  CHECK(machine.acquire(*machine.one, "a") == 2);
}

TEST_CASE("of many that want a lease at once one gets it", "[lease][sqlite]") {
  Machine machine;
  std::vector<Task<LeaseResult<std::optional<LeaseGrant>>>> asks;
  for (int i = 0; i < 20; ++i) {
    LeaseStore& store = i % 2 == 0 ? *machine.one : *machine.two;
    asks.push_back(store.acquire("name", "owner " + std::to_string(i), 1s));
  }
  int granted = 0;
  for (const auto& grant : machine.test.run(when_all(std::move(asks)))) {
    REQUIRE(grant);
    granted += grant->has_value();
  }
  CHECK(granted == 1);
}

TEST_CASE("a file of leases takes so many names and no more", "[lease][sqlite]") {
  Machine machine;
  const auto store = machine.open({.max_names = 2});
  REQUIRE(machine.test.run(store->acquire("1", "a", 1s)));
  REQUIRE(machine.test.run(store->acquire("2", "a", 1s)));
  const auto third = machine.test.run(store->acquire("3", "a", 1s));
  REQUIRE(!third);
  CHECK(third.error().kind() == Kind::Limit);
  CHECK(machine.test.run(store->acquire("2", "a", 1s)));
}

TEST_CASE("names, owners and times out of bounds are refused", "[lease][sqlite]") {
  Machine machine;
  const auto kind_of = [&](const std::string& name, const std::string& owner, Duration ttl) {
    const auto grant = machine.test.run(machine.one->acquire(name, owner, ttl));
    REQUIRE(!grant);
    return grant.error().kind();
  };
  CHECK(kind_of("", "a", 1s) == Kind::Limit);
  CHECK(kind_of("n", "", 1s) == Kind::Limit);
  CHECK(kind_of(std::string(1025, 'n'), "a", 1s) == Kind::Limit);
  CHECK(kind_of("n", "a", 9ms) == Kind::Limit);
  CHECK(kind_of("n", "a", 25h) == Kind::Limit);
}

TEST_CASE("a file that another has locked gives no lease, and gives one when it is free",
          "[lease][sqlite]") {
  Machine machine;
  const auto store = machine.open({.lock_wait = 20ms});
  {
    Stranger stranger(machine.path);
    stranger.run("BEGIN IMMEDIATE");
    const auto refused = machine.test.run(store->acquire("name", "a", 1s));
    REQUIRE(!refused);
    CHECK(refused.error().kind() == Kind::Unavailable);
  }
  CHECK(machine.acquire(*store, "a") == 1);
}

TEST_CASE("each request for a lease waits for the lock until its own deadline", "[lease][sqlite]") {
  Machine machine;
  const auto store = machine.open({.lock_wait = 2s});
  ActorSystem system = ActorSystem::builder().build();
  test_deadlines_of_waiting(machine.path, 2s, [&](const std::string& name) {
    return system.block_on(store->acquire(name, "a", 1s)).has_value();
  });
}

TEST_CASE("a damaged lease does not cost the others theirs", "[lease][sqlite]") {
  Machine machine;
  CHECK(machine.acquire(*machine.one, "a") == 1);
  Stranger(machine.path).run("UPDATE leases SET owner = 'b'");
  auto both =
      when_all(machine.one->renew("name", "a", Epoch{1}), machine.one->acquire("other", "a", 1s));
  const auto [damaged, other] = machine.test.run(std::move(both));
  REQUIRE(!damaged);
  CHECK(damaged.error().kind() == Kind::Corrupt);
  CHECK(other);
}

TEST_CASE("a file of journals is no file of leases", "[lease][sqlite]") {
  const TemporaryDirectory directory;
  open_journal(directory.file("a.db"));
  const auto refused = SqliteLeaseStore::open(directory.file("a.db"));
  REQUIRE(!refused);
  CHECK(refused.error().kind() == Kind::Corrupt);
}

TEST_CASE("the machine's own clock goes on, in one start of the machine", "[boot_clock]") {
  const SystemBootClock clock;
  const BootMoment before = clock.now();
  const BootMoment after = clock.now();
  CHECK(!before.boot_id.empty());
  CHECK(before.boot_id == after.boot_id);
  CHECK(before.since_boot > 0s);
  CHECK(after.since_boot >= before.since_boot);
}

}  // namespace
}  // namespace coerce::test::sqlite_lease_cases
