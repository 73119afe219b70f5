#include <coerce/actor/watch.hpp>

#include "world.hpp"

#include <coerce/testkit/catch2.hpp>

#include <coerce/testkit/simulation_batch.hpp>

namespace coerce::test::watch_cases {
namespace {

struct WatchIt {
  explicit WatchIt(BoxedActorRef ref) : actor(std::move(ref)) {}
  BoxedActorRef actor;
};
struct UnwatchIt {
  explicit UnwatchIt(BoxedActorRef ref) : actor(std::move(ref)) {}
  BoxedActorRef actor;
};

/// Writes down whom it saw end.
struct Seen {
  struct End {
    std::string id;
    StopReasonKind reason;
    std::string detail;
    bool valid;
  };
  std::vector<End> ends() const {
    const std::lock_guard guard(mutex);
    return list;
  }
  std::size_t size() const { return ends().size(); }

  mutable std::mutex mutex;
  std::vector<End> list;
  std::vector<ActorRefErr> errors;
};

class Guard : public Actor {
 public:
  explicit Guard(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  void handle(WatchIt message, ActorContext& ctx) {
    const auto watched = ctx.watch(message.actor);
    const std::lock_guard guard(seen_->mutex);
    if (!watched) seen_->errors.push_back(watched.error());
  }
  void handle(UnwatchIt message, ActorContext& ctx) { ctx.unwatch(message.actor); }
  void handle(ActorTerminated message, ActorContext&) {
    const std::lock_guard guard(seen_->mutex);
    seen_->list.push_back({message.actor_ref().actor_id().str(), message.reason().kind(),
                           message.reason().detail(), message.actor_ref().is_valid()});
  }

 private:
  std::shared_ptr<Seen> seen_;
};

/// A guard on a node.
template <class World>
struct Post {
  Post(World& its_world, NodeId node)
      : world(its_world), id(node), guard(world.template start<Guard>(node, "guard", seen)) {}

  ActorRef<Parrot> find(const std::string& name) {
    auto ref = world.run(id, world.remote(id).template actor_ref<Parrot>(name));
    REQUIRE(ref);
    return *ref;
  }
  ActorRef<Parrot> watch(const std::string& name) {
    auto ref = find(name);
    watch(ref);
    return ref;
  }
  void watch(const ActorRef<Parrot>& ref) { REQUIRE(guard.template notify<WatchIt>(ref)); }
  /// Nobody says when the other node knows that it is watched; a question behind it has passed it.
  void settle() {
    if constexpr (World::is_virtual) world.sim().run_for(1s);
  }
  bool sees(std::size_t count) {
    return world.until([&] { return seen->size() >= count; });
  }

