#include <coerce/testkit/catch2.hpp>

#include <coerce/testkit/simulation_batch.hpp>

#include "cluster/cluster_world.hpp"
#include "remote/seed_names.hpp"

namespace coerce::test::seed_names_cases {
namespace {

using detail::SeedNames;
using testkit::Simulation;

void explore(std::size_t nodes, const testkit::SimulationScenario& scenario) {
  testkit::SimulationBatchOptions options{.seeds = 10, .at_least_percent = testkit::Shares{}};
  options.simulation.nodes = nodes;
  options.simulation.max_steps = 20'000'000;
  const auto report = testkit::explore(scenario, options);
  INFO(to_string(report));
  CHECK(report.passed);
}

std::string name_of_all() { return "all:" + std::to_string(kPort); }

void list_name_only(ClusterWorld& world) {
  ClusterWorld::Lists lists;
  for (NodeId id = 1; id <= world.sim.nodes(); ++id) lists[id] = {name_of_all()};
  world.use(std::move(lists));
}

/// All nodes, in an order that is drawn.
std::vector<NodeId> all_of(Simulation& sim) {
  std::vector<NodeId> all;
  for (NodeId id = 1; id <= sim.nodes(); ++id)
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(sim.draw(all.size() + 1)), id);
  return all;
}

std::vector<std::string> addresses(const SeedNames& names) {
  std::vector<std::string> all;
  for (const auto& place : names.places()) all.push_back(place.address);
  return all;
}

using Addresses = std::vector<std::string>;

}  // namespace

TEST_CASE("a name is one place until it is found, then as many as it has addresses",
          "[seed_names][B-028]") {
  SeedNames names({"10.0.0.1:7", "all:7", "10.0.0.1:7"}, "10.0.0.1:7");
  CHECK(names.names() == Addresses{"all:7"});
  CHECK(addresses(names) == Addresses{"10.0.0.1:7", "all:7"});
  CHECK(names.take("all:7", {"10.0.0.3:7", "10.0.0.1:7", "10.0.0.3:7"}) == 0);
  CHECK(addresses(names) == Addresses{"10.0.0.1:7", "10.0.0.3:7"});
  CHECK(names.targets().at("10.0.0.3:7") == "all:7");
  CHECK(names.targets().at("10.0.0.1:7") == "10.0.0.1:7");
  CHECK(names.take("all:7", {}) == 0);  // not found just now
  CHECK(addresses(names) == Addresses{"10.0.0.1:7", "10.0.0.3:7"});
}

TEST_CASE("of a name with addresses of two families only one has voices", "[seed_names]") {
  const Addresses both{"[fd00::1]:7", "10.0.0.1:7", "[fd00::2]:7", "10.0.0.2:7"};
  SeedNames four({"all:7"}, "10.0.0.1:7");
  (void)four.take("all:7", both);
  CHECK(addresses(four) == Addresses{"10.0.0.1:7", "10.0.0.2:7"});
  CHECK(four.targets().size() == 4);
  SeedNames six({"all:7"}, "[fd00::1]:7");
  (void)six.take("all:7", both);
  CHECK(addresses(six) == Addresses{"[fd00::1]:7", "[fd00::2]:7"});
  SeedNames only_six({"all:7"}, "10.0.0.1:7");
  (void)only_six.take("all:7", {"[fd00::1]:7"});
  CHECK(addresses(only_six) == Addresses{"[fd00::1]:7"});
}

TEST_CASE("of a name with too many addresses all nodes take the same", "[seed_names]") {
  Addresses many;
  for (int i = 0; i < 100; ++i) many.push_back("10.0.1." + std::to_string(i) + ":7");
  SeedNames names({"all:7"}, "10.0.0.1:7");
  CHECK(names.take("all:7", many) == 100 - detail::kMostAddressesOfASeed);
  SeedNames others({"all:7"}, "10.0.0.2:7");
  std::ranges::reverse(many);
  (void)others.take("all:7", many);
  CHECK(addresses(names).size() == detail::kMostAddressesOfASeed);
  CHECK(addresses(names) == addresses(others));
}

TEST_CASE("nine nodes with one name for all of them form one cluster", "[seed_names][B-028]") {
  explore(9, [](Simulation& sim) {
    ClusterWorld world(sim);
    list_name_only(world);
    sim.set_name("all", all_of(sim));  // their own address first, for some
    for (const NodeId id : all_of(sim)) {
      world.start(id);
      world.pass(draw_time(sim, 0s, 1s));
    }
    world.expect_whole(60s);
    sim.check(world.lineages() == 1, "one lineage");
  });
}

TEST_CASE("nodes behind a name to which more and more are added form one cluster",
          "[seed_names][B-028]") {
  explore(9, [](Simulation& sim) {
    ClusterWorld world(sim);
    list_name_only(world);
    std::vector<NodeId> known;
    for (const NodeId id : all_of(sim)) {
      known.insert(known.begin() + static_cast<std::ptrdiff_t>(sim.draw(known.size() + 1)), id);
      sim.set_name("all", known);  // a node is behind it when it starts
      world.start(id);
      world.pass(draw_time(sim, 0s, sim.draw(4) == 0 ? Duration(8s) : Duration(1s)));
    }
    world.expect_whole(60s);
    sim.check(world.lineages() == 1, "one lineage");
  });
}

TEST_CASE("nodes wait for a name that is not found for a while, and form nothing without it",
          "[seed_names][B-028]") {
  explore(3, [](Simulation& sim) {
    ClusterWorld world(sim);
    list_name_only(world);
    world.start_all();
    world.pass(20s);
    sim.check(world.lineages() == 0, "nobody has formed a cluster");
    sim.set_name("all", all_of(sim));
    world.expect_whole(60s);
    sim.check(world.lineages() == 1, "one lineage");
  });
}

}  // namespace coerce::test::seed_names_cases
