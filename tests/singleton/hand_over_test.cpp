#include <coerce/singleton/singleton.hpp>

#include "singleton/clerks.hpp"

namespace coerce::test::hand_over_cases {
namespace {

TEST_CASE("a node that leaves hands over once, and nothing that is asked meanwhile is lost",
          "[singleton][B-223]") {
  for (int run = 0; run < 20; ++run) {
    Offices offices(3);
    auto& world = offices.world;
    INFO("seed " << world.sim().seed());
    REQUIRE(offices.echo(3) == "hello@1");
    const auto begun = world.sim().now();
    auto leave = [](RemoteActorSystem node) -> Task<void> {
      auto leaving = node.leave();
      co_await leaving;
    };
    world.system(1).spawn(leave(world.remote(1)));
    world.sim().run_for(std::chrono::milliseconds(world.sim().draw(30)));
    const std::string answer = offices.echo(3);
    CHECK((answer == "hello@2" || answer == "hello@1"));
    world.sim().run_for(3s);
    CHECK(offices.echo(3) == "hello@2");
    CHECK(offices.echo(2) == "hello@2");
    CHECK(world.sim().now() - begun < 5s);
    CHECK(offices.office->starts == 2);
    CHECK(offices.office->most == 1);
  }
}

TEST_CASE("after a crash of its node the next oldest runs it", "[singleton][B-223]") {
  Offices offices(3);
  REQUIRE(offices.echo(3) == "hello@1");
  offices.world.kill(1);
  const auto& two = offices.clerks[1];
  REQUIRE(offices.world.until([&] { return two.host() && two.host()->node == 2; }));
  CHECK(offices.echo(3) == "hello@2");
  CHECK(offices.echo(2) == "hello@2");
  CHECK(offices.office->starts == 2);
}

TEST_CASE("an older node that builds it later takes it over", "[singleton][B-223][W-82]") {
  SimulatedWorld world(3, &with_clerks);
  const auto office = std::make_shared<Office>();
  const auto three = build_clerk(world, 3, office);
  CHECK(echo(world, 3, three) == "hello@3");
  world.sim().run_for(10s);
  const auto one = build_clerk(world, 1, office);
  CHECK(world.until([&] { return one.host() && one.host()->node == 1; }));
  CHECK(echo(world, 3, three) == "hello@1");
  const auto two = build_clerk(world, 2, office);
  CHECK(echo(world, 2, two) == "hello@1");  // it learns where it has been running all along
  CHECK(office->starts == 2);
  CHECK(office->most == 1);
}

TEST_CASE("nodes that build it at the same time run it once at a time", "[singleton][B-223]") {
  for (int run = 0; run < 50; ++run) {
    SimulatedWorld world(4, &with_clerks);
    INFO("seed " << world.sim().seed());
    const auto office = std::make_shared<Office>();
    std::vector<Singleton<Clerk>> clerks;
    for (const NodeId id : {4U, 2U, 3U, 1U}) {
      clerks.push_back(build_clerk(world, static_cast<NodeId>(id), office));
      world.sim().run_for(std::chrono::microseconds(world.sim().draw(3'000)));
    }
    CHECK(world.until([&] {
      return std::ranges::all_of(clerks,
                                 [](const auto& c) { return c.host() && c.host()->node == 1; });
    }));
    CHECK(office->most == 1);
    CHECK(office->running == 1);
  }
}

TEST_CASE("a handle works that was built before its node joined", "[singleton][B-223]") {
  testkit::Simulation sim{{.nodes = 2}};
  INFO("seed " << sim.seed());
  const auto office = std::make_shared<Office>();
  const auto setup = [](RemoteActorSystemBuilder& builder) { with_clerks(builder, 0); };
  auto first = build_node(sim.node(1), setup);
  auto second = build_node(sim.node(2), setup);
  auto build_one = clerk_builder(first, office);
  auto build_two = clerk_builder(second, office);
  const auto one = sim.node(1).run(build_one.build()).value();
  const auto two = sim.node(2).run(build_two.build()).value();
  for (int i = 0; i < 3; ++i) REQUIRE(two.notify<Add>(1));
  start(sim.node(1), first, {});
  start(sim.node(2), second, {address_of(sim.node(1))});
  auto asking = two.send<Sum>();
  CHECK(sim.node(2).run(std::move(asking)).value() == 3);
  CHECK(two.host()->node == 1);
}

TEST_CASE("only nodes with the role run it, and nodes that have not built it do not hinder it",
          "[singleton][B-223]") {
  SimulatedWorld world(4, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_clerks(builder, id);
    if (id == 3 || id == 4) builder.role("backend");
  });
  const auto office = std::make_shared<Office>();
  std::vector<Singleton<Clerk>> clerks;
  for (const NodeId id : {2U, 3U, 4U}) {
    auto builder = clerk_builder(world.remote(static_cast<NodeId>(id)), office);
    builder.role("backend");
    clerks.push_back(world.run(static_cast<NodeId>(id), builder.build()).value());
  }
  CHECK(echo(world, 2, clerks[0]) == "hello@3");
  world.kill(3);
  REQUIRE(world.until([&] { return clerks[0].host() && clerks[0].host()->node == 4; }));
  CHECK(echo(world, 2, clerks[0]) == "hello@4");
  world.kill(4);
  world.sim().run_for(20s);
  CHECK(echo(world, 2, clerks[0], 2s).starts_with("Timeout"));
}

TEST_CASE("a part without the majority stops it, and is answered again once healed",
          "[singleton][B-217]") {
  for (int run = 0; run < 20; ++run) {
    Offices offices(3);
    auto& world = offices.world;
    auto& sim = world.sim();
    INFO("seed " << sim.seed());
    REQUIRE(offices.echo(2) == "hello@1");
    sim.partition({1}, {2, 3});
    REQUIRE(world.until([&] {
      const auto host = offices.clerks[2].host();
      return host && host->node == 2;
    }));
    CHECK(offices.echo(2) == "hello@2");
    CHECK(offices.echo(1, 1s).starts_with("Timeout"));
    CHECK(offices.office->most == 1);  // with the defaults the minority stops first
    sim.heal();
    CHECK(world.until(
        [&] {
          const auto host = offices.clerks[0].host();
          return host && host->node == 2 && table_of(world.remote(1)) == kMesh;
        },
        120s));
    CHECK(offices.echo(1) == "hello@2");
    CHECK(offices.office->running == 1);
  }
}

}  // namespace
}  // namespace coerce::test::hand_over_cases
