// What only some nodes may send, and what nodes know of each other for that.

#include "world.hpp"

#include <catch2/catch.hpp>

#include <coerce/testkit/catch2.hpp>

#include "remote/core.hpp"

namespace coerce::test::permission_cases {

struct ParrotFactory {
  using Actor = Parrot;
  using Recipe = Say;
  Parrot create(Say) const { return {}; }
};

namespace {

using Kind = ActorRefErr::Kind;

bool is_friend(const NodeDescription& node) {
  const auto colour = node.attributes.find("colour");
  return node.roles.contains("friend") && colour != node.attributes.end() &&
         colour->second == "green";
}

/// Node 2 is a friend of node 1; node 3 has one half of what that needs.
void with_friends(RemoteActorSystemBuilder& builder, NodeId id) {
  builder.role(id == 2 ? "friend" : "passer-by")
      .attribute("colour", "green")
      .with_tag("node " + std::to_string(id))
      .with_version("1.0." + std::to_string(id));
  builder.with_handlers([](RemoteHandlers& handlers) {
    handlers.with_handler<Parrot, Say>("Parrot.Say").allow(&is_friend);
    handlers.with_handler<Parrot, Rest>("Parrot.Rest");
    handlers.with_handler<Parrot, Fall>("Parrot.Fall").allow([](const NodeDescription&) -> bool {
      throw std::runtime_error("cannot tell");
    });
    handlers.with_actor(ParrotFactory()).allow(&is_friend);
  });
}

template <class World>
ActorRef<Parrot> leon(World& world, NodeId from) {
  auto ref = world.run(from, world.remote(from).template actor_ref<Parrot>("leon"));
  REQUIRE(ref);
  return *ref;
}

}  // namespace

TEMPLATE_TEST_CASE("a handler takes messages of those nodes that it allows", "[permission]",
                   SimulatedWorld, TcpWorld) {
  TestType world(3, with_friends);
  const auto parrot = world.template start<Parrot>(1, "leon");
  const auto of_friend = leon(world, 2), of_other = leon(world, 3);
  const auto said = world.run(2, of_friend.template send<Say>("hello"));
  REQUIRE(said);
  CHECK(*said == "hello");
  const auto refused = world.run(3, of_other.template send<Say>("hello"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == Kind::Unauthorised);
  CHECK(refused.error().outcome() == ActorRefErrOutcome::NotDelivered);
  CHECK(world.run(3, of_other.template send<Rest>(0)));  // others of its messages go on

  const auto before = world.system(1).dead_letter_count();
  CHECK(of_other.template notify<Say>("hello"));
  CHECK(world.until([&] { return world.system(1).dead_letter_count() == before + 1; }));
  CHECK(world.until([&] { return world.remote(3).counters(1).peer_refused == 2; }));
}

TEMPLATE_TEST_CASE("a permission that throws says no", "[permission]", SimulatedWorld, TcpWorld) {
  TestType world(2, with_friends);
  const auto parrot = world.template start<Parrot>(1, "leon");
  const auto before = world.system(1).dead_letter_count();
  CHECK(leon(world, 2).template notify<Fall>("off"));
  CHECK(world.until([&] { return world.system(1).dead_letter_count() == before + 1; }));
  CHECK(parrot.is_valid());
}

TEMPLATE_TEST_CASE("a factory makes actors for those nodes that it allows, and for its own",
                   "[permission]", SimulatedWorld, TcpWorld) {
  TestType world(3, with_friends);
  const auto deploy = [&](NodeId from) {
    const Say recipe;
    auto options = DeployOptions().node(1);
    return world.run(from, world.remote(from).deploy_actor(ParrotFactory(), recipe, options));
  };
  CHECK(deploy(2));
  CHECK(deploy(1));
  const auto refused = deploy(3);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == Kind::Unauthorised);
}

TEST_CASE("a permission stands behind what it is about", "[permission]") {
  RemoteHandlers handlers;
  CHECK_THROWS_AS(handlers.allow(&is_friend), std::logic_error);
}

TEMPLATE_TEST_CASE("nodes know each other's tag, version, roles and attributes",
                   "[permission][B-062]", SimulatedWorld, TcpWorld) {
  TestType world(3, with_friends);
  for (NodeId from = 1; from <= 3; ++from) {
    const auto nodes = world.remote(from).get_nodes();
    REQUIRE(nodes.size() == 3);
    for (const RemoteNodeState& node : nodes) {
      INFO("node " << node.id << " as node " << from << " sees it");
      CHECK(node.tag == "node " + std::to_string(node.id));
      CHECK(node.version == "1.0." + std::to_string(node.id));
      CHECK(node.roles == std::set<std::string>{node.id == 2 ? "friend" : "passer-by"});
      CHECK(node.attributes == std::map<std::string, std::string>{{"colour", "green"}});
      CHECK_FALSE(node.addr.empty());
    }
  }
}

}  // namespace coerce::test::permission_cases
