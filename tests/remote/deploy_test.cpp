#include "world.hpp"

#include <coerce/actor/timeout.hpp>
#include <coerce/testkit/catch2.hpp>

#include <coerce/testkit/simulation_batch.hpp>

#include "remote/core.hpp"

namespace coerce::test::deploy_cases {

/// What a parrot is made from.
struct ParrotRecipe {
  std::string says{};
  std::int64_t slow = 0;  ///< milliseconds
};

/// Says one thing. "wait": starts when the parrot of its node says so, whatever else happens.
class Scholar : public Actor {
 public:
  static constexpr std::string_view type_name = "Scholar";

  explicit Scholar(std::string says) : says_(std::move(says)) {}
  Task<void> started(ActorContext& ctx) {
    if (says_ != "wait") co_return;
    const auto parrot = ctx.system().get_tracked_actor<Parrot>("parrot");
    if (!parrot) co_return;
    auto asking = parrot->send<Rest>(3'600'000);
    const auto rested = co_await asking;
    (void)rested;
  }
  std::string handle(Say, ActorContext&) { return says_; }

 private:
  std::string says_;
};

}  // namespace coerce::test::deploy_cases

template <>
struct coerce::Codec<coerce::test::deploy_cases::ParrotRecipe>
    : coerce::MemberCodec<coerce::test::deploy_cases::ParrotRecipe,
                          &coerce::test::deploy_cases::ParrotRecipe::says,
                          &coerce::test::deploy_cases::ParrotRecipe::slow> {};

namespace coerce::test::deploy_cases {
namespace {

using Kind = ActorRefErr::Kind;

struct ScholarFactory {
  using Actor = Scholar;
  using Recipe = ParrotRecipe;

  Task<Result<Scholar>> create(ParrotRecipe recipe) const {
    const bool slept = co_await sleep_for(std::chrono::milliseconds(recipe.slow));
    if (!slept) co_return coerce::unexpected(ActorRefErr::Cancelled());
    if (recipe.says == "throw") throw std::runtime_error("it fell off its perch");
    if (recipe.says == "refuse")
      co_return coerce::unexpected(ActorRefErr::Unauthorised("it does not want to"));
    co_return Scholar(recipe.says);
  }
};

/// Node 1 has the factory; the other ones only know the messages.
void with_scholars(RemoteActorSystemBuilder& builder, NodeId id) {
  builder.with_handlers([id](RemoteHandlers& handlers) {
    handlers.with_handler<Scholar, Say>("Scholar.Say");
    if (id == 1) handlers.with_actor(ScholarFactory());
  });
}

template <class World>
auto deploy(World& world, NodeId from, ParrotRecipe recipe, DeployOptions options) {
  return world.run(from,
                   world.remote(from).deploy_actor(ScholarFactory(), recipe, std::move(options)));
}

DeployOptions at(NodeId node, const char* id) { return DeployOptions().node(node).id(id); }

}  // namespace

TEST_CASE("a node that knows no others deploys on itself", "[deploy][B-030][W-35]") {
  testkit::Simulation sim{{.nodes = 1}};
  auto& node = sim.node(1);
  auto remote = build_node(node, [](auto& builder) { with_scholars(builder, 1); });
  ParrotRecipe recipe{"hello", 0};
  auto made =
      node.run(remote.deploy_actor(ScholarFactory(), recipe, DeployOptions().id("test-actor-123")));
  REQUIRE(made);
  CHECK(made->is_local());
  CHECK(made->actor_id() == ActorId("test-actor-123"));
  CHECK(node.run(made->send<Say>("")) == std::string("hello"));
  CHECK(node.run(remote.locate_actor_node("test-actor-123")) == NodeId{1});
  auto again =
      node.run(remote.deploy_actor(ScholarFactory(), recipe, DeployOptions().id("test-actor-123")));
  REQUIRE_FALSE(again);
  CHECK(again.error() == ActorRefErr::AlreadyExists("test-actor-123"));
  auto other = node.run(remote.deploy_actor(ScholarFactory(), recipe));
  REQUIRE(other);
  CHECK(other->actor_id() != made->actor_id());
  auto nowhere = node.run(remote.deploy_actor(ScholarFactory(), recipe, DeployOptions().node(77)));
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().kind() == Kind::Unreachable);
}

TEMPLATE_TEST_CASE("an actor is deployed on another node, and found", "[deploy][B-029]",
                   SimulatedWorld, TcpWorld) {
  TestType world(3, with_scholars);
  auto made = deploy(world, 2, {"hello", 0}, at(1, "scholar"));
  REQUIRE(made);
  CHECK(made->is_remote());
  CHECK(made->node_id() == NodeId{1});
  CHECK(world.run(2, made->template send<Say>("")) == std::string("hello"));
  for (NodeId id = 1; id <= 3; ++id) {
    auto ref = world.run(id, world.remote(id).template actor_ref<Scholar>("scholar"));
    REQUIRE(ref);
    CHECK(ref->is_local() == (id == 1));
    CHECK(world.run(id, ref->template send<Say>("")) == std::string("hello"));
  }
}