  World& world;
  const NodeId id;
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  LocalActorRef<Guard> guard;
};

}  // namespace

TEMPLATE_TEST_CASE("a watcher is told why an actor of another node has ended", "[watch]",
                   SimulatedWorld, TcpWorld) {
  TestType world(2, with_birds);
  const auto leon = world.template start<Parrot>(1, "leon");
  const auto milo = world.template start<Parrot>(1, "milo");
  Post<TestType> post(world, 2);
  const auto ref = post.watch("leon");
  const auto other = post.watch("milo");
  post.settle();
  CHECK(post.seen->size() == 0);
  REQUIRE(world.run(1, leon.stop()));
  REQUIRE(post.sees(1));
  auto end = post.seen->ends()[0];
  CHECK(end.id == "leon");
  CHECK(end.reason == StopReasonKind::Stopped);
  CHECK_FALSE(end.valid);
  CHECK_FALSE(ref.is_valid());
  CHECK(other.is_valid());
}

TEST_CASE("the reason of a failure travels", "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 2);
  const auto ref = post.watch("leon");
  post.settle();
  CHECK(ref.notify<Fall>("out of the tree"));
  REQUIRE(post.sees(1));
  CHECK(post.seen->ends()[0].reason == StopReasonKind::Failed);
  CHECK(post.seen->ends()[0].detail.find("out of the tree") != std::string::npos);
}

TEMPLATE_TEST_CASE("whoever watches an actor that has ended is told at once, and each watcher once",
                   "[watch]", SimulatedWorld, TcpWorld) {
  TestType world(2, with_birds);
  const auto leon = world.template start<Parrot>(1, "leon");
  Post<TestType> post(world, 2);
  const auto ref = post.find("leon");
  REQUIRE(world.run(1, leon.stop()));
  post.watch(ref);
  // Over TCP the first watch may have been told of the end by then, and the second is a new one.
  if constexpr (std::is_same_v<TestType, SimulatedWorld>) post.watch(ref);
  REQUIRE(post.sees(1));
  CHECK(post.seen->ends()[0].reason == StopReasonKind::Stopped);
  post.settle();
  CHECK(post.seen->size() == 1);
}

TEST_CASE("who watches no more is told no more", "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> first(world, 2);
  const auto ref = first.watch("leon");
  auto probe = world.sim().node(2).probe<ActorTerminated>();
  probe.watch(ref);
  first.settle();
  CHECK(first.guard.notify<UnwatchIt>(ref));
  first.settle();
  REQUIRE(world.run(1, leon.stop()));
  CHECK(probe.expect([](const ActorTerminated&) { return true; }).reason().kind() ==
        StopReasonKind::Stopped);
  first.settle();
  CHECK(first.seen->size() == 0);
}

TEST_CASE("an actor that was found twice is watched once", "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 2);
  const auto ref = post.watch("leon");
  const auto other = post.watch("leon");
  CHECK(ref == other);
  post.settle();
  REQUIRE(world.run(1, leon.stop()));
  REQUIRE(post.sees(1));
  post.settle();
  CHECK(post.seen->size() == 1);
}

TEST_CASE("any reference of a watched actor ends its watch", "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  const auto milo = world.start<Parrot>(1, "milo");
  Post<SimulatedWorld> post(world, 2);
  post.watch("leon");
  post.watch("milo");
  post.settle();
  CHECK(post.guard.notify<UnwatchIt>(post.find("leon")));
  post.settle();
  REQUIRE(world.run(1, leon.stop()));
  REQUIRE(world.run(1, milo.stop()));
  REQUIRE(post.sees(1));
  post.settle();
  CHECK(post.seen->size() == 1);
  CHECK(post.seen->ends()[0].id == "milo");
}

TEST_CASE("to watch an actor by the reference of each message is one watch", "[watch]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    limits.max_watched = 1;
    builder.limits(limits);
  });
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 2);
  for (int i = 0; i < 10; ++i) post.watch("leon");
  post.settle();
  CHECK(post.seen->errors.empty());
}

TEST_CASE("watched, given up and watched again means watched", "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 2);
  const auto ref = post.watch("leon");
  for (int i = 0; i < 5; ++i) {
    CHECK(post.guard.notify<UnwatchIt>(ref));
    post.watch(ref);
  }
  post.settle();
  REQUIRE(world.run(1, leon.stop()));
  REQUIRE(post.sees(1));
  post.settle();
  CHECK(post.seen->size() == 1);
}

TEST_CASE("who watches the next life of an id is not told of the end of the one before",
          "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto first = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 2);
  const auto ref = post.watch("leon");
  auto probe = world.sim().node(2).probe<ActorTerminated>();
  auto late = world.sim().node(2).probe<ActorTerminated>();
  const auto other = post.find("leon");
  const auto third = post.find("leon");
  post.settle();
  world.sim().stall(1, 2);
  REQUIRE(world.run(1, first.stop()));
  const auto second = world.start<Parrot>(1, "leon");
  probe.watch(other);
  world.sim().run_for(1s);
  CHECK(post.seen->size() == 0);
  world.sim().heal();
  REQUIRE(post.sees(1));
  CHECK(post.seen->ends()[0].reason == StopReasonKind::Stopped);
  late.watch(third);
  post.settle();
  probe.expect_none(1s);

  REQUIRE(world.run(1, second.stop()));  // both who watch this life are told, each once
  const auto is_leon = [](const ActorTerminated& end) {
    return end.actor_ref().actor_id() == ActorId("leon");
  };
  (void)probe.expect(is_leon);
  (void)late.expect(is_leon);
  post.settle();
  CHECK(post.seen->size() == 1);
}

