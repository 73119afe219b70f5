#include <coerce/pubsub/pubsub.hpp>

#include "pubsub/topics.hpp"

#include <coerce/testkit/catch2.hpp>

#include "remote/core.hpp"

namespace coerce::test::nodes_cases {
namespace {

using Numbers = std::vector<std::int64_t>;
constexpr std::int64_t kGap = -1;  ///< as a Listener writes down a loss of unknown size

template <class World>
LocalActorRef<Listener> listen(World& world, NodeId node, const std::string& key = {}) {
  return world.template start<Listener>(node, "listener", std::optional(key));
}

template <class World>
Numbers heard(World& world, NodeId node, const LocalActorRef<Listener>& listener) {
  auto asking = listener.exec([](Listener& actor) { return actor.heard(); });
  return world.run(node, std::move(asking)).value();
}

template <class World>
Result<void> say(World& world, NodeId node, std::int64_t number, const std::string& key = {},
                 std::string text = {}) {
  const Channel channel(key);
  return world.run(node,
                   PubSub::publish(channel, News(number, std::move(text)), world.remote(node)));
}

template <class World>
bool comes(World& world, NodeId node, const LocalActorRef<Listener>& listener,
           const Numbers& wanted) {
  const auto latest = std::make_shared<Numbers>();
  for (int i = 0; i < 500; ++i) {
    *latest = heard(world, node, listener);
    if (*latest == wanted) return true;
    (void)world.until([] { return false; }, 10ms);
  }
  UNSCOPED_INFO("heard " << Catch::Detail::stringify(*latest));
  return false;
}

Result<Subscription> subscribe(SimulatedWorld& world, NodeId node,
                               const LocalActorRef<Listener>& listener,
                               const std::string& key = {}) {
  const Channel channel(key);
  return world.run(node, PubSub::subscribe(channel, listener, world.remote(node)));
}

/// Does somebody hear of every loss?
bool tells_losses(const Numbers& numbers, std::int64_t last) {
  std::int64_t expected = 1;
  bool gap = false;
  for (const std::int64_t number : numbers) {
    if (number == kGap) {
      gap = true;
      continue;
    }
    if (number < expected || (number > expected && !gap)) return false;
    expected = number + 1;
    gap = false;
  }
  return expected == last + 1 || gap;
}

}  // namespace

TEMPLATE_TEST_CASE("actors of all nodes hear what any node publishes, in its order",
                   "[pubsub][W-91]", SimulatedWorld, TcpWorld) {
  TestType world(3);
  const auto one = listen(world, 1);
  const auto three = listen(world, 3);
  Numbers all;
  for (std::int64_t i = 1; i <= 100; ++i) {
    REQUIRE(say(world, 2, i));
    all.push_back(i);
  }
  CHECK(comes(world, 1, one, all));
  CHECK(comes(world, 3, three, all));
  REQUIRE(say(world, 1, 101));
  all.push_back(101);
  CHECK(comes(world, 1, one, all));
  CHECK(comes(world, 3, three, all));
}

TEMPLATE_TEST_CASE("what is published locally stays there", "[pubsub][B-116]", SimulatedWorld,
                   TcpWorld) {
  TestType world(2);
  const auto one = listen(world, 1);
  const auto two = listen(world, 2);
  const Channel channel;
  CHECK(PubSub::publish_locally(channel, News(1), world.remote(1)));
  REQUIRE(say(world, 1, 2));
  CHECK(comes(world, 2, two, {2}));
  CHECK(comes(world, 1, one, {1, 2}));
}

TEMPLATE_TEST_CASE("keys are separate on other nodes too, and a subscription ends there",
                   "[pubsub][B-116]", SimulatedWorld, TcpWorld) {
  TestType world(2);
  const auto red = world.template start<Listener>(2, "red", std::optional<std::string>("red"));
  const auto blue = world.template start<Listener>(2, "blue", std::optional<std::string>("blue"));
  REQUIRE(say(world, 1, 1, "red"));
  REQUIRE(say(world, 1, 2, "blue"));
  CHECK(comes(world, 2, red, {1}));
  CHECK(comes(world, 2, blue, {2}));
  CHECK(world.run(2, red.exec([](Listener& actor) { actor.leave(); })));
  REQUIRE(say(world, 1, 3, "red"));
  REQUIRE(say(world, 1, 4, "blue"));
  CHECK(comes(world, 2, blue, {2, 4}));
  CHECK(comes(world, 2, red, {1}));
}

TEST_CASE("a message goes to the nodes that have subscribers alone", "[pubsub][W-91]") {
  SimulatedWorld world(3);
  const auto two = listen(world, 2);
  const std::string text(100'000, 'x');
  const auto to_two = world.remote(1).counters(2).bytes_sent;
  const auto to_three = world.remote(1).counters(3).bytes_sent;
  REQUIRE(say(world, 1, 1, {}, text));
  CHECK(comes(world, 2, two, {1}));
  world.sim().run_for(1s);
  CHECK(world.remote(1).counters(2).bytes_sent - to_two >= text.size());
  CHECK(world.remote(1).counters(3).bytes_sent - to_three < text.size());
  CHECK(world.run(2, two.exec([](Listener& actor) { actor.leave(); })));
  world.sim().run_for(1s);
  const auto afterwards = world.remote(1).counters(2).bytes_sent;
  REQUIRE(say(world, 1, 2, {}, text));
  world.sim().run_for(1s);
  CHECK(world.remote(1).counters(2).bytes_sent - afterwards < text.size());
}

TEST_CASE("once subscribed, an actor hears what is published anywhere from then on", "[pubsub]") {
  for (int run = 0; run < 20; ++run) {
    SimulatedWorld world(3);
    INFO("seed " << world.sim().seed());
    const auto one = listen(world, 1);
    REQUIRE(say(world, 3, 1));
    REQUIRE(say(world, 2, 2));
    CHECK(world.until([&] { return heard(world, 1, one).size() == 2; }));
  }
}

TEST_CASE("a node that joins publishes to all subscribers from its first word on", "[pubsub]") {
  for (int run = 0; run < 20; ++run) {
    testkit::Simulation sim{{.nodes = 2}};
    INFO("seed " << sim.seed());
    auto first = build_node(sim.node(1));
    auto second = build_node(sim.node(2));
    start(sim.node(1), first, {});
    const auto old = sim.node(1).start<Listener>("old", std::optional<std::string>(""));
    const auto early = sim.node(2).start<Listener>("early", std::optional<std::string>(""));
    start(sim.node(2), second, {address_of(sim.node(1))});
    const Channel channel;
    REQUIRE(sim.node(2).run(PubSub::publish(channel, News(1), second)));
    const auto has_heard = [&](NodeId id, const LocalActorRef<Listener>& listener) {
      auto asking = listener.exec([](Listener& actor) { return actor.heard(); });
      return sim.node(id).run(std::move(asking)).value() == Numbers{1};
    };
    sim.run_for(1s);
    CHECK(has_heard(1, old));
    CHECK(has_heard(2, early));
  }
}

TEST_CASE("a node that does not say that it knows makes subscribe() end, not the subscription",
          "[pubsub]") {
  SimulatedWorld world(2);
  const auto one = world.start<Listener>(1, "listener");
  world.sim().pause(2);
  const auto before = world.sim().now();
  auto late = subscribe(world, 1, one);
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == ActorRefErrKind::Timeout);
  CHECK(world.sim().now() - before >= 5s);
  world.sim().resume(2);
  world.sim().run_for(2s);
  REQUIRE(table_of(world.remote(1)) == "1 healthy, 2 healthy");
  REQUIRE(say(world, 2, 1));
  CHECK(comes(world, 1, one, {1}));
  {
    const auto again = subscribe(world, 1, one);
    REQUIRE(again);
    REQUIRE(say(world, 2, 2));
    CHECK(comes(world, 1, one, {1, 2}));  // once
  }
  CHECK(PubSub::subscription_count(world.remote(1)) == 0);
}

TEST_CASE("an actor that was left subscribed is subscribed once, however it goes on", "[pubsub]") {
  SimulatedWorld world(2);
  const auto one = world.start<Listener>(1, "listener");
  world.sim().pause(2);
  const auto late = subscribe(world, 1, one);
  REQUIRE_FALSE(late);
  world.sim().resume(2);
  world.sim().run_for(2s);
  CHECK(world.run(1, one.send<Listener::Join>()));
  CHECK(PubSub::subscription_count(world.remote(1)) == 1);
  REQUIRE(say(world, 2, 1));
  CHECK(comes(world, 1, one, {1}));
}

TEST_CASE("a node that is gone is not waited for", "[pubsub]") {
  SimulatedWorld world(3);
  world.kill(2);
  const auto one = world.start<Listener>(1, "listener");
  world.sim().run_for(2s);  // it is Unhealthy
  const auto before = world.sim().now();
  const auto subscription = subscribe(world, 1, one);
  REQUIRE(subscription);
  CHECK(world.sim().now() - before < 1s);
}

TEST_CASE("messages that a broken link has lost are told as a gap", "[pubsub]") {
  int lossy = 0;
  for (int run = 0; run < 30; ++run) {
    SimulatedWorld world(2);
    INFO("seed " << world.sim().seed());
    const auto one = listen(world, 1);
    std::int64_t last = 0;
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 10; ++i) (void)say(world, 2, ++last);
      world.cut(1, 2);
      for (int i = 0; i < 10; ++i) (void)say(world, 2, ++last);
      world.sim().run_for(std::chrono::milliseconds(world.sim().draw(500)));
    }
    world.sim().run_for(10s);
    const Numbers numbers = heard(world, 1, one);
    INFO(Catch::Detail::stringify(numbers));
    CHECK(tells_losses(numbers, last));
    if (std::ranges::count(numbers, kGap) > 0) ++lossy;
    REQUIRE(say(world, 2, last + 1));
    world.sim().run_for(1s);
    CHECK(heard(world, 1, one).back() == last + 1);
  }
  CHECK(lossy > 0);
}

