#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorStatus;
using coerce::Task;

namespace {

using Lines = std::vector<std::string>;

// ── Actors ──────────────────────────────────────────────────────────────────────────────────────

struct Work {};

/// Logs its hooks and its messages.
class LoggingActor : public coerce::Actor {
 public:
  explicit LoggingActor(Log& log) : log_(&log) {}

  Task<void> started(ActorContext&) {
    (void)co_await coerce::yield();  // a hook that takes its time is still awaited
    log_->add("started");
  }

  void handle(Work, ActorContext&) { log_->add("worked"); }

  Task<void> stopped(ActorContext&) {
    (void)co_await coerce::yield();
    log_->add("stopped");
  }

 private:
  Log* log_;
};

/// Where an actor stands in the tree, as its context tells it.
struct Location {
  std::string id;
  std::string path;
  std::string full_path;
};

struct Locate {
  using Result = Location;
};

struct LocateChild {
  using Result = Location;
};

class LocatedActor : public coerce::Actor {
 public:
  Location handle(Locate, ActorContext& ctx) {
    return Location{std::string(ctx.id().view()), std::string(ctx.path().view()),
                    std::string(ctx.full_path().view())};
  }

  Task<coerce::Result<Location>> handle(LocateChild, ActorContext& ctx) {
    auto child = co_await ctx.spawn<LocatedActor>("child");
    if (!child) co_return coerce::unexpected(child.error());
    co_return co_await child->send(Locate{});
  }
};

struct Throw {
  using Result = int;
};

struct ThrowLater {
  using Result = int;
};

class FailingActor : public coerce::Actor {
 public:
  int handle(Throw, ActorContext&) { throw std::runtime_error("out of paper"); }

  Task<int> handle(ThrowLater, ActorContext&) {
    (void)co_await coerce::yield();
    throw std::runtime_error("out of ink");
  }

  int handle(GetCounterRequest, ActorContext&) { return 42; }
};

class FailingWithHook : public coerce::Actor {
 public:
  explicit FailingWithHook(Gate stopped) : stopped_(std::move(stopped)) {}

  void handle(Work, ActorContext&) { throw std::runtime_error("worked too hard"); }

  void stopped(ActorContext&) { stopped_.open(); }

 private:
  Gate stopped_;
};

/// Asks for its own end before it has started.
class StopsInStarted : public coerce::Actor {
 public:
  void started(ActorContext& ctx) { ctx.stop(); }

  int handle(GetCounterRequest, ActorContext&) { return 42; }
};

class ThrowsInStarted : public coerce::Actor {
 public:
  Task<void> started(ActorContext&) {
    (void)co_await coerce::yield();
    throw std::runtime_error("no configuration");
  }

  int handle(GetCounterRequest, ActorContext&) { return 42; }
};

/// Opens one gate for a message and another when it has stopped.
class Ephemeral : public coerce::Actor {
 public:
  Ephemeral(Gate worked, Gate stopped) : worked_(std::move(worked)), stopped_(std::move(stopped)) {}

  void handle(Work, ActorContext&) { worked_.open(); }

  void stopped(ActorContext&) { stopped_.open(); }

 private:
  Gate worked_;
  Gate stopped_;
};

/// Logs the stop of each generation of a family of three.
class Ancestor : public coerce::Actor {
 public:
  Ancestor(Log& log, int generations) : log_(&log), generations_(generations) {}

  Task<void> started(ActorContext& ctx) {
    if (generations_ == 0) co_return;
    auto child = co_await ctx.spawn<Ancestor>("heir", *log_, generations_ - 1);
    if (child) heir_ = *child;
  }

  Task<void> stopped(ActorContext&) {
    for (int turn = 0; turn < 3; ++turn) (void)co_await coerce::yield();
    log_->add(fmt::format("generation with {} below", generations_));
  }

 private:
  Log* log_;
  int generations_;
  std::optional<coerce::LocalActorRef<Ancestor>> heir_;
};

}  // namespace

// ── From start to stop ──────────────────────────────────────────────────────────────────────────

TEST_CASE("a new actor is Started when its creator resumes, and can be stopped",
          "[lifecycle][B-001]") {
  auto system = make_system();
  auto actor = value_of(system.block_on(coerce::into_actor(TestActor{}, std::nullopt, system)));

  CHECK(value_of(system.block_on(actor.status())) == ActorStatus::Started);
  CHECK(system.block_on(actor.stop()).has_value());
}

TEST_CASE("a stopped actor answers nothing any more: InvalidRef", "[lifecycle][B-002]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  REQUIRE(actor.is_valid());
  REQUIRE(system.block_on(actor.stop()).has_value());

  CHECK_FALSE(actor.is_valid());
  CHECK(error_of(system.block_on(actor.status())).kind() == ActorRefErr::Kind::InvalidRef);
  CHECK(error_of(system.block_on(actor.send(GetCounterRequest{}))).kind() ==
        ActorRefErr::Kind::InvalidRef);
  CHECK(error_of(actor.notify(GetCounterRequest{})).kind() == ActorRefErr::Kind::InvalidRef);
}

