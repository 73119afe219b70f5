#include <coerce/coordination/in_memory.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit/test_system.hpp>

namespace coerce::test::in_memory_lease_cases {
namespace {

using namespace std::chrono_literals;
using testkit::TestSystem;

TEST_CASE("leases in memory run out in the time of the system that calls", "[lease]") {
  TestSystem test;
  InMemoryLeaseStore leases;
  const auto first = test.run(leases.acquire("leader", "one", 5s));
  REQUIRE(first);
  REQUIRE(*first);
  test.advance(5s - 1ns);
  const auto refused = test.run(leases.acquire("leader", "two", 5s));
  REQUIRE(refused);
  CHECK(!*refused);
  test.advance(1ns);
  const auto second = test.run(leases.acquire("leader", "two", 5s));
  REQUIRE(second);
  REQUIRE(*second);
  CHECK((*second)->epoch > (*first)->epoch);
}

TEST_CASE("leases in memory run out by their own clock, if they have one", "[lease]") {
  TestSystem test;
  ManualClock clock;
  InMemoryLeaseStore leases({.clock = &clock});
  const auto first = test.run(leases.acquire("leader", "one", 5s));
  REQUIRE(first);
  REQUIRE(*first);
  test.advance(1h);
  const auto renewed = test.run(leases.renew("leader", "one", (*first)->epoch));
  REQUIRE(renewed);
  CHECK(*renewed);
  clock.advance(5s);
  const auto lost = test.run(leases.renew("leader", "one", (*first)->epoch));
  REQUIRE(lost);
  CHECK(!*lost);
}

TEST_CASE("a system whose clock is behind does not prolong a lease in memory", "[lease]") {
  TestSystem ahead;
  TestSystem behind;
  InMemoryLeaseStore leases;
  REQUIRE(ahead.run(leases.acquire("leader", "one", 5s)).value());
  ahead.advance(5s);
  REQUIRE(ahead.run(leases.acquire("other", "one", 5s)).value());
  const auto taken = behind.run(leases.acquire("leader", "two", 5s));
  REQUIRE(taken);
  CHECK(*taken);
}

TEST_CASE("leases in memory are as many as may be", "[lease]") {
  TestSystem test;
  InMemoryLeaseStore leases({.max_names = 2});
  for (const std::string_view name : {"a", "b"})
    REQUIRE(test.run(leases.acquire(std::string(name), "one", 5s)).value());
  const auto refused = test.run(leases.acquire("c", "one", 5s));
  REQUIRE(!refused);
  CHECK(refused.error().kind() == LeaseErr::Kind::Limit);
  CHECK(test.run(leases.acquire("a", "one", 5s)).value());
}

}  // namespace
}  // namespace coerce::test::in_memory_lease_cases