TEST_CASE("a clean end of a node is no gap, its death may be", "[pubsub]") {
  SimulatedWorld world(3);
  const auto one = listen(world, 1);
  world.run(2, world.remote(2).leave());
  world.sim().run_for(10s);
  CHECK(heard(world, 1, one).empty());
  world.kill(3);
  world.sim().run_for(20s);
  CHECK(heard(world, 1, one) == Numbers{kGap});
}

TEST_CASE("what finds no room on the way to a node is an error, and told there as a gap",
          "[pubsub]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId) {
    builder.limits({.high_water = 100'000});
  });
  const auto one = listen(world, 1);
  world.sim().stall(2, 1);
  Result<void> said;
  std::int64_t last = 0;
  while (said && last < 1000) said = say(world, 2, ++last, {}, std::string(10'000, 'x'));
  REQUIRE_FALSE(said);
  CHECK(said.error().kind() == ActorRefErrKind::Overloaded);
  world.sim().heal();
  world.sim().run_for(3s);
  const Numbers numbers = heard(world, 1, one);
  INFO(Catch::Detail::stringify(numbers));
  CHECK(numbers.back() == kGap);
  CHECK(tells_losses(numbers, last));
}

TEST_CASE("a node keeps as many topics of another one as it may", "[pubsub]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    if (id == 2) builder.limits({.max_topics = 2});
  });
  const auto one = world.start<Listener>(1, "listener");
  const auto a = subscribe(world, 1, one, "a");
  std::optional b = subscribe(world, 1, one, "b");
  REQUIRE(a);
  REQUIRE(*b);
  const auto c = subscribe(world, 1, one, "c");
  REQUIRE_FALSE(c);
  CHECK(c.error().kind() == ActorRefErrKind::Timeout);
  b.reset();
  world.sim().run_for(3s);
  REQUIRE(say(world, 2, 1, "c"));  // it was completed behind
  CHECK(comes(world, 1, one, {1}));
}

