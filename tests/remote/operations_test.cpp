#include "world.hpp"

#include <future>

#include <coerce/actor/timeout.hpp>
#include <coerce/testkit/catch2.hpp>

#include "remote/core.hpp"
#include "remote/describe_message.hpp"

namespace coerce::test::operations_cases {
namespace {

using Kind = ActorRefErr::Kind;

/// Starts so many children, and each of them so many, to a depth.
class Tree : public Actor {
 public:
  static constexpr std::string_view type_name = "Tree";

  Tree(int depth, int width, std::string label = "leaf")
      : depth_(depth), width_(width), label_(std::move(label)) {}

  Task<void> started(ActorContext& ctx) {
    if (depth_ == 0) co_return;
    for (int i = 0; i < width_; ++i) {
      const ActorId id(label_ + std::to_string(i));
      auto child = co_await ctx.spawn<Tree>(id, depth_ - 1, width_, label_);
      if (!child) throw std::runtime_error("no child");
    }
  }

 private:
  int depth_;
  int width_;
  std::string label_;
};

struct WaitForIt {};

/// Waits for an answer, whatever it is asked to do meanwhile.
class Patient : public Actor {
 public:
  explicit Patient(LocalActorRef<Parrot> parrot) : parrot_(std::move(parrot)) {}

  Task<void> handle(WaitForIt, ActorContext&) {
    auto asking = parrot_.send<Rest>(3'600'000);
    const auto rested = co_await asking;
    (void)rested;
  }

 private:
  LocalActorRef<Parrot> parrot_;
};

struct Work {
  std::shared_future<void> done;
};

/// Holds its thread, so that it does not answer anything.
class Busy : public Actor {
 public:
  static constexpr std::string_view type_name = "Busy";

  void handle(const Work& work, ActorContext&) { work.done.wait(); }
};

template <class World, class A>
ActorRef<A> reference(World& world, NodeId from, const char* id) {
  auto ref = world.run(from, world.remote(from).template actor_ref<A>(id));
  REQUIRE(ref);
  return *ref;
}

std::size_t count(const DescribeResult& result) {
  std::size_t sum = 1;
  if (result.is_ok())
    for (const auto& child : result.description().supervised) sum += count(child);
  return sum;
}

}  // namespace

TEMPLATE_TEST_CASE("a remote actor says its status, and stops", "[operations][B-031]",
                   SimulatedWorld, TcpWorld) {
  TestType world(2, with_birds);
  const auto leon = world.template start<Parrot>(1, "leon");
  const auto ref = reference<TestType, Parrot>(world, 2, "leon");
  CHECK(world.run(2, ref.status()) == ActorStatus::Started);
  CHECK(world.run(2, ref.stop()));
  CHECK_FALSE(leon.is_valid());
  const auto status = world.run(2, ref.status());
  REQUIRE_FALSE(status);
  CHECK(status.error().kind() == Kind::NotFound);
  const auto again = world.run(2, ref.stop());
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == Kind::NotFound);
}

TEST_CASE("a node that asks without end leaves room for the questions of others", "[operations]") {
  SimulatedWorld world(3, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    limits.max_questions = 64;
    builder.limits(limits);
  });
  const auto quick = world.start<Parrot>(1, "quick");
  const auto ref = reference<SimulatedWorld, Parrot>(world, 3, "quick");
  constexpr auto kSlow = static_cast<detail::InternalKind>(300);
  const auto answer = []() -> Task<Result<Bytes>> {
    const bool slept = co_await sleep_for(3s);
    (void)slept;
    co_return Bytes();
  };
  world.remote(1).core().serve(kSlow,
                               [&](const NodeDescription&, const Bytes&) { return answer(); });
  struct Count {
    int answered = 0, refused = 0;
  };
  const auto count = std::make_shared<Count>();
  const auto ask = [](detail::RemoteCore& core, detail::InternalKind kind,
                      std::shared_ptr<Count> into) -> Task<void> {
    auto asking = core.ask(1, kind, Bytes(), 10s);
    const auto answered = co_await asking;
    if (answered)
      ++into->answered;
    else if (answered.error().kind() == Kind::Overloaded)
      ++into->refused;
  };
  for (int i = 0; i < 70; ++i) world.system(2).spawn(ask(world.remote(2).core(), kSlow, count));
  CHECK(world.until([&] { return count->refused > 0; }, 2s));
  CHECK(world.run(3, ref.status()) == ActorStatus::Started);
  CHECK(world.until([&] { return count->answered == 64 / 4; }));
  CHECK(count->refused == 70 - 64 / 4);
}

