#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorId;
using coerce::ActorRefErr;
using coerce::ChildStopped;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::StopReason;
using coerce::Task;

namespace {

// ── A tree of actors ────────────────────────────────────────────────────────────────────────────

constexpr int children = 10;
constexpr int last_spawning_depth = 10;
constexpr int links_of_a_chain = last_spawning_depth + 1;

std::string spawned_id(int number) { return fmt::format("spawned-{}", number); }

/// One link of a chain: spawns the next one in `started`, down to the last depth.
class Link : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Link";

  Link(std::atomic<int>& started_links, int depth)
      : started_links_(&started_links), depth_(depth) {}

  Task<void> started(ActorContext& ctx) {
    if (depth_ <= last_spawning_depth) {
      auto next = co_await ctx.spawn<Link>(spawned_id(depth_), *started_links_, depth_ + 1);
      if (!next) throw std::runtime_error(fmt::format("{}", next.error()));
      next_ = *next;
    }
    ++*started_links_;
  }

 private:
  std::atomic<int>* started_links_;
  int depth_;
  std::optional<LocalActorRef<Link>> next_;
};

struct StopAll {};

/// Spawns ten chains, and tells when the last of its children has stopped.
class Supervisor : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Supervisor";

  Supervisor(std::atomic<int>& started_links, Gate all_stopped)
      : started_links_(&started_links), all_stopped_(std::move(all_stopped)) {}

  Task<void> started(ActorContext& ctx) {
    for (int i = 0; i < children; ++i) {
      auto child = co_await ctx.spawn<Link>(spawned_id(i), *started_links_, 1);
      if (!child) throw std::runtime_error(fmt::format("{}", child.error()));
      chains_.push_back(*child);
    }
  }

  Task<void> handle(StopAll, ActorContext&) {
    for (auto& chain : chains_) (void)co_await chain.stop();
    chains_.clear();
  }

  void on_child_stopped(const ActorId&, ActorContext& ctx) {
    if (ctx.supervised_count() == 0) all_stopped_.open();
  }

 private:
  std::atomic<int>* started_links_;
  Gate all_stopped_;
  std::vector<LocalActorRef<Link>> chains_;
};

coerce::DescribeResult describe(coerce::ActorSystem& system, LocalActorRef<Supervisor>& actor) {
  coerce::DescribeOptions options;
  options.max_depth = std::size_t{2} * links_of_a_chain;
  return system.block_on(actor.describe(options));
}

// ── Children that come and go ───────────────────────────────────────────────────────────────────

struct Leave {};
struct Fail {};

struct ParentId {
  using Result = std::optional<std::string>;
};

struct ParentOfWrongType {
  using Result = bool;
};

class Parent;

class Child : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Child";

  void handle(Leave, ActorContext& ctx) { ctx.stop(); }

  void handle(Fail, ActorContext&) { throw std::runtime_error("fell off the swing"); }

  int handle(GetCounterRequest, ActorContext&) { return 42; }

  std::optional<std::string> handle(ParentId, ActorContext& ctx);

  bool handle(ParentOfWrongType, ActorContext& ctx) { return ctx.parent<Supervisor>().has_value(); }
};

class StillbornChild : public coerce::Actor {
 public:
  void started(ActorContext&) { throw std::runtime_error("not today"); }

  int handle(GetCounterRequest, ActorContext&) { return 42; }
};

struct SpawnChild {
  using Result = LocalActorRef<Child>;
  explicit SpawnChild(std::string child_id) : id(std::move(child_id)) {}
  std::string id;
};

struct SpawnStillborn {};

struct AskChild {
  using Result = int;
  explicit AskChild(std::string child_id) : id(std::move(child_id)) {}
  std::string id;
};

struct HasChildOfWrongType {
  using Result = bool;
  explicit HasChildOfWrongType(std::string child_id) : id(std::move(child_id)) {}
  std::string id;
};

struct CountChildren {
  using Result = std::size_t;
};

/// What a parent knew when it was told of the end of a child.
struct Bereavement {
  ActorId child;
  std::size_t supervised_count;
  bool found_by_child_ref;
  std::optional<StopReason> reason;  ///< only where the hook was told
};