TEST_CASE("started ends before the creator resumes, stopped before stop() returns", "[lifecycle]") {
  Log log;
  auto system = make_system();
  auto actor = start<LoggingActor>(system, log);
  CHECK(log.lines() == Lines{"started"});

  REQUIRE(system.block_on(actor.send(Work{})).has_value());
  CHECK(log.lines() == Lines{"started", "worked"});

  REQUIRE(system.block_on(actor.stop()).has_value());
  CHECK(log.lines() == Lines{"started", "worked", "stopped"});
}

// ── Identity ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("an actor with an id is tracked, one without is anonymous", "[lifecycle][B-101]") {
  auto system = make_system();
  auto tracked = value_of(system.block_on(coerce::into_actor(TestActor{}, "known", system)));
  auto unnamed = value_of(system.block_on(coerce::into_actor(TestActor{}, std::nullopt, system)));
  auto anonymous = value_of(system.block_on(coerce::into_anon_actor(TestActor{}, "shy", system)));

  CHECK(tracked.actor_id().view() == "known");
  CHECK(system.get_tracked_actor<TestActor>("known").has_value());

  CHECK_FALSE(unnamed.actor_id().view().empty());
  CHECK_FALSE(system.get_tracked_actor<TestActor>(unnamed.actor_id()).has_value());

  CHECK(anonymous.actor_id().view() == "shy");
  CHECK_FALSE(system.get_tracked_actor<TestActor>("shy").has_value());
}

TEST_CASE("a lookup with another actor type finds nothing", "[lifecycle][B-101]") {
  auto system = make_system();
  auto tracked = start_tracked<TestActor>(system, "known");
  CHECK_FALSE(system.get_tracked_actor<EchoActor>("known").has_value());
}

TEST_CASE("the path of an actor is its parent's full path, that of a top-level actor the system",
          "[lifecycle][B-105]") {
  auto system = coerce::ActorSystem::builder().system_name("house").worker_threads(2).build();
  auto parent = start_tracked<LocatedActor>(system, "parent");

  const auto top = value_of(system.block_on(parent.send(Locate{})));
  CHECK(top.id == "parent");
  CHECK(top.path == "house");
  CHECK(top.full_path == "house/parent");

  const auto child = value_of(system.block_on(parent.send(LocateChild{})));
  CHECK(child.id == "child");
  CHECK(child.path == "house/parent");
  CHECK(child.full_path == "house/parent/child");
}

// ── The end of an actor by its own will ─────────────────────────────────────────────────────────

TEST_CASE("messages behind the handler that asked for the stop are not handled",
          "[lifecycle][B-103]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start<HeldActor>(system, entered, release);

  REQUIRE(actor.notify(HoldThenStop{}).has_value());
  REQUIRE(entered.wait());
  auto backlog = await_and(system, actor.send(GetCounterRequest{}), [&] { release.open(); });
  CHECK(error_of(backlog).kind() == ActorRefErr::Kind::ResultChannelClosed);

  join(system, actor);
  CHECK(error_of(system.block_on(actor.send(GetCounterRequest{}))).kind() ==
        ActorRefErr::Kind::InvalidRef);
}

TEST_CASE("the handler that asked for the stop still answers its own sender",
          "[lifecycle][B-103]") {
  Gate entered;
  Gate release;
  release.open();
  auto system = make_system();
  auto actor = start<HeldActor>(system, entered, release);
  CHECK(system.block_on(actor.send(HoldThenStop{})).has_value());
}

TEST_CASE("stopping a suspended actor rejects its backlog at once", "[lifecycle][B-103]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start<HeldActor>(system, entered, release);

  REQUIRE(actor.notify(Hold{}).has_value());
  REQUIRE(entered.wait());
  auto backlog =
      await_and(system, actor.send(GetCounterRequest{}), [&] { (void)actor.notify_stop(); });
  CHECK_FALSE(release.is_open());  // the handler is suspended to this moment
  CHECK(error_of(backlog).kind() == ActorRefErr::Kind::ResultChannelClosed);
  CHECK(error_of(actor.notify(GetCounterRequest{})).kind() == ActorRefErr::Kind::InvalidRef);
}

// ── Failure ─────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a handler that throws fails its sender with the text of the exception",
          "[lifecycle][W-20]") {
  auto system = make_system();

  SECTION("a plain handler") {
    auto actor = start<FailingActor>(system);
    const auto error = error_of(system.block_on(actor.send(Throw{})));
    CHECK(error.kind() == ActorRefErr::Kind::HandlerFailed);
    CHECK_THAT(std::string(error.detail()), Catch::Contains("out of paper"));
    CHECK(error.outcome() == ActorRefErr::Outcome::Handled);
  }
  SECTION("a coroutine that had been suspended") {
    auto actor = start<FailingActor>(system);
    const auto error = error_of(system.block_on(actor.send(ThrowLater{})));
    CHECK(error.kind() == ActorRefErr::Kind::HandlerFailed);
    CHECK_THAT(std::string(error.detail()), Catch::Contains("out of ink"));
  }
}