TEMPLATE_TEST_CASE("a remote actor stops although nobody waits for it", "[operations]",
                   SimulatedWorld, TcpWorld) {
  TestType world(2, with_birds);
  const auto leon = world.template start<Parrot>(1, "leon");
  const auto ref = reference<TestType, Parrot>(world, 2, "leon");
  CHECK(ref.notify_stop());
  CHECK(world.until([&] { return !leon.is_valid(); }));
}

TEST_CASE("an actor that does not end although it is asked to costs its node no answers",
          "[operations]") {
  SimulatedWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    limits.max_questions = 2;
    builder.limits(limits);
  });
  const auto parrot = world.start<Parrot>(1, "parrot");
  std::vector<LocalActorRef<Patient>> patients;
  for (const char* id : {"one", "two", "three", "four"}) {
    patients.push_back(world.start<Patient>(1, id, parrot));
    REQUIRE(patients.back().notify(WaitForIt()));
  }
  for (const char* id : {"one", "two", "three"}) {
    const auto ref = reference<SimulatedWorld, Patient>(world, 2, id);
    const auto stopped = world.run(2, ref.stop());
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().kind() == Kind::Timeout);
  }
  CHECK(world.run(2, world.remote(2).locate_actor_node("parrot")) == NodeId{1});

  // Who waits when it ends at last is told.
  const auto stop = [](ActorRef<Patient> actor, std::shared_ptr<int> count) -> Task<void> {
    auto stopping = actor.stop();
    const auto stopped = co_await stopping;
    *count += stopped ? 1 : 0;
  };
  const auto ref = reference<SimulatedWorld, Patient>(world, 2, "four");
  const auto told = std::make_shared<int>(0);
  REQUIRE(world.system(2).spawn(stop(ref, told)));
  world.sim().run_for(100ms);
  CHECK(*told == 0);
  REQUIRE(world.run(1, parrot.stop()));
  CHECK(world.until([&] { return *told == 1; }, 1s));
  for (const auto& patient : patients) CHECK_FALSE(patient.is_valid());
}

TEST_CASE("an actor that does not say its status costs its node no answers", "[operations]") {
  TcpWorld world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    with_birds(builder, id);
    RemoteLimits limits;
    limits.max_questions = 2;
    limits.request_timeout = 100ms;
    builder.limits(limits);
  });
  const auto parrot = world.start<Parrot>(1, "parrot");
  const auto busy = world.start<Busy>(1, "busy");
  const auto ref = reference<TcpWorld, Busy>(world, 2, "busy");
  std::promise<void> end;  // destroyed before the world, so that it can end in any case
  REQUIRE(busy.notify<Work>(end.get_future().share()));
  for (int i = 0; i < 4; ++i) {
    const auto status = world.run(2, ref.status());
    REQUIRE_FALSE(status);
    CHECK(status.error().kind() == Kind::Timeout);
  }
  CHECK(world.run(2, world.remote(2).locate_actor_node("parrot", 5s)) == NodeId{1});
  end.set_value();
  CHECK(world.until([&] { return world.run(2, ref.status()) == ActorStatus::Started; }));
}

TEST_CASE("a question to a silent node is given up when it is asked to be", "[operations]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  const auto ref = reference<SimulatedWorld, Parrot>(world, 2, "leon");
  world.sim().pause(1);
  const auto before = world.sim().now();
  const auto status = world.run(2, with_timeout(ref.status(), 50ms));
  REQUIRE_FALSE(status);
  CHECK(status.error().kind() == Kind::Timeout);
  const auto stopped = world.run(2, with_timeout(ref.stop(), 50ms));
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().kind() == Kind::Timeout);
  const auto described = world.run(2, with_timeout(ref.describe(), 50ms));
  REQUIRE_FALSE(described);
  CHECK(described.error().kind() == Kind::Timeout);
  const auto can = world.run(2, with_timeout(world.remote(2).capabilities(1), 50ms));
  REQUIRE_FALSE(can);
  CHECK(can.error().kind() == Kind::Timeout);
  CHECK(world.sim().now() - before < 300ms);
  CHECK(world.remote(2).inflight_remote_request_count() == 0);
  world.sim().resume(1);
  CHECK(world.until([&] { return !leon.is_valid(); }));  // what was said stays said
  const auto late = world.run(2, ref.status());
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == Kind::NotFound);
}

