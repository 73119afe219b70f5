#include <coerce/testkit/catch2.hpp>

#include <cstdlib>

#include "cluster/cluster_world.hpp"

namespace coerce::test::partition_cases {
namespace {

using testkit::PartitionKind;
using testkit::Simulation;
using Ids = std::set<NodeId>;

constexpr Duration kTerminated = HeartbeatOptions{}.terminated_node_heartbeat_timeout;
/// From then on all have seen it, told each other, and agreed.
constexpr Duration kOneRound = 2s;

std::vector<NodeId> list(const Ids& ids) { return {ids.begin(), ids.end()}; }
Ids all(std::size_t nodes) {
  Ids ids;
  for (NodeId id = 1; id <= nodes; ++id) ids.insert(id);
  return ids;
}

/// Nodes of which 1 is the oldest, and the others are as old as their ids tell.
struct Ranked {
  explicit Ranked(std::size_t nodes, const Downing& downing = KeepMajority{},
                  std::uint64_t seed = 0, bool one_host = false)
      : sim({.seed = seed,
             .nodes = nodes,
             .show_log = std::getenv("COERCE_SHOW_LOG") != nullptr,
             .network = {.one_host = one_host}}),
        world(sim,
              [downing](RemoteActorSystemBuilder& builder, NodeId) { builder.downing(downing); }) {
    ClusterWorld::Lists lists;
    for (NodeId id = 2; id <= nodes; ++id) lists[id] = {address_of(sim.node(1))};
    world.use(lists);
    for (NodeId id = 1; id <= nodes; ++id) {
      world.start(id);
      world.expect_whole(20s);
    }
    before = world.view(1);
    REQUIRE(before.leader()->node.id == 1);
  }

  std::vector<Incarnation> incarnations(const Ids& ids) {
    std::vector<Incarnation> found;
    for (const NodeId id : ids) found.push_back(world.remote(id).core().self().incarnation);
    return found;
  }
  bool none_acts(const Ids& ids) {
    return std::ranges::none_of(ids, [&](NodeId id) { return world.state(id).has_quorum; });
  }

  Simulation sim;
  ClusterWorld world;
  detail::View before;
};

/// The first side goes on in the same lineage, the second begins anew and joins it.
void expect_to_go_on(std::size_t nodes, const Ids& stay, const Ids& go, PartitionKind kind) {
  Ranked ranked(nodes);
  ClusterWorld& world = ranked.world;
  INFO("seed " << ranked.sim.seed());
  const auto old_lives = ranked.incarnations(go);
  const auto kept_lives = ranked.incarnations(stay);

  const Duration start = ranked.sim.now();
  ranked.sim.partition(list(stay), list(go), kind);
  CHECK(world.until([&] { return ranked.none_acts(go); }, kTerminated + 20ms));
  CHECK(world.until([&] { return world.is_cluster(stay); },
                    start + kTerminated + kOneRound - ranked.sim.now()));
  CHECK(world.view(*stay.begin()).lineage == ranked.before.lineage);
  CHECK(world.acts_as_leader(world.view(*stay.begin()).leader()->node.id));
  world.pass(3 * kTerminated);
  CHECK(world.is_cluster(stay));
  CHECK(ranked.none_acts(go));
  for (const NodeId id : go) CHECK(world.state(id).number == 0);

  ranked.sim.heal();
  world.expect_cluster(all(nodes), 20s);
  CHECK(world.view(1).lineage == ranked.before.lineage);
  CHECK(ranked.incarnations(stay) == kept_lives);
  const auto new_lives = ranked.incarnations(go);
  for (std::size_t i = 0; i < new_lives.size(); ++i) CHECK(new_lives[i] != old_lives[i]);
}

void expect_to_go_on(std::size_t nodes, const Ids& stay, const Ids& go) {
  for (const auto kind : {PartitionKind::Silent, PartitionKind::Refused})
    expect_to_go_on(nodes, stay, go, kind);
}

}  // namespace

TEST_CASE("of three the two go on, the third begins anew and joins them", "[partition][B-040]") {
  expect_to_go_on(3, {1, 2}, {3});
}
TEST_CASE("two of three go on without the oldest, and have another leader",
          "[partition][B-040][B-217]") {
  expect_to_go_on(3, {2, 3}, {1});
}
TEST_CASE("of five the three go on, with the oldest or without", "[partition][B-040]") {
  expect_to_go_on(5, {1, 2, 3}, {4, 5});
  expect_to_go_on(5, {3, 4, 5}, {1, 2});
}
TEST_CASE("of two halves that with the oldest goes on", "[partition][B-040]") {
  expect_to_go_on(2, {1}, {2});
  expect_to_go_on(4, {1, 4}, {2, 3});
  expect_to_go_on(6, {1, 2, 6}, {3, 4, 5});
}

TEST_CASE("of three parts without a majority none goes on, and all find together again",
          "[partition][B-040]") {
  Ranked ranked(6);
  ranked.sim.partition({1, 2}, {3, 4, 5, 6});
  ranked.sim.partition({3, 4}, {5, 6});
  CHECK(ranked.world.until([&] { return ranked.none_acts(all(6)); }, kTerminated + 20ms));
  ranked.world.pass(3 * kTerminated);
  CHECK(ranked.none_acts(all(6)));
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
  CHECK(ranked.world.view(1).lineage != ranked.before.lineage);
}

TEST_CASE("two that do not hear each other cost the younger of them its place", "[partition]") {
  Ranked ranked(5);
  ranked.sim.partition({2}, {4});
  ranked.world.expect_cluster({1, 2, 3, 5}, 2 * kTerminated);
  ranked.world.pass(2 * kTerminated);
  CHECK(ranked.world.view(1).ids().size() <= 4);
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
  CHECK(ranked.world.view(1).lineage == ranked.before.lineage);
}

TEST_CASE("a leader that is left out although it is heard stops before another one acts",
          "[partition][B-216]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Ranked ranked(5, KeepMajority{}, seed);
    INFO("seed " << seed);
    ranked.sim.partition({1}, {2, 3, 4});
    ranked.world.pass(draw_time(ranked.sim, 0s, 1s));
    ranked.sim.stall(5, 1);  // 1 is heard by 5, and hears nothing of what the others agree on
    ranked.world.expect_cluster({2, 3, 4, 5}, 3 * kTerminated);  // with the laws all along
    CHECK(ranked.none_acts({1}));
    CHECK(ranked.world.acts_as_leader(2));
    ranked.sim.heal();
    ranked.world.expect_whole(30s);
  }
}