TEMPLATE_TEST_CASE("whatever is wrong with a deployment is said to who asked for it",
                   "[deploy][B-213][W-13][W-47]", SimulatedWorld, TcpWorld) {
  TestType world(2, with_scholars);
  REQUIRE(deploy(world, 2, {"hello", 0}, at(1, "scholar")));
  const auto twice = deploy(world, 2, {"hello", 0}, at(1, "scholar"));
  REQUIRE_FALSE(twice);
  CHECK(twice.error() == ActorRefErr::AlreadyExists("scholar"));
  const auto elsewhere = deploy(world, 1, {"hello", 0}, at(2, "scholar"));
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error() == ActorRefErr::AlreadyExists("scholar"));

  const auto unknown = deploy(world, 1, {"hello", 0}, at(2, "other"));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind() == Kind::NotSupported);

  const auto thrown = deploy(world, 2, {"throw", 0}, at(1, "other"));
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().kind() == Kind::ActorStartFailed);
  CHECK(thrown.error().detail() == "it fell off its perch");
  const auto refused = deploy(world, 2, {"refuse", 0}, at(1, "other"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == Kind::ActorStartFailed);
  CHECK(refused.error().detail().find("it does not want to") != std::string_view::npos);

  auto& core = world.remote(2).core();
  const auto garbled = world.run(2, detail::deploy(core, "Scholar", detail::ref_type_of<Scholar>(),
                                                   Bytes{0xff}, at(1, "other")));
  REQUIRE_FALSE(garbled);
  CHECK(garbled.error().kind() == Kind::Deserialisation);
  CHECK(deploy(world, 2, {"at last", 0}, at(1, "other")));  // the id was given back each time
}