TEST_CASE("a task that was cancelled asks no more", "[operations]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  const auto ref = reference<SimulatedWorld, Parrot>(world, 2, "leon");
  world.sim().pause(1);
  using Kinds = std::vector<ActorRefErrKind>;
  const auto ask_twice = [](ActorRef<Parrot> actor, std::shared_ptr<Kinds> kinds) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      auto asking = actor.status();
      const auto status = co_await asking;
      kinds->push_back(status ? Kind::NotImplemented : status.error().kind());
    }
  };
  const auto kinds = std::make_shared<Kinds>();
  const auto late = world.run(2, with_timeout(ask_twice(ref, kinds), 50ms));
  REQUIRE_FALSE(late);
  CHECK(*kinds == Kinds{Kind::Cancelled, Kind::Cancelled});
}

TEMPLATE_TEST_CASE("a remote actor is described with those that it supervises", "[operations]",
                   SimulatedWorld, TcpWorld) {
  TestType world(2, with_birds);
  const auto tree = world.template start<Tree>(1, "tree", 2, 3);
  const auto ref = reference<TestType, Tree>(world, 2, "tree");
  const auto whole = world.run(2, ref.describe());
  REQUIRE(whole.is_ok());
  CHECK(whole.actor_id() == ActorId("tree"));
  CHECK(whole.description().actor_type_name == "Tree");
  CHECK(whole.description().status == ActorStatus::Started);
  CHECK(whole.description().actor_context_id != 0);
  CHECK(count(whole) == 1 + 3 + 9);
  const auto here = world.run(1, tree.describe());
  CHECK(whole.path() == here.path());
  CHECK(whole.description().supervised[2].path() == here.description().supervised[2].path());
  DescribeOptions flat;
  flat.max_depth = 1;
  flat.max_children = 2;
  CHECK(count(world.run(2, ref.describe(flat))) == 1 + 2);
}

TEST_CASE("of a description that is too long as much travels as may", "[operations]") {
  SimulatedWorld world(2, with_birds);
  const auto tree = world.start<Tree>(1, "tree", 2, 60, std::string(200, 'x'));
  const auto ref = reference<SimulatedWorld, Tree>(world, 2, "tree");
  const auto part = world.run(2, ref.describe());
  REQUIRE(part.is_ok());
  CHECK(count(part) > 100);
  CHECK(count(part) < 3661);
  const DescribeResult* last = &part;
  while (last->is_ok() && !last->description().supervised.empty())
    last = &last->description().supervised.back();
  const auto& children = part.description().supervised;
  REQUIRE(children.size() == 60);
  bool is_told = false;
  for (const auto& child : children)
    for (const auto& leaf : child.description().supervised)
      is_told = is_told || (!leaf.is_ok() && leaf.error().kind() == Kind::Overloaded);
  CHECK(is_told);
}

TEST_CASE("operations on an actor whose node is gone end with an error", "[operations][W-69]") {
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  const auto ref = reference<SimulatedWorld, Parrot>(world, 2, "leon");
  world.kill(1);
  const auto before = world.sim().now();
  const auto status = world.run(2, ref.status());
  REQUIRE_FALSE(status);
  CHECK((status.error().kind() == Kind::Timeout || status.error().kind() == Kind::Unreachable));
  const auto stopped = world.run(2, ref.stop());
  REQUIRE_FALSE(stopped);
  const auto described = world.run(2, ref.describe());
  CHECK_FALSE(described.is_ok());
  CHECK(world.sim().now() - before < 30s);
  world.sim().run_for(20s);
  const auto late = world.run(2, ref.status());
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == Kind::Unreachable);
  CHECK_FALSE(ref.notify_stop());
}

