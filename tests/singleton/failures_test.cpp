#include <coerce/singleton/singleton.hpp>

#include "singleton/clerks.hpp"

#include "remote/core.hpp"

namespace coerce::test::singleton_failure_cases {
namespace {

TEST_CASE("an actor that fails is started again", "[singleton][B-223][W-83]") {
  SimulatedWorld world(2, &with_clerks);
  const auto office = std::make_shared<Office>();
  const auto one = build_clerk(world, 1, office);
  const auto two = build_clerk(world, 2, office);
  for (int i = 1; i <= 20; ++i) {
    REQUIRE(echo(world, 2, two, 60s) == "hello@1");
    auto breaking = two.send_for<Break>(5s);
    const auto broken = world.run(2, std::move(breaking));
    REQUIRE_FALSE(broken);
    CHECK(broken.error().kind() == ActorRefErrKind::HandlerFailed);
  }
  CHECK(echo(world, 2, two, 60s) == "hello@1");
  CHECK(office->starts == 21);
}

TEST_CASE("a failing start is told to those who wait, and tried again", "[singleton][W-83]") {
  SimulatedWorld world(2, &with_clerks);
  const auto office = std::make_shared<Office>();
  office->failing_starts = 5;
  auto client = Singleton<Clerk>::builder(world.remote(2));  // never runs it
  const auto two = world.run(2, client.build()).value();
  const auto asked = std::make_shared<std::string>();
  auto ask = [](Singleton<Clerk> clerk, std::shared_ptr<std::string> answer) -> Task<void> {
    auto asking = clerk.send_for<Echo>(30s, "hello");
    const auto got = co_await asking;
    *answer = got ? *got : got.error().to_string();
  };
  world.system(2).spawn(ask(two, asked));
  world.sim().run_for(1s);
  CHECK(asked->empty());
  const auto one = build_clerk(world, 1, office);
  REQUIRE(world.until([&] { return !asked->empty(); }, 1s));
  CHECK(asked->starts_with("ActorStartFailed"));
  world.sim().run_for(10s);
  CHECK(echo(world, 2, two) == "hello@1");
  CHECK(office->starts == 1);
}

TEST_CASE("so many messages wait as may, each until its deadline", "[singleton]") {
  SimulatedWorld world(1, &with_clerks);
  auto builder = Singleton<Clerk>::builder(world.remote(1));
  builder.capacity(3).timeout(2s);
  const auto one = world.run(1, builder.build()).value();
  for (int i = 0; i < 3; ++i) CHECK(one.notify<Add>(1));
  const auto refused = one.notify<Add>(1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ActorRefErrKind::Overloaded);
  CHECK(echo(world, 1, one).starts_with("Overloaded"));
  world.sim().run_for(3s);
  CHECK(one.lost_count() == 3);
  const auto before = world.sim().now();
  auto asking = one.send<Sum>();
  const auto late = world.run(1, std::move(asking));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == ActorRefErrKind::Timeout);
  CHECK(late.error().outcome() == ActorRefErrOutcome::NotDelivered);
  CHECK(world.sim().now() - before < 2100ms);
}

TEST_CASE("a name stands for one class and one role on a node", "[singleton]") {
  SimulatedWorld world(1, &with_clerks);
  const auto office = std::make_shared<Office>();
  const auto one = build_clerk(world, 1, office);
  auto other = clerk_builder(world.remote(1), office);
  other.role("backend");
  const auto refused = world.run(1, other.build());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ActorRefErrKind::AlreadyExists);
  auto second = clerk_builder(world.remote(1), office);
  second.name("second clerk");
  const auto two = world.run(1, second.build());
  REQUIRE(two);
  CHECK(echo(world, 1, *two) == "hello@1");
  CHECK(echo(world, 1, one) == "hello@1");
  CHECK(office->starts == 2);
}

TEST_CASE("nonsense about singletons from another node is refused", "[singleton]") {
  SimulatedWorld world(2, &with_clerks);
  const auto office = std::make_shared<Office>();
  const auto one = build_clerk(world, 1, office);
  CHECK(echo(world, 1, one) == "hello@1");
  const auto peer = world.remote(2).core().peer(1);
  for (const auto kind :
       {detail::InternalKind::SingletonClaim, detail::InternalKind::SingletonHosts}) {
    const auto answer = world.run(2, peer->ask(kind, bytes_of("\xff\xff nonsense"), 5s));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind() == ActorRefErrKind::Deserialisation);
  }
  CHECK(echo(world, 1, one) == "hello@1");
  CHECK(office->starts == 1);
}

}  // namespace
}  // namespace coerce::test::singleton_failure_cases