class Parent : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Parent";

  explicit Parent(Event<Bereavement>& bereavement) : bereavement_(&bereavement) {}

  Task<Result<LocalActorRef<Child>>> handle(SpawnChild message, ActorContext& ctx) {
    auto child = co_await ctx.spawn(message.id, Child{});
    co_return child;
  }

  Task<Result<void>> handle(SpawnStillborn, ActorContext& ctx) {
    auto child = co_await ctx.spawn("stillborn", StillbornChild{});
    if (!child) co_return coerce::unexpected(child.error());
    co_return Result<void>();
  }

  Task<Result<int>> handle(AskChild message, ActorContext& ctx) {
    auto child = ctx.child_ref<Child>(message.id);
    if (!child) co_return coerce::unexpected(ActorRefErr::NotFound(message.id));
    co_return co_await child->send(GetCounterRequest{});
  }

  bool handle(const HasChildOfWrongType& message, ActorContext& ctx) {
    return ctx.child_ref<EchoActor>(message.id).has_value();
  }

  std::size_t handle(CountChildren, ActorContext& ctx) { return ctx.supervised_count(); }

  void handle(Fail, ActorContext&) { throw std::runtime_error("lost patience"); }

  void on_child_stopped(const ActorId& child, ActorContext& ctx) {
    bereavement_->set(Bereavement{child, ctx.supervised_count(),
                                  ctx.child_ref<Child>(child).has_value(), std::nullopt});
  }

 private:
  Event<Bereavement>* bereavement_;
};

std::optional<std::string> Child::handle(ParentId, ActorContext& ctx) {
  auto parent = ctx.parent<Parent>();
  if (!parent) return std::nullopt;
  return std::string(parent->actor_id().view());
}

/// Asks to be told the reason too.
class CuriousParent : public coerce::Actor {
 public:
  explicit CuriousParent(Event<Bereavement>& bereavement) : bereavement_(&bereavement) {}

  Task<Result<LocalActorRef<Child>>> handle(SpawnChild message, ActorContext& ctx) {
    auto child = co_await ctx.spawn(message.id, Child{});
    co_return child;
  }

  void on_child_stopped(const ChildStopped& child, ActorContext& ctx) {
    bereavement_->set(Bereavement{child.id(), ctx.supervised_count(),
                                  ctx.child_ref<Child>(child.id()).has_value(), child.reason()});
  }

 private:
  Event<Bereavement>* bereavement_;
};

}  // namespace

// ── The tree ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("an actor that spawns in started is created when its whole tree is up",
          "[supervision][B-013]") {
  std::atomic<int> started_links{0};
  Gate all_stopped;
  auto system = make_system();
  auto supervisor = start_tracked<Supervisor>(system, "actor", started_links, all_stopped);
  CHECK(started_links == children * links_of_a_chain);

  const auto described = describe(system, supervisor);
  REQUIRE(described.is_ok());
  const auto& supervised = described.description().supervised;
  CHECK(supervised.size() == children);
  for (const auto& child : supervised) CHECK(child.is_ok());
}

TEST_CASE("the description of an actor reaches down to its last descendant",
          "[supervision][B-013]") {
  std::atomic<int> started_links{0};
  Gate all_stopped;
  auto system = make_system();
  auto supervisor = start_tracked<Supervisor>(system, "actor", started_links, all_stopped);

  const auto described = describe(system, supervisor);
  REQUIRE(described.is_ok());
  const auto* level = &described.description();
  int links = 0;
  while (!level->supervised.empty()) {
    const auto& below = level->supervised.front();
    REQUIRE(below.is_ok());
    CHECK(below.description().actor_type_name == "Link");
    level = &below.description();
    ++links;
  }
  CHECK(links == links_of_a_chain);
}

TEST_CASE("a supervisor that stops its children hears of each, and none is left",
          "[supervision][B-014]") {
  std::atomic<int> started_links{0};
  Gate all_stopped;
  auto system = make_system();
  auto supervisor = start_tracked<Supervisor>(system, "actor", started_links, all_stopped);

  REQUIRE(supervisor.notify(StopAll{}).has_value());
  REQUIRE(all_stopped.wait());

  const auto described = describe(system, supervisor);
  REQUIRE(described.is_ok());
  CHECK(described.description().supervised.empty());
  CHECK(system.shutdown_blocking().complete);
}

// ── Spawning ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a second child of one id is refused with AlreadyExists, and the first goes on",
          "[supervision][B-104]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  auto first = value_of(system.block_on(parent.send(SpawnChild("junior"))));

  const auto error = error_of(system.block_on(parent.send(SpawnChild("junior"))));
  CHECK(error.kind() == ActorRefErr::Kind::AlreadyExists);
  CHECK(error.actor_id().view() == "junior");

  CHECK(value_of(system.block_on(first.send(GetCounterRequest{}))) == 42);
  CHECK(value_of(system.block_on(parent.send(CountChildren{}))) == 1);
}

