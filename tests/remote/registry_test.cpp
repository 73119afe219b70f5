#include "world.hpp"

#include <coerce/testkit/catch2.hpp>

#include <coerce/testkit/simulation_batch.hpp>

#include "remote/core.hpp"
#include "remote/homes.hpp"

namespace coerce::test::registry_cases {
namespace {

using Kind = ActorRefErr::Kind;

template <class World>
Result<NodeId> locate(World& world, NodeId from, const char* id) {
  return world.run(from, world.remote(from).locate_actor_node(id));
}

template <class World>
bool is_nowhere(World& world, NodeId from, const char* id) {
  const auto found = locate(world, from, id);
  return !found && found.error().kind() == Kind::NotFound;
}

}  // namespace

TEST_CASE("a node that knows no others finds its own actors", "[registry][B-035][B-037]") {
  testkit::Simulation sim{{.nodes = 1}};
  auto remote = build_node(sim.node(1));
  auto none = sim.node(1).run(remote.locate_actor_node("leon"));
  REQUIRE_FALSE(none);
  CHECK(none.error().kind() == Kind::NotFound);
  const auto leon = sim.node(1).start<Parrot>("leon");
  CHECK(sim.node(1).run(remote.locate_actor_node("leon")) == NodeId{1});
  auto ref = sim.node(1).run(remote.actor_ref<Parrot>("leon"));
  REQUIRE(ref);
  CHECK(ref->unwrap_local() == leon);
}

TEST_CASE("actors that were there before their system became a node are found",
          "[registry][W-63]") {
  testkit::Simulation sim{{.nodes = 2}};
  const auto early = sim.node(1).start<Parrot>("early");
  auto first = build_node(sim.node(1));
  auto second = build_node(sim.node(2));
  start(sim.node(1), first, {});
  start(sim.node(2), second, {address_of(sim.node(1))});
  CHECK(sim.node(2).run(second.locate_actor_node("early")) == NodeId{1});
}

TEMPLATE_TEST_CASE("an actor is found from every node, and talked to", "[registry][B-036][B-063]",
                   SimulatedWorld, TcpWorld) {
  TestType world(3, with_birds);
  for (NodeId id = 1; id <= 3; ++id) CHECK(is_nowhere(world, id, "leon"));
  const auto leon = world.template start<Parrot>(1, "leon");
  for (NodeId id = 1; id <= 3; ++id) {
    INFO("from node " << id);
    CHECK(locate(world, id, "leon") == NodeId{1});
    auto ref = world.run(id, world.remote(id).template actor_ref<Parrot>("leon"));
    REQUIRE(ref);
    CHECK(ref->is_local() == (id == 1));
    if (id != 1) CHECK(ref->node_id() == NodeId{1});
    CHECK(world.run(id, ref->template send<Say>("hello")) == std::string("hello"));
  }
}

TEMPLATE_TEST_CASE("an actor that has ended is found no more, and its id is free again",
                   "[registry][B-032][B-218][W-62]", SimulatedWorld, TcpWorld) {
  TestType world(3, with_birds);
  const auto leon = world.template start<Parrot>(1, "leon");
  auto ref = world.run(2, world.remote(2).template actor_ref<Parrot>("leon"));
  REQUIRE(ref);
  REQUIRE(world.run(1, leon.stop()));
  for (NodeId id = 1; id <= 3; ++id) CHECK(is_nowhere(world, id, "leon"));
  auto sent = world.run(2, ref->template send<Say>("hello"));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind() == Kind::NotFound);
  CHECK(sent.error().actor_id() == ActorId("leon"));
  const auto other = world.template start<Parrot>(3, "leon");
  for (NodeId id = 1; id <= 3; ++id) CHECK(locate(world, id, "leon") == NodeId{3});
}

TEMPLATE_TEST_CASE("a reference of another class is refused where the actor is", "[registry]",
                   SimulatedWorld, TcpWorld) {
  TestType world(2, with_birds);
  const auto leon = world.template start<Parrot>(1, "leon");
  auto here = world.run(1, world.remote(1).template actor_ref<Owl>("leon"));
  REQUIRE_FALSE(here);
  CHECK(here.error().kind() == Kind::NotSupported);
  auto there = world.run(2, world.remote(2).template actor_ref<Owl>("leon"));
  REQUIRE(there);
  auto sent = world.run(2, there->template send<Say>("hello"));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind() == Kind::NotSupported);
}

