#include <coerce/testkit/catch2.hpp>

#include <coerce/testkit/simulation_batch.hpp>

#include "cluster/cluster_world.hpp"

namespace coerce::test::formation_cases {
namespace {

using testkit::Simulation;
using testkit::SimulationBatchOptions;

constexpr std::size_t kSeeds = 20;

void explore(std::size_t nodes, const testkit::SimulationScenario& scenario,
             testkit::Shares at_least = {}) {
  SimulationBatchOptions options{.seeds = kSeeds, .at_least_percent = at_least};
  options.simulation.nodes = nodes;
  options.simulation.max_steps = 20'000'000;
  options.simulation.network.max_delay = 20ms;
  const auto report = testkit::explore(scenario, options);
  INFO(to_string(report));
  CHECK(report.passed);
}

std::vector<NodeId> drawn_order(Simulation& sim) {
  std::vector<NodeId> order;
  for (NodeId id = 1; id <= sim.nodes(); ++id)
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(sim.draw(order.size() + 1)), id);
  return order;
}

bool all_have_started(ClusterWorld& world) {
  const auto living = world.living();
  return std::ranges::all_of(
      living, [&](NodeId id) { return world.starting(id).done && !world.starting(id).error; });
}

}  // namespace

TEST_CASE("nine nodes with equal lists form one cluster, however they are started", "[formation]") {
  explore(9, [](Simulation& sim) {
    ClusterWorld world(sim);
    for (const NodeId id : drawn_order(sim)) {
      world.start(id);
      world.pass(draw_time(sim, 0s, sim.draw(3) == 0 ? Duration(3s) : Duration(50ms)));
    }
    world.expect_whole(20s);
    sim.check(world.lineages() == 1, "one lineage");
    sim.check(world.until([&] { return all_have_started(world); }, 5s), "all have started");
  });
}

TEST_CASE("nine nodes that come together piece by piece form one cluster", "[formation]") {
  explore(9,
          [](Simulation& sim) {
            ClusterWorld world(sim);
            for (int i = 0; i < 2; ++i) {
              const auto [one, other] = draw_sides(sim);
              sim.partition(one, other,
                            sim.draw(2) == 0 ? testkit::PartitionKind::Silent
                                             : testkit::PartitionKind::Refused);
            }
            world.start_all();
            world.pass(draw_time(sim, 0s, 40s));
            sim.heal();
            world.expect_whole(60s);
            sim.check(world.lineages() == 1, "one lineage");
          },
          {.partition = 100});
}

TEST_CASE("nodes that crash while a cluster is formed do not split it", "[formation]") {
  explore(9,
          [](Simulation& sim) {
            ClusterWorld world(sim);
            world.start_all();
            for (int i = 0; i < 3; ++i) {
              world.pass(draw_time(sim, 0s, 1s));
              const NodeId victim = draw_node(sim);
              if (world.living().contains(victim)) world.crash(victim);
            }
            // Six of nine are left; not so many that they could form a second one with those that
            // come back, as these know nothing of what they have agreed to.
            world.expect_whole(30s);
            sim.check(world.lineages() == 1, "one lineage");
            for (NodeId id = 1; id <= 9; ++id)
              if (!world.living().contains(id)) world.restart(id);
            world.expect_whole(30s);
            sim.check(world.lineages() == 1, "they join it");
          },
          {.crash = 100});
}

TEST_CASE("nodes whose lists form a chain become one cluster", "[formation]") {
  explore(5, [](Simulation& sim) {
    ClusterWorld world(sim);
    ClusterWorld::Lists lists;
    for (NodeId id = 2; id <= 5; ++id) lists[id] = {address_of(sim.node(id - 1))};
    world.use(lists);
    for (const NodeId id : drawn_order(sim)) {
      world.start(id);
      world.pass(draw_time(sim, 0s, 1s));
    }
    world.expect_whole(60s);
  });
}

TEST_CASE("two nodes that name each other become one cluster", "[formation]") {
  explore(2, [](Simulation& sim) {
    ClusterWorld world(sim);
    world.use({{1, {address_of(sim.node(2))}}, {2, {address_of(sim.node(1))}}});
    for (const NodeId id : drawn_order(sim)) {
      world.start(id);
      world.pass(draw_time(sim, 0s, 3s));
    }
    world.expect_whole(20s);
    sim.check(world.lineages() == 1, "one lineage");
  });
}

TEST_CASE("a node that has no seeds, or only itself, is a cluster of its own at once",
          "[formation]") {
  Simulation sim({.nodes = 2});
  ClusterWorld world(sim);
  world.use({{1, {}}, {2, {address_of(sim.node(2))}}});
  for (const NodeId id : {NodeId{1}, NodeId{2}}) {
    world.start(id);
    CHECK(world.until([&] { return world.starting(id).done; }, 2s));
    CHECK_FALSE(world.starting(id).error);
    CHECK(world.is_cluster({id}));
    CHECK(world.acts_as_leader(id));
  }
}

TEST_CASE("less than half of the listed nodes form nothing, and say so in time", "[formation]") {
  Simulation sim({.nodes = 9});
  ClusterWorld world(sim);
  world.limit_joining(20s);
  for (const NodeId id : {1U, 2U, 3U, 4U}) world.start(id);
  world.pass(19s);
  for (const NodeId id : {1U, 2U, 3U, 4U}) CHECK_FALSE(world.starting(id).done);
  world.pass(2s);
  for (const NodeId id : {1U, 2U, 3U, 4U}) {
    REQUIRE(world.starting(id).done);
    REQUIRE(world.starting(id).error);
    CHECK(world.starting(id).error->kind() == ActorRefErrKind::Timeout);
    CHECK(world.state(id).number == 0);
    CHECK_FALSE(world.state(id).has_quorum);
  }
  CHECK(world.lineages() == 0);
}

}  // namespace coerce::test::formation_cases
