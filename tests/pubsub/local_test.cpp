#include <coerce/pubsub/pubsub.hpp>

#include "pubsub/topics.hpp"

#include <coerce/testkit/catch2.hpp>

namespace coerce::test::local_cases {
namespace {

/// One node that never listens.
struct Lone {
  explicit Lone(const Setup& setup = {}) : remote(build_node(sim.node(1), setup)) {}

  Result<void> say(std::int64_t number, const std::string& key = {}) {
    const Channel channel(key);
    return sim.node(1).run(PubSub::publish(channel, News(number), remote));
  }
  std::vector<std::int64_t> heard(const LocalActorRef<Listener>& listener) {
    auto asking = listener.exec([](Listener& actor) { return actor.heard(); });
    return sim.node(1).run(std::move(asking)).value();
  }
  template <class... Args>
  LocalActorRef<Listener> listener(Args&&... args) {
    return sim.node(1).start<Listener>("", std::forward<Args>(args)...);
  }

  testkit::Simulation sim{{.nodes = 1}};
  RemoteActorSystem remote;
};

}  // namespace

TEST_CASE("actors that subscribe when they start hear all that is published", "[pubsub][B-045]") {
  Lone lone;
  const auto first = lone.listener("");
  const auto second = lone.listener("");
  for (int i = 1; i <= 10; ++i) REQUIRE(lone.say(i));
  const std::vector<std::int64_t> all{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  CHECK(lone.heard(first) == all);
  CHECK(lone.heard(second) == all);
}

TEST_CASE("each key of a topic is a topic of its own", "[pubsub][B-116]") {
  Lone lone;
  const auto red = lone.listener("red");
  const auto blue = lone.listener("blue");
  REQUIRE(lone.say(1, "red"));
  REQUIRE(lone.say(2, "blue"));
  REQUIRE(lone.say(3));
  CHECK(lone.heard(red) == std::vector<std::int64_t>{1});
  CHECK(lone.heard(blue) == std::vector<std::int64_t>{2});
}

TEST_CASE("an ended subscription delivers nothing, whoever ends it", "[pubsub][B-116]") {
  Lone lone;
  const auto self = lone.listener("");
  const auto other = lone.listener();
  auto subscribing = PubSub::subscribe(Channel(), other, lone.remote);
  std::optional subscription = lone.sim.node(1).run(std::move(subscribing)).value();
  REQUIRE(lone.say(1));
  CHECK(lone.sim.node(1).run(self.exec([](Listener& actor) { actor.leave(); })));
  subscription.reset();
  REQUIRE(lone.say(2));
  CHECK(lone.heard(self) == std::vector<std::int64_t>{1});
  CHECK(lone.heard(other) == std::vector<std::int64_t>{1});
  CHECK(PubSub::subscription_count(lone.remote) == 0);
}

TEST_CASE("a subscription in its own actor does not keep it", "[pubsub]") {
  Lone lone;
  const std::size_t before = lone.sim.node(1).system().live_actor_count();
  std::optional listener = lone.listener("");
  CHECK(PubSub::subscription_count(lone.remote) == 1);
  listener.reset();
  REQUIRE(
      lone.sim.run_until([&] { return lone.sim.node(1).system().live_actor_count() == before; }));
  CHECK(PubSub::subscription_count(lone.remote) == 0);
}

TEST_CASE("the subscription of an actor that has ended, ends", "[pubsub]") {
  Lone lone;
  const auto listener = lone.listener();
  auto subscribing = PubSub::subscribe(Channel(), listener, lone.remote);
  const auto subscription = lone.sim.node(1).run(std::move(subscribing)).value();
  CHECK(lone.sim.node(1).run(listener.stop()));
  REQUIRE(lone.say(1));
  CHECK(PubSub::subscription_count(lone.remote) == 0);
}

TEST_CASE("messages are built in place, and published locally at once", "[pubsub][B-116]") {
  Lone lone;
  const auto listener = lone.listener("");
  const Channel channel;
  CHECK(lone.sim.node(1).run(PubSub::publish<Channel>(channel, lone.remote, 1, "one")));
  CHECK(PubSub::publish_locally(channel, News(2), lone.remote));
  CHECK(lone.sim.node(1).run(PubSub::publish_locally<Channel>(channel, lone.remote, 3)));
  CHECK(lone.heard(listener) == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("an actor that is too slow is told how many messages it has missed", "[pubsub][W-90]") {
  Lone lone;
  const auto listener = lone.listener();
  auto subscribing = PubSub::subscribe(Channel(), listener, lone.remote, {.capacity = 3});
  const auto subscription = lone.sim.node(1).run(std::move(subscribing)).value();
  const Channel channel;
  for (int i = 1; i <= 10; ++i) CHECK(PubSub::publish_locally(channel, News(i), lone.remote));
  CHECK(PubSub::lost_count(lone.remote) == 7);
  lone.sim.run_for(1s);  // nothing more is published: it is told all the same
  CHECK(lone.heard(listener) == std::vector<std::int64_t>{1, 2, 3, -8});
  CHECK(PubSub::publish_locally(channel, News(11), lone.remote));
  CHECK(lone.heard(listener) == std::vector<std::int64_t>{1, 2, 3, -8, 11});
}

namespace {

class Narrow : public Actor {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 2, .overflow = Overflow::Reject};
  void handle(Receive<Channel> news, ActorContext&) { heard_.push_back(news.message().number); }
  void handle(TopicLagged<Channel> lagged, ActorContext&) {
    heard_.push_back(-static_cast<std::int64_t>(lagged.count));
  }
  std::vector<std::int64_t> heard_;
};

class Deaf : public Actor {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 2, .overflow = Overflow::Reject};
  void handle(Receive<Channel>, ActorContext&) { ++heard_; }
  int heard_ = 0;
};

}  // namespace

TEST_CASE("a full mailbox costs messages, not the subscription", "[pubsub][W-90]") {
  Lone lone;
  const auto narrow = lone.sim.node(1).start<Narrow>("");
  const auto deaf = lone.sim.node(1).start<Deaf>("");
  auto first = PubSub::subscribe(Channel(), narrow, lone.remote);
  const auto one = lone.sim.node(1).run(std::move(first)).value();
  const Receiver<Receive<Channel>> receiver(deaf);
  auto second = PubSub::subscribe(Channel(), receiver, lone.remote);
  const auto other = lone.sim.node(1).run(std::move(second)).value();
  const Channel channel;
  for (int i = 1; i <= 5; ++i) CHECK(PubSub::publish_locally(channel, News(i), lone.remote));
  lone.sim.run_for(1s);
  auto heard = narrow.exec([](Narrow& actor) { return actor.heard_; });
  CHECK(lone.sim.node(1).run(std::move(heard)).value() == std::vector<std::int64_t>{1, 2, -3});
  CHECK(PubSub::publish_locally(channel, News(6), lone.remote));
  lone.sim.run_for(1s);
  auto asking = deaf.exec([](Deaf& actor) { return actor.heard_; });
  CHECK(lone.sim.node(1).run(std::move(asking)).value() == 3);
  CHECK(PubSub::lost_count(lone.remote) == 6);
}

TEST_CASE("names, keys, topics and subscriptions are limited", "[pubsub]") {
  Lone lone([](RemoteActorSystemBuilder& builder) {
    builder.limits({.max_topics = 2, .max_subscriptions = 3});
  });
  const auto listener = lone.listener();
  std::vector<Subscription> kept;
  const auto subscribe = [&](const std::string& key) -> std::optional<ActorRefErrKind> {
    const Channel channel(key);
    auto subscribing = PubSub::subscribe(channel, listener, lone.remote);
    auto subscribed = lone.sim.node(1).run(std::move(subscribing));
    if (!subscribed) return subscribed.error().kind();
    kept.push_back(std::move(*subscribed));
    return std::nullopt;
  };
  CHECK(subscribe(std::string(1025, 'x')) == ActorRefErrKind::NotSupported);
  CHECK_FALSE(lone.say(1, std::string(1025, 'x')));
  CHECK_FALSE(subscribe(std::string(1024, 'x')));
  CHECK_FALSE(subscribe("b"));
  CHECK(subscribe("c") == ActorRefErrKind::Overloaded);
  CHECK_FALSE(subscribe("b"));
  CHECK(subscribe("b") == ActorRefErrKind::Overloaded);
  kept.clear();
  CHECK_FALSE(subscribe("c"));
}

namespace {

/// Takes the name of another topic.
struct Impostor {
  using Message = std::int64_t;
  static constexpr std::string_view topic_name = Channel::topic_name;
};

class Fooled : public Actor {
 public:
  void handle(Receive<Impostor>, ActorContext&) {}
};

}  // namespace

TEST_CASE("a topic's name belongs to one class", "[pubsub]") {
  Lone lone;
  const auto listener = lone.listener("");
  const auto fooled = lone.sim.node(1).start<Fooled>("");
  auto refused = lone.sim.node(1).run(PubSub::subscribe(Impostor(), fooled, lone.remote));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ActorRefErrKind::NotSupported);
  CHECK_FALSE(PubSub::publish_locally(Impostor(), std::int64_t{1}, lone.remote));
}

TEST_CASE("a subscription may outlive its system", "[pubsub]") {
  std::optional<Subscription> subscription;
  {
    Lone lone;
    const auto listener = lone.listener();
    auto subscribing = PubSub::subscribe(Channel(), listener, lone.remote);
    subscription = lone.sim.node(1).run(std::move(subscribing)).value();
  }
  subscription.reset();
}

}  // namespace coerce::test::local_cases