TEST_CASE("all that stood still at the same time stay what they were", "[partition][B-212]") {
  for (const Duration slept : {Duration(4s), Duration(7s), Duration(60s)}) {
    Ranked ranked(3);
    INFO("seed " << ranked.sim.seed());
    for (const NodeId id : {1U, 2U, 3U}) ranked.sim.pause(id);
    ranked.world.pass(slept);
    for (const NodeId id : {1U, 2U, 3U}) ranked.sim.resume(id);
    if (slept > kTerminated) CHECK(ranked.none_acts(all(3)));  // before any has looked
    ranked.world.expect_whole(5s);
    ranked.world.pass(3 * kTerminated);
    CHECK(ranked.world.view(1) == ranked.before);
  }
}

TEST_CASE("a node that stood still does not take the others for silent", "[partition][B-212]") {
  Ranked ranked(2);
  INFO("seed " << ranked.sim.seed());
  ranked.sim.pause(1);  // the oldest: alone it would go on
  ranked.world.pass(5500ms);
  ranked.sim.resume(1);
  ranked.world.pass(3 * kTerminated);
  CHECK(ranked.world.is_whole());
  CHECK(ranked.world.view(1) == ranked.before);
}

TEST_CASE("a short partition costs nobody anything", "[partition][B-212]") {
  Ranked ranked(3);
  ranked.sim.partition({1}, {2, 3});
  ranked.world.pass(4s);
  ranked.sim.heal();
  ranked.world.pass(20s);
  CHECK(ranked.world.view(1) == ranked.before);
  CHECK(ranked.world.is_whole());
}

TEST_CASE("the leader that crashes is replaced in time", "[cluster-crash][B-217]") {
  for (const auto kind : {testkit::CrashKind::Process, testkit::CrashKind::Machine}) {
    for (const std::size_t nodes : {2U, 3U, 5U, 9U}) {
      Ranked ranked(nodes);
      INFO("seed " << ranked.sim.seed() << ", " << nodes << " nodes");
      ranked.world.crash(1, kind);
      Ids left = all(nodes);
      left.erase(1);
      if (nodes == 2) {
        // The other half, and it cannot know that the oldest is dead.
        ranked.world.pass(3 * kTerminated);
        CHECK(ranked.none_acts(left));
        continue;
      }
      ranked.world.expect_cluster(left, kTerminated + kOneRound);
      CHECK(ranked.world.acts_as_leader(2));
      CHECK(ranked.world.view(2).lineage == ranked.before.lineage);
    }
  }
}

TEST_CASE("of two on one machine the younger goes on as soon as the older is killed",
          "[cluster-crash][B-217]") {
  Ranked ranked(2, KeepMajority{}, 0, true);
  INFO("seed " << ranked.sim.seed());
  ranked.world.crash(1);
  ranked.world.expect_cluster({2}, 2s);
  CHECK(ranked.world.acts_as_leader(2));
  ranked.world.use({{1, {address_of(ranked.sim.node(2))}}});
  ranked.world.restart(1);
  ranked.world.expect_whole(20s);
  CHECK(ranked.world.acts_as_leader(2));
}

TEST_CASE("of two on one machine the younger does not go on while the older stands still",
          "[cluster-crash][B-217]") {
  Ranked ranked(2, KeepMajority{}, 0, true);
  INFO("seed " << ranked.sim.seed());
  ranked.sim.pause(1);
  ranked.world.pass(2s);
  ranked.sim.cut(1, 2, testkit::Notice::AtOnce);
  CHECK_FALSE(ranked.world.until([&] { return ranked.world.acts_as_leader(2); }, 30s));
}