TEST_CASE("the loss of a node ends what is watched there", "[watch]") {
  SimulatedWorld world(3, with_birds);
  std::vector<LocalActorRef<Parrot>> birds;
  for (int i = 0; i < 100; ++i)
    birds.push_back(world.start<Parrot>(1, "bird " + std::to_string(i)));
  const auto elsewhere = world.start<Parrot>(3, "elsewhere");
  Post<SimulatedWorld> post(world, 2);
  for (int i = 0; i < 100; ++i) post.watch("bird " + std::to_string(i));
  const auto late = post.find("bird 7");
  post.watch("elsewhere");
  post.settle();
  world.kill(1);
  REQUIRE(post.sees(100));
  for (const auto& end : post.seen->ends()) {
    CHECK(end.reason == StopReasonKind::NodeLost);
    CHECK(end.id != "elsewhere");
  }
  post.watch(late);  // its node is lost already
  REQUIRE(post.sees(101));
  CHECK(post.seen->ends()[100].reason == StopReasonKind::NodeLost);
}

TEST_CASE("a watch survives a link that dies and comes back", "[watch]") {
  const auto scenario = [](testkit::Simulation& sim) {
    auto first = build_node(sim.node(1), [](auto& builder) { with_birds(builder, 1); });
    auto second = build_node(sim.node(2), [](auto& builder) { with_birds(builder, 2); });
    start(sim.node(1), first, {});
    start(sim.node(2), second, {address_of(sim.node(1))});
    const auto leon = sim.node(1).start<Parrot>("leon");
    const auto milo = sim.node(1).start<Parrot>("milo");
    auto seen = std::make_shared<Seen>();
    const auto guard = sim.node(2).start<Guard>("guard", seen);
    for (const char* name : {"leon", "milo"}) {
      auto ref = sim.node(2).run(second.actor_ref<Parrot>(name));
      sim.check(ref.has_value(), "it is found");
      (void)guard.notify<WatchIt>(*ref);
    }
    // A side that does not learn of the cut loses the other one by its silence.
    const bool at_once = sim.draw(2) == 0;
    const auto notice = at_once ? testkit::Notice::AtOnce : testkit::Notice::Drawn;
    sim.run_for(std::chrono::milliseconds(sim.draw(20)));
    sim.cut(1, 2, notice);
    sim.run_for(std::chrono::milliseconds(sim.draw(20)));
    (void)leon.notify_stop();
    sim.run_for(std::chrono::milliseconds(sim.draw(20)));
    sim.cut(1, 2, notice);
    sim.check(sim.run_until([&] { return seen->size() > 0; }, 20s), "the watcher is told");
    const auto first_end = seen->ends()[0];
    const bool is_lost = first_end.reason == StopReasonKind::NodeLost;
    sim.check(!is_lost || !at_once, "a link that is made anew in time loses no node");
    sim.check(is_lost || first_end.id == "leon", "of the right actor");
    sim.run_for(60s);
    if (at_once) sim.check(seen->size() == 1, "once");
    (void)milo.notify_stop();
    sim.check(sim.run_until([&] { return seen->size() == 2; }, 20s), "and of the other one");
    sim.run_for(20s);
    sim.check(seen->size() == 2, "each once");
  };
  const auto report = testkit::explore(
      scenario, {.seeds = 100, .simulation = {.nodes = 2}, .at_least_percent = {}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("a node that has begun anew has lost what it watched", "[watch][B-212]") {
  SimulatedWorld world(3, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 3);
  post.watch("leon");
  post.settle();
  world.sim().pause(3);
  world.sim().run_for(60s);
  world.sim().resume(3);
  REQUIRE(post.sees(1));
  CHECK(post.seen->ends()[0].reason == StopReasonKind::NodeLost);
  REQUIRE(world.until(
      [&] { return world.run(3, world.remote(3).locate_actor_node("leon")) == NodeId{1}; }));
  const auto ref = post.watch("leon");  // in the new life it may be watched again
  post.settle();
  REQUIRE(world.run(1, leon.stop()));
  REQUIRE(post.sees(2));
  CHECK(post.seen->ends()[1].reason == StopReasonKind::Stopped);
}

TEST_CASE("watches are bounded", "[watch]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    limits.max_watched = 2;
    builder.limits(limits);
  });
  std::vector<LocalActorRef<Parrot>> birds;
  for (int i = 0; i < 3; ++i) birds.push_back(world.start<Parrot>(1, "bird " + std::to_string(i)));
  Post<SimulatedWorld> post(world, 2);
  for (int i = 0; i < 3; ++i) post.watch("bird " + std::to_string(i));
  post.settle();
  REQUIRE(post.seen->errors.size() == 1);
  CHECK(post.seen->errors[0].kind() == ActorRefErr::Kind::Overloaded);
  for (auto& bird : birds) REQUIRE(world.run(1, bird.stop()));
  REQUIRE(post.sees(2));
  post.settle();
  CHECK(post.seen->size() == 2);
}

TEST_CASE("long ids of watched actors count several times, on both sides", "[watch]") {
  for (const NodeId bounded : {NodeId{1}, NodeId{2}}) {
    SimulatedWorld world(2, [bounded](RemoteActorSystemBuilder& builder, NodeId id) {
      with_birds(builder, id);
      RemoteLimits limits;
      if (id == bounded) limits.max_watched = 100;
      builder.limits(limits);
    });
    std::vector<LocalActorRef<Parrot>> birds;
    Post<SimulatedWorld> post(world, 2);
    for (int i = 0; i < 10; ++i) {
      birds.push_back(world.start<Parrot>(1, std::string(1000, 'x') + std::to_string(i)));
      post.watch(birds.back().actor_id().str());
    }
    post.settle();
    const std::size_t refused = bounded == 2 ? 3 : 0;  // seven are beyond 100 already
    CHECK(post.seen->errors.size() == refused);
    for (auto& bird : birds) REQUIRE(world.run(1, bird.stop()));
    world.sim().run_for(5s);
    CHECK(post.seen->size() == 10 - refused);
    // There is room again.
    auto last = world.start<Parrot>(1, "last");
    post.watch("last");
    post.settle();
    REQUIRE(world.run(1, last.stop()));
    CHECK(post.sees(11 - refused));
  }
}

TEST_CASE("whom the other node cannot let be watched waits for room, and holds up nobody",
          "[watch]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    if (id == 1) limits.max_watched = 2;
    builder.limits(limits);
  });
  std::vector<LocalActorRef<Parrot>> birds;
  for (int i = 0; i < 3; ++i) birds.push_back(world.start<Parrot>(1, "bird " + std::to_string(i)));
  Post<SimulatedWorld> post(world, 2);
  for (int i = 0; i < 3; ++i) post.watch("bird " + std::to_string(i));
  post.settle();
  REQUIRE(post.seen->errors.empty());
  REQUIRE(world.run(1, birds[0].stop()));
  REQUIRE(post.sees(1));
  REQUIRE(world.run(1, birds[1].stop()));
  REQUIRE(post.sees(2));
  post.settle();
  REQUIRE(world.run(1, birds[2].stop()));
  REQUIRE(post.sees(3));
}

TEST_CASE("the end of thousands of watched actors is told of", "[watch]") {
  SimulatedWorld world(2, with_birds);
  constexpr std::size_t kBirds = 3000;
  std::vector<LocalActorRef<Parrot>> birds;
  Post<SimulatedWorld> post(world, 2);
  for (std::size_t i = 0; i < kBirds; ++i)
    birds.push_back(world.start<Parrot>(1, "bird " + std::to_string(i)));
  for (std::size_t i = 0; i < kBirds; ++i) post.watch("bird " + std::to_string(i));
  post.settle();
  for (auto& bird : birds) CHECK(bird.notify_stop());
  REQUIRE(post.sees(kBirds));
  post.settle();
  CHECK(post.seen->size() == kBirds);
}

TEST_CASE("a watcher that ends is told nothing, and forgotten", "[watch]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  Post<SimulatedWorld> post(world, 2);
  post.watch("leon");
  post.settle();
  REQUIRE(world.run(2, post.guard.stop()));
  REQUIRE(world.run(1, leon.stop()));
  post.settle();
  CHECK(post.seen->size() == 0);
}

}  // namespace coerce::test::watch_cases