TEST_CASE("every living actor is found while nodes come and go", "[registry][B-218][W-61][W-63]") {
  testkit::Simulation sim{{.nodes = 5}};
  std::deque<std::optional<RemoteActorSystem>> remotes(5);
  std::vector<LocalActorRef<Parrot>> actors;
  const auto begin = [&](NodeId id) {
    remotes[id - 1] = build_node(sim.node(id));
    std::vector<std::string> seeds;
    if (id != 1 || sim.node(1).life() > 1) seeds.push_back(address_of(sim.node(id == 1 ? 2 : 1)));
    start(sim.node(id), *remotes[id - 1], seeds);
    for (int i = 0; i < 20; ++i)
      actors.push_back(sim.node(id).start<Parrot>(std::to_string(id) + "/" + std::to_string(i)));
  };
  const auto check_all = [&](const std::vector<NodeId>& alive) {
    for (const NodeId from : alive)
      for (NodeId of = 1; of <= 5; ++of)
        for (int i = 0; i < 20; i += 7) {
          const auto id = std::to_string(of) + "/" + std::to_string(i);
          INFO(id << " from " << from);
          const auto found = sim.node(from).run(remotes[from - 1]->locate_actor_node(id));
          if (std::ranges::find(alive, of) != alive.end()) {
            CHECK(found == of);
          } else {
            REQUIRE_FALSE(found);
            CHECK(found.error().kind() == Kind::NotFound);
          }
        }
  };
  for (NodeId id = 1; id <= 3; ++id) begin(id);
  check_all({1, 2, 3});
  begin(4);
  check_all({1, 2, 3, 4});
  sim.crash(2);
  REQUIRE(sim.run_until([&] { return remotes[0]->get_nodes()[1].status == NodeStatus::Terminated; },
                        20s));
  sim.run_for(1s);
  check_all({1, 3, 4});
  begin(5);
  sim.restart(2);
  begin(2);
  check_all({1, 2, 3, 4, 5});
  sim.node(4).run(remotes[3]->leave());
  sim.run_for(1s);
  check_all({1, 2, 3, 5});
}

TEST_CASE("nobody says that there is no such actor while a member cannot be asked",
          "[registry][W-65]") {
  SimulatedWorld world(3, with_birds);
  const auto leon = world.start<Parrot>(3, "leon");
  world.sim().partition({1, 2}, {3});
  for (const auto timeout : {3000ms, 1000ms, 100ms}) {
    const auto missing = world.run(1, world.remote(1).locate_actor_node("leon", timeout));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind() == Kind::Unreachable);
    CHECK(missing.error().detail() == "did not say whether they have it: nodes 3");
  }
  world.sim().run_for(20s);  // it is lost
  CHECK(is_nowhere(world, 1, "leon"));
  world.sim().heal();
  REQUIRE(world.until([&] { return locate(world, 1, "leon") == NodeId{3}; }, 60s));
}

TEST_CASE("without time to ask the members a search is late", "[registry]") {
  SimulatedWorld world(3, with_birds);
  const auto leon = world.start<Parrot>(3, "leon");
  world.sim().run_for(1s);
  for (const NodeId from : {NodeId{1}, NodeId{2}}) {
    const auto missing = world.run(from, world.remote(from).locate_actor_node("nobody", 0s));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind() == Kind::Timeout);
  }
}

TEST_CASE("homes know where an actor is: nobody else is asked", "[registry]") {
  constexpr std::size_t kNodes = 8;
  SimulatedWorld world(kNodes, with_birds);
  const auto asked = [&world] {
    world.sim().run_for(100ms);  // of the last search the other home may not have been asked yet
    std::uint64_t sum = 0;
    for (NodeId id = 1; id <= kNodes; ++id)
      sum += world.remote(id).core().asked(detail::InternalKind::Locate);
    return sum;
  };
  std::vector<LocalActorRef<Parrot>> birds;
  for (int i = 0; i < 20; ++i) {
    const NodeId on = 1 + static_cast<NodeId>(i) % kNodes;
    birds.push_back(world.start<Parrot>(on, "bird " + std::to_string(i)));
  }
  world.sim().run_for(1s);
  for (int i = 0; i < 20; ++i) {
    const NodeId on = 1 + static_cast<NodeId>(i) % kNodes;
    const NodeId from = 1 + static_cast<NodeId>(i + 3) % kNodes;
    const auto before = asked();
    CHECK(world.run(from, world.remote(from).locate_actor_node(
                              birds[static_cast<std::size_t>(i)].actor_id())) == on);
    CHECK(asked() - before >= 1);
    CHECK(asked() - before <= 3);  // two homes, and the node itself
  }
  const auto before = asked();
  CHECK(is_nowhere(world, 1, "nobody"));
  CHECK(asked() - before >= kNodes - 1);
}

TEST_CASE("an actor is found although its homes are silent", "[registry]") {
  SimulatedWorld world(4, with_birds);
  // Whatever its homes are, one other node at least is neither a home nor silent.
  for (int i = 0; i < 8; ++i) {
    const auto id = "bird " + std::to_string(i);
    const auto bird = world.start<Parrot>(2, id);
    world.sim().run_for(1s);
    world.sim().pause(3);
    world.sim().pause(4);
    const auto found = world.run(1, world.remote(1).locate_actor_node(id));
    CHECK(found == NodeId{2});
    world.sim().resume(3);
    world.sim().resume(4);
    world.sim().run_for(3s);
  }
}