TEMPLATE_TEST_CASE("a node says what it can do for others", "[operations]", SimulatedWorld,
                   TcpWorld) {
  TestType world(2, [](RemoteActorSystemBuilder& builder, NodeId id) {
    if (id == 1) with_birds(builder, id);
  });
  const auto can = world.run(2, world.remote(2).capabilities(1));
  REQUIRE(can);
  CHECK(can->messages == world.remote(1).capabilities().messages);
  CHECK(can->messages.size() == 4);
  const auto own = world.run(2, world.remote(2).capabilities(2));
  REQUIRE(own);
  CHECK(own->messages.empty());
  const auto nobody = world.run(2, world.remote(2).capabilities(77));
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().kind() == Kind::Unreachable);
}

TEST_CASE("a malformed question is answered with an error, and does no harm",
          "[operations][B-202][W-03]") {
  using detail::InternalKind;
  SimulatedWorld world(2, with_birds);
  const auto leon = world.start<Parrot>(1, "leon");
  const auto ref = reference<SimulatedWorld, Parrot>(world, 2, "leon");
  auto& core = world.remote(2).core();
  for (std::uint16_t kind = 2; kind <= 20; ++kind) {
    INFO("kind " << kind);
    for (const Bytes& garbage : {Bytes{0xff, 0xff, 0xff}, Bytes(1000, 0x0a), Bytes{0x0a, 0x7f}}) {
      const auto answer = world.run(2, core.ask(1, static_cast<InternalKind>(kind), garbage, 2s));
      if (static_cast<InternalKind>(kind) == InternalKind::Capabilities) {
        CHECK(answer);
      } else {
        REQUIRE_FALSE(answer);
        CHECK((answer.error().kind() == Kind::Deserialisation ||
               answer.error().kind() == Kind::NotSupported));
      }
      CHECK(core.tell(1, static_cast<InternalKind>(kind), garbage));
    }
    // An empty message is well-formed: it asks about nobody.
    (void)world.run(2, core.ask(1, static_cast<InternalKind>(kind), Bytes(), 2s));
  }
  CHECK(world.run(2, ref.send<Say>("all is well")) == std::string("all is well"));
}

TEST_CASE("a description survives its way, and a malformed one is refused", "[operations]") {
  ActorDescription top;
  top.actor_id = "top";
  top.path = "system/top";
  top.actor_type_name = "Top";
  top.tags = {"a", "b"};
  top.status = ActorStatus::Stopping;
  top.mailbox_depth = 7;
  top.current_message = "Say";
  top.handling_for = 3ms;
  top.supervised.push_back(DescribeResult("silent", "system/top/silent", ActorRefErr::Timeout(2s)));
  ActorDescription child;
  child.actor_id = "child";
  top.supervised.push_back(DescribeResult(child));
  const auto bytes = detail::encode_description(DescribeResult(top), 10'000);
  const auto back = detail::decode_description(bytes);
  REQUIRE(back);
  REQUIRE(back->is_ok());
  const auto& actor = back->description();
  CHECK(actor.path == top.path);
  CHECK(actor.tags == top.tags);
  CHECK(actor.status == top.status);
  CHECK(actor.mailbox_depth == 7);
  CHECK(actor.current_message == "Say");
  CHECK(actor.handling_for == top.handling_for);
  REQUIRE(actor.supervised.size() == 2);
  CHECK(actor.supervised[0].error() == ActorRefErr::Timeout(2s));
  CHECK(actor.supervised[1].actor_id() == ActorId("child"));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    (void)detail::decode_description(BytesView(bytes).first(size));
  CHECK_FALSE(detail::decode_description({}));
}

TEST_CASE("a description of more levels than travel ends there", "[operations]") {
  DescribeResult chain("last", "last", ActorRefErr::Timeout());
  for (int i = 0; i < 200; ++i) {
    ActorDescription actor;
    actor.actor_id = std::to_string(i);
    actor.supervised.push_back(std::move(chain));
    chain = DescribeResult(std::move(actor));
  }
  const auto back = detail::decode_description(detail::encode_description(chain, 100'000));
  REQUIRE(back);
  CHECK(count(*back) == detail::kMostLevels);
}

}  // namespace coerce::test::operations_cases