TEST_CASE("a child whose start fails is an error to the spawner and leaves no entry",
          "[supervision][B-104]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  const auto error = error_of(system.block_on(parent.send(SpawnStillborn{})));
  CHECK(error.kind() == ActorRefErr::Kind::ActorStartFailed);
  CHECK_THAT(std::string(error.detail()), Catch::Contains("not today"));
  CHECK(value_of(system.block_on(parent.send(CountChildren{}))) == 0);
}

TEST_CASE("child_ref finds a child by its id and type, and nothing else", "[supervision]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));

  CHECK(value_of(system.block_on(parent.send(AskChild("junior")))) == 42);
  CHECK(error_of(system.block_on(parent.send(AskChild("senior")))).kind() ==
        ActorRefErr::Kind::NotFound);
  CHECK_FALSE(value_of(system.block_on(parent.send(HasChildOfWrongType("junior")))));
}

TEST_CASE("supervised_count follows the children", "[supervision]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  const auto count = [&] { return value_of(system.block_on(parent.send(CountChildren{}))); };

  CHECK(count() == 0);
  auto one = value_of(system.block_on(parent.send(SpawnChild("one"))));
  CHECK(count() == 1);
  auto two = value_of(system.block_on(parent.send(SpawnChild("two"))));
  CHECK(count() == 2);
  REQUIRE(one.notify(Leave{}).has_value());
  (void)bereavement.wait();
  CHECK(count() == 1);
}

TEST_CASE("a child is not to be found by a lookup in the system", "[supervision]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));
  CHECK_FALSE(system.get_tracked_actor<Child>("junior").has_value());
}

TEST_CASE("a child knows its parent, if it asks for the right type", "[supervision]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start_tracked<Parent>(system, "parent", bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));

  CHECK(value_of(system.block_on(child.send(ParentId{}))) == "parent");
  CHECK_FALSE(value_of(system.block_on(child.send(ParentOfWrongType{}))));
}

TEST_CASE("a top-level actor has no parent", "[supervision]") {
  auto system = make_system();
  auto orphan = start<Child>(system);
  CHECK(value_of(system.block_on(orphan.send(ParentId{}))) == std::nullopt);
}

// ── The end of a child ──────────────────────────────────────────────────────────────────────────

TEST_CASE("on_child_stopped names a child that is no longer in the table", "[supervision][B-104]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));

  REQUIRE(child.notify(Leave{}).has_value());
  const auto told = bereavement.wait();
  CHECK(told.child.view() == "junior");
  CHECK(told.supervised_count == 0);
  CHECK_FALSE(told.found_by_child_ref);
  CHECK_FALSE(child.is_valid());

  auto successor = system.block_on(parent.send(SpawnChild("junior")));
  CHECK(successor.has_value());  // the id is free again
}

TEST_CASE("on_child_stopped tells the reason to a hook that takes a ChildStopped",
          "[supervision][B-104]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<CuriousParent>(system, bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));

  SECTION("Stopped, when the child left by its own will") {
    REQUIRE(child.notify(Leave{}).has_value());
    const auto told = bereavement.wait();
    REQUIRE(told.reason.has_value());
    CHECK(told.reason->kind() == StopReason::Kind::Stopped);
    CHECK(told.child.view() == "junior");
    CHECK(told.supervised_count == 0);
  }
  SECTION("Stopped, when somebody stopped it") {
    REQUIRE(system.block_on(child.stop()).has_value());
    const auto told = bereavement.wait();
    REQUIRE(told.reason.has_value());
    CHECK(told.reason->kind() == StopReason::Kind::Stopped);
  }
  SECTION("Failed and the text, when a handler threw") {
    REQUIRE(child.notify(Fail{}).has_value());
    const auto told = bereavement.wait();
    REQUIRE(told.reason.has_value());
    CHECK(told.reason->kind() == StopReason::Kind::Failed);
    CHECK_THAT(std::string(told.reason->detail()), Catch::Contains("fell off the swing"));
  }
  CHECK(system.block_on(parent.status()).has_value());  // whatever befell the child
}

TEST_CASE("a child ends with its parent", "[supervision][W-22]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));
  REQUIRE(system.block_on(parent.stop()).has_value());
  CHECK_FALSE(child.is_valid());
}

TEST_CASE("a parent that fails takes its children with it", "[supervision][W-20][W-22]") {
  Event<Bereavement> bereavement;
  auto system = make_system();
  auto parent = start<Parent>(system, bereavement);
  auto child = value_of(system.block_on(parent.send(SpawnChild("junior"))));

  REQUIRE(parent.notify(Fail{}).has_value());
  join(system, parent);
  CHECK_FALSE(child.is_valid());
}