TEST_CASE("a leader that is restarted at once is a new member, and leads no more",
          "[cluster-crash][B-217]") {
  for (const std::size_t nodes : {2U, 3U, 5U}) {
    Ranked ranked(nodes);
    INFO("seed " << ranked.sim.seed() << ", " << nodes << " nodes");
    ClusterWorld::Lists lists;
    for (NodeId id = 1; id <= nodes; ++id) lists[id] = {address_of(ranked.sim.node(id % 2 + 1))};
    ranked.world.use(lists);
    ranked.world.crash(1);
    ranked.world.restart(1);
    ranked.world.expect_whole(kTerminated + kOneRound);
    CHECK(ranked.world.acts_as_leader(2));
    CHECK(ranked.world.view(1).members.back().node.id == 1);
  }
}

TEST_CASE("a node that is restarted after it was removed joins again", "[cluster-crash]") {
  Ranked ranked(3);
  ranked.world.crash(3);
  ranked.world.expect_cluster({1, 2}, kTerminated + kOneRound);
  ranked.world.pass(draw_time(ranked.sim, 0s, 60s));
  ranked.world.restart(3);
  ranked.world.expect_whole(5s);
  CHECK(ranked.world.view(3).lineage == ranked.before.lineage);
}

TEST_CASE("a leader that slept does not act when it wakes", "[cluster-crash][B-216]") {
  Ranked ranked(3);
  ranked.sim.pause(1);
  ranked.world.expect_cluster({2, 3}, 2 * kTerminated);
  ranked.world.pass(30s);
  ranked.sim.resume(1);
  CHECK_FALSE(ranked.world.state(1).has_quorum);  // before it has read or done anything
  CHECK_FALSE(ranked.world.until([&] { return ranked.world.acts_as_leader(1); }, 10s));
  ranked.world.expect_whole(20s);
  CHECK(ranked.world.acts_as_leader(2));
}

TEST_CASE("a fixed quorum lets less than half go on, in a lineage of its own",
          "[partition][downing]") {
  Ranked ranked(5, StaticQuorum{2});
  ranked.sim.partition({1, 2, 3}, {4, 5});
  CHECK(ranked.world.until(
      [&] { return ranked.world.is_cluster({1, 2, 3}) && ranked.world.is_cluster({4, 5}); },
      2 * kTerminated));
  CHECK(ranked.world.view(1).lineage == ranked.before.lineage);
  CHECK(ranked.world.view(4).lineage != ranked.before.lineage);
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
  CHECK(ranked.world.view(4).lineage == ranked.before.lineage);  // of the larger one
}

TEST_CASE("the oldest goes on alone if it is to", "[partition][downing]") {
  Ranked ranked(4, KeepOldest{.down_if_alone = false});
  ranked.sim.partition({1}, {2, 3, 4});
  ranked.world.expect_cluster({1}, 2 * kTerminated);
  CHECK_FALSE(ranked.world.until([&] { return !ranked.none_acts({2, 3, 4}); }, 10 * kTerminated));
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
  CHECK(ranked.world.acts_as_leader(1));
}

TEST_CASE("the oldest is left if it is alone", "[partition][downing]") {
  Ranked ranked(4, KeepOldest{});
  ranked.sim.partition({1}, {2, 3, 4});
  ranked.world.expect_cluster({2, 3, 4}, 2 * kTerminated);
  CHECK(ranked.none_acts({1}));
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
  CHECK(ranked.world.acts_as_leader(2));
}

TEST_CASE("where the oldest is dead only the part with the next oldest goes on",
          "[partition][downing]") {
  Ranked ranked(5, KeepOldest{.down_if_alone = false}, 0, true);
  INFO("seed " << ranked.sim.seed());
  ranked.sim.partition({2, 3}, {4, 5});
  ranked.world.crash(1);  // all find nobody there, on the one machine that they have
  ranked.world.expect_cluster({2, 3}, 2 * kTerminated);
  CHECK_FALSE(ranked.world.until([&] { return !ranked.none_acts({4, 5}); }, 10 * kTerminated));
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
  CHECK(ranked.world.acts_as_leader(2));
}

TEST_CASE("less than a fixed quorum forms no cluster of its own", "[partition][downing]") {
  Ranked ranked(4, StaticQuorum{4});
  ranked.sim.partition({1}, {2, 3, 4});
  CHECK(ranked.world.until([&] { return ranked.none_acts(all(4)); }, kTerminated + 20ms));
  CHECK_FALSE(ranked.world.until([&] { return !ranked.none_acts(all(4)); }, 10 * kTerminated));
  ranked.sim.heal();
  ranked.world.expect_whole(30s);
}

TEST_CASE("all begin anew if none is to go on", "[partition][downing]") {
  Ranked ranked(5, DownAll{});
  ranked.sim.partition({1, 2, 3}, {4, 5});
  CHECK(ranked.world.until([&] { return ranked.none_acts(all(5)); }, kTerminated + kOneRound));
  ranked.world.pass(20s);
  ranked.sim.heal();
  ranked.world.expect_whole(60s);
  CHECK(ranked.world.view(1).lineage != ranked.before.lineage);
}

}  // namespace coerce::test::partition_cases
