#include "pubsub/other_nodes.hpp"

#include <catch2/catch.hpp>

#include "pubsub/heard_numbers.hpp"
#include "remote/world.hpp"

namespace coerce::test::other_nodes_cases {
namespace {

using detail::HeardNumbers;
using detail::Interests;
using detail::OtherNodes;
using detail::SubscriptionNews;
using detail::TopicName;
using detail::TopicView;

NodeDescription node(NodeId id, std::uint64_t life = 1) {
  NodeDescription described;
  described.id = id;
  described.incarnation = {life, life};
  return described;
}

/// `keys` live longer.
SubscriptionNews told(std::uint64_t number, const std::vector<std::string_view>& keys,
                      bool ended = false) {
  SubscriptionNews news{number, false, false, {}};
  for (const auto key : keys) news.changes.push_back({{"topic", key}, ended});
  return news;
}

}  // namespace

TEST_CASE("what waits to be told to a silent node is bounded", "[pubsub]") {
  std::optional<OtherNodes> place;  // outlives its tasks
  SimulatedWorld world(2);
  OtherNodes& others = place.emplace(world.remote(1).core());
  others.members_changed();
  world.sim().pause(2);
  const TopicName name(TopicView{"topic", "key"});
  for (int i = 0; i < 100'000; ++i) {
    others.begin(name);
    others.end(name);
  }
  CHECK(others.waiting() <= 65'538);
  world.sim().resume(2);
  world.sim().run_for(20s);
  CHECK(others.waiting() == 0);
}

TEST_CASE("what a node says of its subscriptions too late changes nothing", "[pubsub]") {
  Interests interests(10);
  CHECK(interests.take(node(7), told(2, {"a"})));
  CHECK(interests.take(node(7), told(1, {"a"}, true)));
  CHECK(interests.nodes_of({"topic", "a"}) == std::vector<NodeId>{7});
  CHECK(interests.take(node(5), told(1, {"a"})));
  CHECK(interests.nodes_of({"topic", "a"}) == std::vector<NodeId>{5, 7});
  CHECK(interests.take(node(7), told(3, {"a"}, true)));
  CHECK(interests.nodes_of({"topic", "a"}) == std::vector<NodeId>{5});
}

TEST_CASE("what a node says anew replaces what it has said", "[pubsub]") {
  Interests interests(10);
  CHECK(interests.take(node(7), told(1, {"a", "b"})));
  auto anew = told(2, {"c"});
  anew.anew = true;
  CHECK_FALSE(interests.is_complete(node(7)));
  anew.complete = true;
  CHECK(interests.take(node(7), anew));
  CHECK(interests.is_complete(node(7)));
  CHECK_FALSE(interests.is_complete(node(7, 2)));
  CHECK(interests.nodes_of({"topic", "a"}).empty());
  CHECK(interests.nodes_of({"topic", "c"}) == std::vector<NodeId>{7});
  // Another life of it has said nothing yet.
  CHECK(interests.take(node(7, 2), told(1, {})));
  CHECK(interests.nodes_of({"topic", "c"}).empty());
  interests.clear(node(7, 1));
  CHECK(interests.take(node(7, 2), told(2, {"d"})));
  interests.clear(node(7, 2));
  CHECK(interests.nodes_of({"topic", "d"}).empty());
}

TEST_CASE("a node may name so many topics, and no nonsense", "[pubsub]") {
  Interests interests(2);
  const auto refused = interests.take(node(7), told(1, {"a", "b", "c"}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ActorRefErrKind::Overloaded);
  CHECK(interests.take(node(8), told(1, {"a", "b"})));
  const std::string too_long(1025, 'x');
  const auto nonsense = interests.take(node(8), told(2, {too_long}));
  REQUIRE_FALSE(nonsense);
  CHECK(nonsense.error().kind() == ActorRefErrKind::Deserialisation);
}

TEST_CASE("numbers that jump show that something is missing", "[pubsub]") {
  HeardNumbers heard;
  CHECK_FALSE(heard.take(node(7), 1, true));
  CHECK_FALSE(heard.take(node(7), 2, true));
  CHECK_FALSE(heard.take(node(7), 2, false));
  CHECK(heard.take(node(7), 4, true));
  CHECK_FALSE(heard.take(node(7), 5, true));
  CHECK(heard.take(node(7), 9, false));
  CHECK_FALSE(heard.take(node(7, 2), 1, true));  // another life
  CHECK(heard.take(node(8), 2, true));
  heard.end_link(node(8), true);
  CHECK_FALSE(heard.end(node(8)));
  CHECK(heard.end(node(7, 2)));
}

}  // namespace coerce::test::other_nodes_cases
