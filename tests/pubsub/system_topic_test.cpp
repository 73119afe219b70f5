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
