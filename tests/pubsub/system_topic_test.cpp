#include <coerce/pubsub/system_topic.hpp>

#include "pubsub/events.hpp"
#include "pubsub/topics.hpp"

#include <coerce/testkit/catch2.hpp>

#include "remote/core.hpp"

namespace coerce::test::system_topic_cases {
namespace {

using Texts = std::vector<std::string>;

/// Writes down what happens to nodes.
class Chronicler : public Actor {
 public:
  static constexpr std::string_view type_name = "Chronicler";

  Task<void> started(ActorContext& ctx) {
    auto subscribing = PubSub::subscribe<Chronicler>(SystemTopic(), ctx);
    auto subscribed = co_await subscribing;
    if (!subscribed) throw std::runtime_error(subscribed.error().to_string());
    subscription_ = std::move(*subscribed);
  }
  void handle(Receive<SystemTopic> event, ActorContext&) {
    all_.push_back(text_of_event(event.message()));
  }
  const Texts& all() const { return all_; }
  /// Without leaders and minimums, which are not the matter of all tests.
  Texts nodes() const {
    Texts some;
    for (const auto& text : all_)
      if (text.starts_with("added") || text.starts_with("removed")) some.push_back(text);
    return some;
  }

 private:
  Subscription subscription_;
  Texts all_;
};

template <class World>
Texts nodes(World& world, NodeId node, const LocalActorRef<Chronicler>& chronicler) {
  auto asking = chronicler.exec([](Chronicler& actor) { return actor.nodes(); });
  return world.run(node, std::move(asking)).value();
}

}  // namespace

TEMPLATE_TEST_CASE("a late subscriber is told who is there", "[system-topic][B-117][W-92]",
                   SimulatedWorld, TcpWorld) {
  TestType world(3);
  const auto chronicler = world.template start<Chronicler>(2, "chronicler");
  CHECK(nodes(world, 2, chronicler) == Texts{"added 1", "added 3"});
}

TEST_CASE("a node that comes or is lost is an event", "[system-topic][B-117]") {
  SimulatedWorld world(3);
  const auto chronicler = world.start<Chronicler>(1, "chronicler");
  world.kill(3);
  REQUIRE(world.until([&] { return nodes(world, 1, chronicler).size() == 3; }, 60s));
  CHECK(nodes(world, 1, chronicler) == Texts{"added 2", "added 3", "removed 3"});
  world.restart(3);
  REQUIRE(world.until([&] { return nodes(world, 1, chronicler).size() == 4; }, 60s));
  CHECK(nodes(world, 1, chronicler).back() == "added 3");
}

TEST_CASE("whenever an actor subscribes, it sees the same in the end", "[system-topic][W-92]") {
  for (int run = 0; run < 30; ++run) {
    SimulatedWorld world(3);
    auto& sim = world.sim();
    INFO("seed " << sim.seed());
    std::vector<LocalActorRef<Chronicler>> chroniclers;
    for (int round = 0; round < 6; ++round) {
      chroniclers.push_back(world.start<Chronicler>(1, "chronicler " + std::to_string(round)));
      switch (sim.draw(3)) {
        case 0:
          if (sim.node(3).is_alive()) {
            world.kill(3);
          } else {
            sim.restart(3);
            const auto remote = build_node(sim.node(3));
            (void)begin_start(sim.node(3),
                              worker_of(sim.node(3), remote, {address_of(sim.node(1))}));
          }
          break;
        case 1:
          sim.partition({1}, {2});
          break;
        default:
          sim.heal();
          break;
      }
      sim.run_for(std::chrono::milliseconds(sim.draw(9'000)));
    }
    sim.heal();
    sim.run_for(60s);
    const auto view = [&](const LocalActorRef<Chronicler>& chronicler) {
      std::set<std::string> there;
      for (const auto& text : nodes(world, 1, chronicler)) {
        const std::string node = text.substr(text.find(' ') + 1);
        // Nothing twice, and nobody goes who has not come.
        if (text.starts_with("added"))
          CHECK(there.insert(node).second);
        else
          CHECK(there.erase(node) == 1);
      }
      return there;
    };
    std::set<std::string> members;
    for (const auto& node : world.remote(1).core().membership().members())
      if (node.id != 1) members.insert(std::to_string(node.id));
    for (const auto& chronicler : chroniclers) CHECK(view(chronicler) == members);
  }
}

namespace {

template <class World>
Texts everything(World& world, NodeId node, const LocalActorRef<Chronicler>& chronicler) {
  auto asking = chronicler.exec([](Chronicler& actor) { return actor.all(); });
  return world.run(node, std::move(asking)).value();
}

}  // namespace

TEST_CASE("a leader, and the first cluster that is large enough, are events",
          "[system-topic][B-117][B-216][W-50][W-56]") {
  SimulatedWorld world(3, [](RemoteActorSystemBuilder& builder, NodeId id) {
    HeartbeatOptions options;
    if (id == 1) options.minimum_cluster_size = 1;
    builder.heartbeat(options);
  });
  const auto early = world.start<Chronicler>(1, "early");
  const auto two = world.start<Chronicler>(2, "two");
  REQUIRE(world.remote(2).current_leader() == NodeId{1});  // the oldest
  const Texts at_first = everything(world, 2, two);
  CHECK(at_first == Texts{"added 1", "added 3", "leader 1", "up 1: 1 2 3"});
  world.kill(1);
  REQUIRE(world.until([&] { return everything(world, 2, two).size() > 5; }, 60s));
  const Texts all = everything(world, 2, two);
  CHECK(std::ranges::count(all, "leader 2") == 1);
  CHECK(std::ranges::count(all, "removed 1") == 1);
  CHECK(std::ranges::count_if(all, [](const auto& text) { return text.starts_with("up"); }) == 1);
  CHECK(world.remote(2).current_leader() == NodeId{2});
  CHECK(world.until([&] { return world.remote(3).current_leader() == NodeId{2}; }, 10s));
}

TEST_CASE("a cluster that needs three is up when the third has come", "[system-topic][B-216]") {
  testkit::Simulation sim{{.nodes = 3}};
  std::vector<RemoteActorSystem> nodes;
  std::vector<std::shared_ptr<Starting>> starting;
  std::vector<LocalActorRef<Chronicler>> chroniclers;
  for (NodeId id = 1; id <= 3; ++id) {
    nodes.push_back(build_node(sim.node(id), [](RemoteActorSystemBuilder& builder) {
      HeartbeatOptions options;
      options.minimum_cluster_size = 3;
      builder.heartbeat(options);
    }));
    chroniclers.push_back(sim.node(id).start<Chronicler>("chronicler"));
  }
  const auto is_up = [&](NodeId id) {
    auto asking = chroniclers[id - 1].exec([](Chronicler& actor) { return actor.all(); });
    const Texts all = sim.node(id).run(std::move(asking)).value();
    return std::ranges::count(all, "up 1: 1 2 3") == 1;
  };
  const auto begin = [&](NodeId id) {
    std::vector<std::string> seeds;
    if (id > 1) seeds.push_back(address_of(sim.node(1)));
    starting.push_back(begin_start(sim.node(id), worker_of(sim.node(id), nodes[id - 1], seeds)));
  };
  begin(1);
  begin(2);
  sim.run_for(10s);
  CHECK_FALSE(is_up(1));
  CHECK_FALSE(starting[0]->done);
  begin(3);
  sim.run_for(10s);
  for (NodeId id = 1; id <= 3; ++id) {
    INFO("node " << id);
    CHECK(starting[id - 1]->done);
    CHECK(is_up(id));
  }
}

TEST_CASE("nothing on the topic of the cluster comes from a network or a user",
          "[system-topic][W-92]") {
  SimulatedWorld world(2);
  const auto chronicler = world.start<Chronicler>(2, "chronicler");
  const auto before = nodes(world, 2, chronicler);
  const SystemEvent event = LeaderChanged{7};
  const auto refused = world.run(2, PubSub::publish(SystemTopic(), event, world.remote(2)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ActorRefErrKind::NotSupported);
  CHECK_FALSE(PubSub::publish_locally(SystemTopic(), event, world.remote(2)));
  // As a node would that has not the same rules: topic "coerce", a message.
  const Bytes forged = bytes_of(
      "\x0a\x06"
      "coerce"
      "\x1a\x01x");
  REQUIRE(
      world.remote(1).core().peer(2)->tell_in_order(detail::InternalKind::Publication, 1, forged));
  world.sim().run_for(1s);
  auto asking = chronicler.exec([](Chronicler& actor) { return actor.all(); });
  const Texts all = world.run(2, std::move(asking)).value();
  CHECK(std::ranges::count(all, "leader 7") == 0);
  CHECK(nodes(world, 2, chronicler) == before);
}

}  // namespace coerce::test::system_topic_cases