TEST_CASE("an actor that fails is gone, and its id is free", "[lifecycle][W-20]") {
  auto system = make_system();
  auto actor = start_tracked<FailingActor>(system, "printer");
  REQUIRE(actor.notify(Throw{}).has_value());
  join(system, actor);

  CHECK_FALSE(actor.is_valid());
  CHECK(error_of(system.block_on(actor.send(GetCounterRequest{}))).kind() ==
        ActorRefErr::Kind::InvalidRef);
  CHECK_FALSE(system.get_tracked_actor<FailingActor>("printer").has_value());

  auto successor = start_tracked<FailingActor>(system, "printer");
  CHECK(value_of(system.block_on(successor.send(GetCounterRequest{}))) == 42);
}

TEST_CASE("senders behind a failing handler get an error", "[lifecycle][W-20]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start<HeldActor>(system, entered, release);

  REQUIRE(actor.notify(HoldThenThrow{}).has_value());
  REQUIRE(entered.wait());
  auto backlog = await_and(system, actor.send(GetCounterRequest{}), [&] { release.open(); });
  CHECK(error_of(backlog).kind() == ActorRefErr::Kind::ResultChannelClosed);
}

TEST_CASE("the stopped hook runs on failure too", "[lifecycle][W-20]") {
  Gate stopped;
  auto system = make_system();
  auto actor = start<FailingWithHook>(system, stopped);
  REQUIRE(actor.notify(Work{}).has_value());
  CHECK(stopped.wait());
}

// ── Actors that do not get to start ─────────────────────────────────────────────────────────────

TEST_CASE("an actor that stops itself in started is not created and leaves no entry",
          "[lifecycle][W-24]") {
  auto system = make_system();
  const auto actors_before = system.actor_count();

  auto created = system.block_on(coerce::into_actor<StopsInStarted>("hasty", system));
  CHECK(error_of(created).kind() == ActorRefErr::Kind::ActorStartFailed);
  CHECK_FALSE(system.get_tracked_actor<StopsInStarted>("hasty").has_value());
  CHECK(system.actor_count() == actors_before);

  auto successor = start_tracked<TestActor>(system, "hasty");
  CHECK(system.get_tracked_actor<TestActor>("hasty").has_value());
}

TEST_CASE("an actor that throws in started is not created, and the error says why",
          "[lifecycle][W-24]") {
  auto system = make_system();
  const auto actors_before = system.actor_count();

  auto created = system.block_on(coerce::into_actor<ThrowsInStarted>("lost", system));
  const auto error = error_of(created);
  CHECK(error.kind() == ActorRefErr::Kind::ActorStartFailed);
  CHECK_THAT(std::string(error.detail()), Catch::Contains("no configuration"));
  CHECK_FALSE(system.get_tracked_actor<ThrowsInStarted>("lost").has_value());
  CHECK(system.actor_count() == actors_before);
}

// ── Actors that nobody refers to ────────────────────────────────────────────────────────────────

TEST_CASE("an anonymous actor ends when its last ref is dropped", "[lifecycle][W-21]") {
  Gate worked;
  Gate stopped;
  auto system = make_system();
  std::optional actor(start<Ephemeral>(system, worked, stopped));
  auto copy = actor;
  actor.reset();
  REQUIRE(system.block_on(copy->send(Work{})).has_value());
  CHECK_FALSE(stopped.is_open());

  copy.reset();
  CHECK(stopped.wait());
}

TEST_CASE("an anonymous actor handles what it was sent before its last ref was dropped",
          "[lifecycle][W-21]") {
  Gate worked;
  Gate stopped;
  auto system = make_system();
  REQUIRE(start<Ephemeral>(system, worked, stopped).notify(Work{}).has_value());
  CHECK(stopped.wait());
  CHECK(worked.is_open());
}

TEST_CASE("a tracked actor lives on without a ref", "[lifecycle][W-21]") {
  Gate worked;
  Gate stopped;
  auto system = make_system();
  (void)start_tracked<Ephemeral>(system, "lasting", worked, stopped);

  auto found = system.get_tracked_actor<Ephemeral>("lasting");
  REQUIRE(found.has_value());
  CHECK(system.block_on(found->send(Work{})).has_value());
  CHECK_FALSE(stopped.is_open());
}

// ── Families ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("children have stopped before their parent's stop returns", "[lifecycle][W-22]") {
  Log log;
  auto system = make_system();
  auto ancestor = start<Ancestor>(system, log, 2);
  REQUIRE(system.block_on(ancestor.stop()).has_value());
  CHECK(log.lines() ==
        Lines{"generation with 0 below", "generation with 1 below", "generation with 2 below"});
}
