#include <coerce/pubsub/pubsub.hpp>

#include "pubsub/topics.hpp"

#include <catch2/catch.hpp>

namespace coerce::test::threads_cases {
namespace {

constexpr std::int64_t kPublishers = 4;
constexpr std::int64_t kEach = 500;
constexpr std::int64_t kStep = 1'000'000;

/// Publishes in order, again when there was no room.
Task<void> publish_all(RemoteActorSystem node, std::int64_t publisher,
                       std::shared_ptr<std::atomic<int>> left) {
  const Channel channel;
  for (std::int64_t i = 1; i <= kEach; ++i) {
    News news(publisher * kStep + i);
    auto publishing = PubSub::publish(channel, std::move(news), node);
    const auto published = co_await publishing;
    if (!published) break;
  }
  left->fetch_sub(1);
}

/// Subscribes an actor, and lets go, again and again.
Task<void> come_and_go(RemoteActorSystem node, LocalActorRef<Listener> listener,
                       std::shared_ptr<std::atomic<int>> left) {
  for (int i = 0; i < 50; ++i) {
    const Channel channel(std::to_string(i % 3));
    auto subscribing = PubSub::subscribe(channel, listener, node);
    auto subscribed = co_await subscribing;
    if (!subscribed) break;
    co_await yield();
  }
  left->fetch_sub(1);
}

}  // namespace

TEST_CASE("publishers and subscribers on many threads keep their order", "[pubsub][threads]") {
  TcpWorld world(3);
  std::vector<LocalActorRef<Listener>> listeners;
  for (NodeId id = 1; id <= 3; ++id)
    for (int i = 0; i < 2; ++i)
      listeners.push_back(world.start<Listener>(id, std::to_string(id) + "/" + std::to_string(i),
                                                std::optional<std::string>("")));
  const auto left = std::make_shared<std::atomic<int>>(static_cast<int>(kPublishers) + 3);
  for (std::int64_t publisher = 1; publisher <= kPublishers; ++publisher) {
    const NodeId at = static_cast<NodeId>(publisher) % 3 + 1;
    REQUIRE(world.system(at).spawn(publish_all(world.remote(at), publisher, left)));
  }
  for (NodeId id = 1; id <= 3; ++id) {
    const auto guest = world.start<Listener>(id, "guest " + std::to_string(id));
    REQUIRE(world.system(id).spawn(come_and_go(world.remote(id), guest, left)));
  }
  REQUIRE(world.until([&] { return left->load() == 0; }, 100s));
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const NodeId at = i / 2 + 1;
    const auto heard = [&] {
      auto asking = listeners[i].exec([](Listener& actor) { return actor.heard(); });
      return world.run(at, std::move(asking)).value();
    };
    INFO("listener " << i);
    CHECK(world.until([&] { return heard().size() == kPublishers * kEach; }, 60s));
    std::map<std::int64_t, std::int64_t> last;
    bool in_order = true;
    for (const std::int64_t number : heard())
      in_order = in_order && number % kStep == ++last[number / kStep];
    CHECK(in_order);
  }
  for (NodeId id = 1; id <= 3; ++id) CHECK(PubSub::lost_count(world.remote(id)) == 0);
}

}  // namespace coerce::test::threads_cases