TEMPLATE_TEST_CASE("two actors with one id are told of on both nodes, and the older one is found",
                   "[registry]", SimulatedWorld, TcpWorld) {
  TestType world(3, with_birds);
  std::mutex mutex;
  std::vector<std::pair<NodeId, DuplicateActorId>> heard;
  std::vector<Subscription> subscriptions;
  for (NodeId id = 1; id <= 3; ++id)
    subscriptions.push_back(world.system(id).events().template subscribe<DuplicateActorId>(
        [&, id](const DuplicateActorId& event) {
          const std::lock_guard guard(mutex);
          heard.emplace_back(id, event);
        }));
  const auto elder = world.template start<Parrot>(2, "leon");
  if constexpr (TestType::is_virtual) world.sim().run_for(1s);
  const auto younger = world.template start<Parrot>(1, "leon");
  REQUIRE(world.until([&] {
    const std::lock_guard guard(mutex);
    return heard.size() == 2;
  }));
  for (const auto& [node, event] : heard) {
    CHECK(node != 3);
    CHECK(event.id == ActorId("leon"));
    if constexpr (TestType::is_virtual)
      CHECK(std::pair(event.older, event.younger) == std::pair<NodeId, NodeId>(2, 1));
  }
  CHECK(locate(world, 1, "leon") == NodeId{1});  // its own comes first
  if constexpr (TestType::is_virtual) CHECK(locate(world, 3, "leon") == NodeId{2});
  CHECK(world.run(1, younger.template send<Say>("both stay")));
  CHECK(world.run(2, elder.template send<Say>("both stay")));
}

TEST_CASE("a full table of homes makes no actor unfindable", "[registry]") {
  SimulatedWorld world(3, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    limits.max_located_actors = 3;
    builder.limits(limits);
  });
  std::vector<LocalActorRef<Parrot>> birds;
  for (int i = 0; i < 20; ++i) birds.push_back(world.start<Parrot>(1, "bird " + std::to_string(i)));
  birds.push_back(world.start<Parrot>(1, std::string(5000, 'x')));
  for (const auto& bird : birds)
    for (NodeId from = 1; from <= 3; ++from)
      CHECK(world.run(from, world.remote(from).locate_actor_node(bird.actor_id())) == NodeId{1});
}

TEST_CASE("the homes of an id are two, the same everywhere, and move little", "[registry][W-61]") {
  std::vector<NodeDescription> nodes(10);
  for (NodeId id = 1; id <= 10; ++id) nodes[id - 1].id = id;
  std::map<NodeId, int> load;
  int moved = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto id = std::to_string(i);
    const detail::Homes homes(id, nodes);
    REQUIRE(homes.nodes().size() == 2);
    CHECK(homes.nodes()[0] != homes.nodes()[1]);
    for (const NodeId home : homes.nodes()) ++load[home];
    const detail::Homes fewer(id, std::span(nodes).first(9));
    for (const NodeId home : homes.nodes())
      if (home != 10 && !fewer.contains(home)) ++moved;
  }
  CHECK(moved == 0);
  for (const auto& [node, count] : load) CHECK((count > 1700 && count < 2300));
  const detail::Homes only("id", std::span(nodes).first(1));
  CHECK(only.nodes().size() == 1);
  CHECK(detail::hash_of_id("leon") == detail::hash_of_id(std::string("leon")));
}

TEST_CASE("a table of homes keeps one life of an id for each node, and what it may", "[registry]") {
  detail::HomeTable table(4);
  const Incarnation first{1, 1}, second{2, 2};
  CHECK_FALSE(table.add(1, first, "a", {1, {}}));  // it has not begun
  table.begin(1, first);
  CHECK(table.add(1, first, "a", {1, {}}));
  CHECK(table.add(1, first, "a", {7, {}}));
  table.remove(1, first, "a", 1);  // the end of the life before
  REQUIRE(table.find("a").size() == 1);
  CHECK(table.find("a")[0].life.context == 7);
  CHECK_FALSE(table.add(1, second, "b", {1, {}}));
  table.remove(1, second, "a", 7);
  CHECK(table.size() == 1);
  CHECK(table.add(1, first, "b", {1, {}}));
  CHECK_FALSE(table.add(1, first, std::string(200, 'c'), {1, {}}));
  table.begin(2, second);
  CHECK(table.add(2, second, "a", {1, {}}));
  CHECK(table.find("a").size() == 2);
  table.clear(1, second);
  CHECK(table.find("a").size() == 2);
  table.clear(1, first);
  CHECK(table.find("a").size() == 1);
  CHECK(table.add(2, second, std::string(150, 'c'), {1, {}}));
  table.begin(2, first);
  CHECK(table.size() == 0);
}

}  // namespace coerce::test::registry_cases
