#include <coerce/singleton/singleton.hpp>

#include "singleton/clerks.hpp"

namespace coerce::test::singleton_cases {
namespace {

TEMPLATE_TEST_CASE("all nodes reach the one actor of the cluster, on the oldest node",
                   "[singleton][B-028]", SimulatedWorld, TcpWorld) {
  TestType world(2, &with_clerks);
  const auto office = std::make_shared<Office>();
  const auto one = build_clerk(world, 1, office);
  const auto two = build_clerk(world, 2, office);
  CHECK(echo(world, 1, one) == "hello@1");
  CHECK(echo(world, 2, two) == "hello@1");
  CHECK(two.host()->node == 1);
  CHECK(office->starts == 1);
}

TEST_CASE("notify works from every node, in order with what is asked", "[singleton][B-223]") {
  SimulatedWorld world(2, &with_clerks);
  const auto office = std::make_shared<Office>();
  const auto one = build_clerk(world, 1, office);
  const auto two = build_clerk(world, 2, office);
  for (int i = 0; i < 10; ++i) REQUIRE(two.notify<Add>(1));  // they wait for the host
  auto asking = two.send<Sum>();
  const auto sum = world.run(2, std::move(asking));
  REQUIRE(sum);
  CHECK(*sum == 10);
  REQUIRE(one.notify<Add>(5));
  auto again = one.send<Sum>();
  CHECK(world.run(1, std::move(again)).value() == 15);
}

}  // namespace
}  // namespace coerce::test::singleton_cases