TEST_CASE("nonsense from another node is refused, and harms nobody", "[pubsub]") {
  SimulatedWorld world(2);
  const auto two = listen(world, 2);
  using detail::InternalKind;
  const auto peer = world.remote(1).core().peer(2);
  REQUIRE(peer->tell_in_order(InternalKind::Publication, 1, bytes_of("nonsense")));
  REQUIRE(peer->tell_in_order(InternalKind{999}, 1, bytes_of("nonsense")));
  for (const auto* nonsense : {"nonsense", "\x22\x02\x0a\x00"}) {
    auto answer = world.run(1, peer->ask(InternalKind::Subscriptions, bytes_of(nonsense), 5s));
    INFO(nonsense);
    (void)answer;
  }
  world.sim().run_for(2s);
  CHECK(world.remote(1).counters(2).links_ended == 0);
  CHECK(heard(world, 2, two).empty());
}

TEST_CASE("after all faults have healed everybody hears everybody", "[pubsub]") {
  for (int run = 0; run < 40; ++run) {
    SimulatedWorld world(3);
    auto& sim = world.sim();
    INFO("seed " << sim.seed());
    std::vector<LocalActorRef<Listener>> listeners;
    for (NodeId id = 1; id <= 3; ++id) listeners.push_back(listen(world, id));
    std::int64_t number = 0;
    for (int round = 0; round < 6; ++round) {
      const NodeId a = 1 + sim.draw(3);
      const NodeId b = a % 3 + 1;
      switch (sim.draw(4)) {
        case 0:
          sim.cut(a, b);
          break;
        case 1:
          sim.partition({a}, {b});
          break;
        case 2:
          sim.stall(a, b);
          break;
        default:
          sim.partition({a}, {b, 6 - a - b});
          break;
      }
      (void)say(world, a, ++number);
      sim.run_for(std::chrono::milliseconds(sim.draw(12'000)));
      (void)say(world, b, ++number);
      if (sim.draw(2) == 0) sim.heal();
    }
    sim.heal();
    REQUIRE(world.until(
        [&] {
          return std::ranges::all_of(std::vector<NodeId>{1, 2, 3}, [&](NodeId id) {
            return table_of(world.remote(id)) == kMesh;
          });
        },
        300s));
    sim.run_for(5s);
    for (NodeId id = 1; id <= 3; ++id) CHECK(say(world, id, 1000 + static_cast<int>(id)));
    sim.run_for(1s);
    for (NodeId id = 1; id <= 3; ++id) {
      const Numbers numbers = heard(world, id, listeners[id - 1]);
      for (std::int64_t last = 1001; last <= 1003; ++last)
        CHECK(std::ranges::count(numbers, last) == 1);
    }
  }
}

}  // namespace coerce::test::nodes_cases