TEMPLATE_TEST_CASE("a deployment that takes too long times out", "[deploy]", SimulatedWorld,
                   TcpWorld) {
  TestType world(2, with_scholars);
  auto options = at(1, "scholar");
  const auto late = deploy(world, 2, {"slowly", 60'000}, options.timeout(500ms));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == Kind::Timeout);
  const auto here = deploy(world, 1, {"slowly", 60'000}, options.timeout(500ms));
  REQUIRE_FALSE(here);
  CHECK(here.error().kind() == Kind::Timeout);
}

TEST_CASE("a deployment ends in time although the actor does not start", "[deploy]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_scholars(builder, id);
    RemoteLimits limits;
    limits.max_questions = 2;
    builder.limits(limits);
  });
  const auto parrot = world.start<Parrot>(1, "parrot");
  for (const NodeId from : {NodeId{2}, NodeId{1}}) {
    auto options = at(1, from == 1 ? "from here" : "from there");
    const auto before = world.sim().now();
    const auto late = deploy(world, from, {"wait", 0}, options.timeout(500ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().kind() == Kind::Timeout);
    CHECK(world.sim().now() - before < 550ms);
  }
  // Both are still being made, which costs no answers, but is as many as may be.
  CHECK(world.run(2, world.remote(2).locate_actor_node("parrot")) == NodeId{1});
  const auto more = deploy(world, 2, {"hello", 0}, DeployOptions().node(1));
  REQUIRE_FALSE(more);
  CHECK(more.error().kind() == Kind::Overloaded);
  REQUIRE(world.run(1, parrot.stop()));
  CHECK(deploy(world, 2, {"hello", 0}, DeployOptions().node(1)));
}

TEST_CASE("the bytes of the ids that are reserved are bounded", "[deploy]") {
  testkit::Simulation sim{{.nodes = 1}};
  auto& node = sim.node(1);
  auto remote = build_node(node, [](auto& builder) { with_scholars(builder, 1); });
  struct Outcome {
    int made = 0, refused = 0;
  };
  const auto outcome = std::make_shared<Outcome>();
  const auto deploy_long = [](RemoteActorSystem on, int i,
                              std::shared_ptr<Outcome> into) -> Task<void> {
    ParrotRecipe recipe{"hello", 1000};
    auto options = DeployOptions().id(std::string(60'000, 'x') + std::to_string(i));
    auto deploying = on.deploy_actor(ScholarFactory(), recipe, options);
    const auto made = co_await deploying;
    if (made)
      ++into->made;
    else if (made.error().detail() == "too many ids are reserved")
      ++into->refused;
  };
  for (int i = 0; i < 100; ++i) node.system().spawn(deploy_long(remote, i, outcome));
  sim.run_for(10s);
  CHECK(outcome->made + outcome->refused == 100);
  CHECK(outcome->made == 65'536 / (1 + 60'001 / 64));
  node.run(deploy_long(remote, 100, outcome));  // there is room again
  CHECK(outcome->made + outcome->refused == 101);
  CHECK(outcome->made == 1 + 65'536 / (1 + 60'001 / 64));
}

TEST_CASE("a deployment ends in time although homes are silent", "[deploy]") {
  SimulatedWorld world(3, with_scholars);
  world.sim().pause(3);
  for (const char* id : {"a", "b", "c", "d"}) {
    auto options = at(1, id);
    const auto before = world.sim().now();
    const auto made = deploy(world, 2, {"hello", 0}, options.timeout(300ms));
    REQUIRE_FALSE(made);
    // A home did not reserve it in time, or a member did not say whether it has it.
    CHECK((made.error().kind() == Kind::Timeout || made.error().kind() == Kind::Unreachable));
    CHECK(world.sim().now() - before < 350ms);
  }
}

TEST_CASE("a deployment is given up when it is asked to be, and its id with it", "[deploy]") {
  SimulatedWorld world(2, with_scholars);
  const auto before = world.sim().now();
  ParrotRecipe recipe{"slowly", 1000};
  auto deploying = world.remote(2).deploy_actor(ScholarFactory(), recipe, at(1, "scholar"));
  const auto late = world.run(2, with_timeout(std::move(deploying), 100ms));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == Kind::Timeout);
  CHECK(world.sim().now() - before < 150ms);
  // What the other node was told stays said; of the id nothing is kept.
  const auto made = [&] { return world.system(1).get_tracked_actor<Scholar>("scholar"); };
  REQUIRE(world.until([&] { return made().has_value(); }, 2s));
  REQUIRE(world.run(1, made()->stop()));
  CHECK(deploy(world, 2, {"hello", 0}, at(1, "scholar")));
}

TEST_CASE("an id that has ended may be deployed again", "[deploy][W-62]") {
  SimulatedWorld world(3, with_scholars);
  for (const NodeId from : {2u, 3u, 2u, 3u, 2u}) {
    auto made = deploy(world, from, {"hello", 0}, at(1, "phoenix"));
    REQUIRE(made);
    CHECK(world.run(3, made->stop()));
  }
}

TEST_CASE("of those who deploy one id at the same time one wins", "[deploy][W-67]") {
  const auto scenario = [](testkit::Simulation& sim) {
    std::vector<RemoteActorSystem> remotes;
    for (NodeId id = 1; id <= 3; ++id)
      remotes.push_back(build_node(sim.node(id), [](auto& builder) { with_scholars(builder, 1); }));
    start(sim.node(1), remotes[0], {});
    for (NodeId id = 2; id <= 3; ++id)
      start(sim.node(id), remotes[id - 1], {address_of(sim.node(1))});
    sim.run_until([&] { return table_of(remotes[1]) == kMesh; }, 5s);
    struct Outcomes {
      int won = 0;
      int lost = 0;
      int other = 0;
    };
    auto outcomes = std::make_shared<Outcomes>();
    const auto try_it = [](RemoteActorSystem remote, NodeId node,
                           std::shared_ptr<Outcomes> out) -> Task<void> {
      ParrotRecipe recipe{"hello", 3};
      auto deploying = remote.deploy_actor(ScholarFactory(), recipe, at(node, "wanted"));
      auto made = co_await deploying;
      if (made)
        ++out->won;
      else if (made.error().kind() == Kind::AlreadyExists)
        ++out->lost;
      else
        ++out->other;
    };
    for (NodeId from = 1; from <= 3; ++from) {
      sim.node(from).system().spawn(try_it(remotes[from - 1], 1 + sim.draw(3), outcomes));
      sim.run_for(std::chrono::microseconds(sim.draw(6000)));
    }
    sim.run_for(10s);
    sim.check(outcomes->other == 0, "nothing else goes wrong");
    sim.check(outcomes->won + outcomes->lost == 3, "all have ended");
    sim.check(outcomes->won <= 1, "at most one wins");
    int alive = 0;
    for (NodeId id = 1; id <= 3; ++id)
      alive += sim.node(id).system().get_tracked_actor<Scholar>("wanted") ? 1 : 0;
    sim.check(alive == outcomes->won, "and there are as many");
  };
  const auto report = testkit::explore(
      scenario, {.seeds = 100, .simulation = {.nodes = 3}, .at_least_percent = {}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("a deployment on a node that dies ends with an error", "[deploy][B-209]") {
  SimulatedWorld world(3, with_scholars);
  world.kill(1);
  const auto made = deploy(world, 2, {"hello", 0}, DeployOptions().node(1));
  REQUIRE_FALSE(made);
  CHECK((made.error().kind() == Kind::Unreachable || made.error().kind() == Kind::Timeout));
  CHECK(world.until([&] { return world.remote(2).inflight_remote_request_count() == 0; }));
}

}  // namespace coerce::test::deploy_cases
