#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::ActorType;
using coerce::LocalActorRef;
using coerce::Task;

namespace {

// ── Actors ──────────────────────────────────────────────────────────────────────────────────────

class Peer;

struct Introduce {
  explicit Introduce(LocalActorRef<Peer> other) : peer(std::move(other)) {}
  LocalActorRef<Peer> peer;
};

struct Call {};
struct CallBack {};

/// Calls its peer, which calls back: both wait for each other for ever.
class Peer : public coerce::Actor {
 public:
  explicit Peer(Gate calling_back) : calling_back_(std::move(calling_back)) {}

  void handle(Introduce message, ActorContext&) { peer_.emplace(std::move(message.peer)); }

  Task<coerce::Result<void>> handle(Call, ActorContext&) {
    co_return co_await peer_->send(CallBack{});
  }

  Task<coerce::Result<void>> handle(CallBack, ActorContext&) {
    calling_back_.open();
    co_return co_await peer_->send(CallBack{});
  }

  void stopped(ActorContext&) { peer_.reset(); }  // two peers that hold each other would leak

 private:
  Gate calling_back_;
  std::optional<LocalActorRef<Peer>> peer_;
};

/// Shuts its own system down from a handler, and keeps what it is told.
class Regicide : public coerce::Actor {
 public:
  explicit Regicide(Event<coerce::ShutdownReport>& told) : told_(&told) {}

  Task<void> handle(Call, ActorContext& ctx) {
    auto report = co_await ctx.system().shutdown(1s);
    told_->set(std::move(report));
  }

 private:
  Event<coerce::ShutdownReport>* told_;
};

// ── Short forms ─────────────────────────────────────────────────────────────────────────────────

void set_counter(ActorSystem& system, const LocalActorRef<TestActor>& actor, int value) {
  value_of(system.block_on(actor.exec([value](TestActor& self) { self.counter = value; })));
}

int counter(ActorSystem& system, const LocalActorRef<TestActor>& actor) {
  return value_of(system.block_on(actor.exec([](TestActor& self) { return self.counter; })));
}

/// Sets COERCE_ACTOR_SYSTEM for a scope, or removes it.
class SystemNameVariable {
 public:
  explicit SystemNameVariable(const char* value) {
    if (const char* now = std::getenv(variable)) before_ = now;
    set(value);
  }
  SystemNameVariable(const SystemNameVariable&) = delete;
  SystemNameVariable& operator=(const SystemNameVariable&) = delete;
  ~SystemNameVariable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  static constexpr const char* variable = "COERCE_ACTOR_SYSTEM";

  static void set(const char* value) {
    if (value != nullptr) {
      ::setenv(variable, value, 1);
    } else {
      ::unsetenv(variable);
    }
  }

  std::optional<std::string> before_;
};

}  // namespace

// ── Names ───────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a system is named by its builder, else by the environment, else by a UUID",
          "[system][B-105]") {
  {
    const SystemNameVariable environment("from-environment");
    auto named = ActorSystem::builder().system_name("from-builder").worker_threads(2).build();
    CHECK(fmt::format("{}", named.system_name()) == "from-builder");
    auto unnamed = make_system();
    CHECK(fmt::format("{}", unnamed.system_name()) == "from-environment");
  }
  const SystemNameVariable environment(nullptr);
  auto unnamed = make_system();
  auto other = make_system();
  CHECK(fmt::format("{}", unnamed.system_name()).size() == 36);
  CHECK(unnamed.system_name() != other.system_name());
}

TEST_CASE("ids that the system makes are UUIDs of version 4, each its own", "[system]") {
  const std::string one(coerce::new_actor_id().view());
  const std::string other(coerce::new_actor_id().view());
  REQUIRE(one.size() == 36);
  CHECK(one[14] == '4');
  CHECK(one != other);
}

// ── Lookup ──────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("the global system finds an actor by the id that it gave it", "[system][B-015]") {
  auto& system = ActorSystem::global_system();
  auto actor = value_of(system.block_on(coerce::new_actor(TestActor{})));
  set_counter(system, actor, 1337);

  auto found = coerce::get_actor<TestActor>(actor.actor_id());
  REQUIRE(found.has_value());
  CHECK(counter(system, *found) == 1337);
  CHECK(system.block_on(found->stop()).has_value());
}

TEST_CASE("a tracked actor is found by its id", "[system][B-016]") {
  auto system = make_system();
  auto actor = value_of(system.block_on(system.new_tracked_actor(TestActor{})));
  set_counter(system, actor, 1337);

  auto found = system.get_tracked_actor<TestActor>(actor.actor_id());
  REQUIRE(found.has_value());
  CHECK(found->actor_id() == actor.actor_id());
  CHECK(counter(system, *found) == 1337);
}

TEST_CASE("an id that nobody has finds nothing", "[system][B-017]") {
  auto system = make_system();
  CHECK_FALSE(system.get_tracked_actor<TestActor>(coerce::new_actor_id()).has_value());
}

TEST_CASE("a stopped actor is not found any more when stop() returns", "[system][B-018]") {
  auto system = make_system();
  auto actor = value_of(system.block_on(system.new_tracked_actor(TestActor{})));
  set_counter(system, actor, 1337);
  REQUIRE(system.block_on(actor.stop()).has_value());
  CHECK_FALSE(system.get_tracked_actor<TestActor>(actor.actor_id()).has_value());
}

TEST_CASE("a used id is refused with AlreadyExists, and the first actor goes on",
          "[system][W-23]") {
  auto system = make_system();
  auto first = start_tracked<TestActor>(system, "unique");
  set_counter(system, first, 1337);

  auto second = system.block_on(system.new_actor("unique", TestActor{}, ActorType::Tracked));
  const auto error = error_of(second);
  CHECK(error.kind() == ActorRefErr::Kind::AlreadyExists);
  CHECK(error.actor_id().view() == "unique");

  auto found = system.get_tracked_actor<TestActor>("unique");
  REQUIRE(found.has_value());
  CHECK(counter(system, *found) == 1337);
}

TEST_CASE("the end of an actor does not remove its successor of the same id", "[system][W-23]") {
  auto system = make_system();
  auto first = start_tracked<TestActor>(system, "unique");
  REQUIRE(system.block_on(first.stop()).has_value());
  auto second = start_tracked<TestActor>(system, "unique");

  (void)system.block_on(first.stop());  // once more, of an actor that has long ended
  CHECK(second.is_valid());
  auto found = system.get_tracked_actor<TestActor>("unique");
  REQUIRE(found.has_value());
  CHECK(counter(system, *found) == 0);
}

TEST_CASE("actor_count counts the tracked actors", "[system]") {
  auto system = make_system();
  const auto before = system.actor_count();
  auto one = start_tracked<TestActor>(system, "one");
  auto two = start_tracked<TestActor>(system, "two");
  CHECK(system.actor_count() == before + 2);
  REQUIRE(system.block_on(one.stop()).has_value());
  CHECK(system.actor_count() == before + 1);
}

TEST_CASE("describe_all describes every tracked actor", "[system]") {
  auto system = make_system();
  auto one = start_tracked<TestActor>(system, "one");
  auto two = start_tracked<EchoActor>(system, "two");
  const auto descriptions = system.block_on(system.describe_all());

  const auto described = [&descriptions](std::string_view id) {
    return std::any_of(descriptions.begin(), descriptions.end(), [id](const auto& description) {
      return description.is_ok() && description.actor_id().view() == id;
    });
  };
  CHECK(described("one"));
  CHECK(described("two"));
}

// ── Shutdown ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("shutdown stops every actor and says that it is complete", "[system][W-30]") {
  Gate tracked_stopped;
  Gate anonymous_stopped;
  auto system = make_system();
  auto tracked = start_tracked<StopTeller>(system, "tracked", tracked_stopped);
  auto anonymous = start<StopTeller>(system, anonymous_stopped);
  CHECK_FALSE(system.is_terminated());

  const auto report = system.shutdown_blocking();
  CHECK(report.complete);
  CHECK(report.stuck.empty());
  CHECK(system.is_terminated());
  CHECK(tracked_stopped.is_open());
  CHECK(anonymous_stopped.is_open());
}

TEST_CASE("a system that has ended refuses messages and actors", "[system][W-30]") {
  auto system = make_system();
  auto actor = start_tracked<TestActor>(system, "before");
  REQUIRE(system.shutdown_blocking().complete);

  CHECK(error_of(actor.notify(GetCounterRequest{})).kind() == ActorRefErr::Kind::InvalidRef);
  CHECK_FALSE(system.get_tracked_actor<TestActor>("before").has_value());
  auto late = system.new_actor_blocking("after", TestActor{}, ActorType::Tracked);
  CHECK_FALSE(late.has_value());
}

TEST_CASE("a second shutdown returns as well", "[system][W-30]") {
  auto system = make_system();
  CHECK(system.shutdown_blocking().complete);
  CHECK(system.shutdown_blocking().complete);
}

TEST_CASE("shutdown ends at its deadline and names the actor that is suspended for ever",
          "[system][W-30]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start_tracked<HeldActor>(system, "held", entered, release);
  REQUIRE(actor.notify(Hold{}).has_value());
  REQUIRE(entered.wait());

  const auto report = system.shutdown_blocking(200ms);
  CHECK_FALSE(report.complete);
  CHECK(report.took >= 200ms);
  CHECK(report.took < patience);
  REQUIRE(report.stuck.size() == 1);
  CHECK_THAT(std::string(report.stuck[0].path.view()), Catch::Contains("held"));
  CHECK(report.stuck[0].actor_type == "HeldActor");
  CHECK(report.stuck[0].message_type == "Hold");
  CHECK(report.stuck[0].handling_for > 0ms);
}

TEST_CASE("shutdown ends at its deadline and names the actor that keeps its worker",
          "[system][W-30]") {
  Gate entered;
  Gate release;
  Gate bystander_stopped;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start_tracked<HeldActor>(system, "busy", entered, release);
  auto bystander = start_tracked<StopTeller>(system, "bystander", bystander_stopped);
  REQUIRE(actor.notify(Block{}).has_value());
  REQUIRE(entered.wait());

  const auto report = system.shutdown_blocking(200ms);
  CHECK_FALSE(report.complete);
  REQUIRE(report.stuck.size() == 1);
  CHECK_THAT(std::string(report.stuck[0].path.view()), Catch::Contains("busy"));
  CHECK(report.stuck[0].message_type == "Block");
  CHECK(bystander_stopped.is_open());  // one stuck actor does not keep the others from stopping
}

TEST_CASE("actors that wait for each other do not hold up a shutdown", "[system][W-30]") {
  Gate calling_back;
  auto system = make_system();
  auto one = start_tracked<Peer>(system, "one", calling_back);
  auto two = start_tracked<Peer>(system, "two", calling_back);
  value_of(system.block_on(one.send<Introduce>(two)));
  value_of(system.block_on(two.send<Introduce>(one)));

  REQUIRE(one.notify(Call{}).has_value());
  REQUIRE(calling_back.wait());
  const auto report = system.shutdown_blocking(patience);
  CHECK(report.complete);
  CHECK(report.stuck.empty());
}

TEST_CASE("an actor that shuts its system down is named at the deadline, and ends after it",
          "[system][W-30]") {
  coerce::ManualClock clock;
  Event<coerce::ShutdownReport> told;
  auto system = ActorSystem::builder().worker_threads(0).clock(clock).build();
  auto actor = start_tracked<Regicide>(system, "regicide", told);
  REQUIRE(actor.notify(Call{}).has_value());
  system.poll();
  clock.advance(1s);
  system.poll();

  const auto report = told.wait();
  CHECK_FALSE(report.complete);
  REQUIRE(report.stuck.size() == 1);
  CHECK_THAT(std::string(report.stuck[0].path.view()), Catch::Contains("regicide"));
  CHECK_FALSE(actor.is_valid());
  CHECK(system.live_actor_count() == 0);
}

TEST_CASE("the last handle of a system shuts it down", "[system]") {
  Gate stopped;
  {
    auto system = make_system();
    auto copy = system;
    auto actor = start_tracked<StopTeller>(copy, "tracked", stopped);
  }
  CHECK(stopped.is_open());
}

// ── Systems side by side and one after another ──────────────────────────────────────────────────

TEST_CASE("two systems in one process know nothing of each other", "[system][W-31]") {
  auto one = make_system();
  auto two = make_system();
  CHECK(one.system_id() != two.system_id());

  auto here = start_tracked<TestActor>(one, "same");
  auto there = start_tracked<TestActor>(two, "same");
  set_counter(one, here, 1);
  set_counter(two, there, 2);
  CHECK(counter(one, *one.get_tracked_actor<TestActor>("same")) == 1);
  CHECK(counter(two, *two.get_tracked_actor<TestActor>("same")) == 2);
}

TEST_CASE("a system works after another one has ended", "[system][W-31]") {
  for (int round = 0; round < 3; ++round) {
    auto system = make_system();
    auto actor = start_tracked<TestActor>(system, "phoenix");
    CHECK(value_of(system.block_on(actor.send(GetCounterRequest{}))) == 42);
    CHECK(system.shutdown_blocking().complete);
  }
}

TEST_CASE("the global system is usable before and after the end of another", "[system][W-31]") {
  auto& global = ActorSystem::global_system();
  auto early = value_of(global.block_on(coerce::new_actor(TestActor{})));
  {
    auto other = make_system();
    auto actor = start_tracked<TestActor>(other, "elsewhere");
    CHECK(other.shutdown_blocking().complete);
  }
  auto late = value_of(global.block_on(coerce::new_actor(TestActor{})));
  CHECK(value_of(global.block_on(early.send(GetCounterRequest{}))) == 42);
  CHECK(value_of(global.block_on(late.send(GetCounterRequest{}))) == 42);
  CHECK(global.block_on(early.stop()).has_value());
  CHECK(global.block_on(late.stop()).has_value());
}

TEST_CASE("the global system is made anew after it was shut down", "[system][W-31]") {
  auto before = ActorSystem::global_system();
  CHECK(before.shutdown_blocking().complete);
  auto& after = ActorSystem::global_system();
  CHECK(after.system_id() != before.system_id());
  auto actor = value_of(after.block_on(coerce::new_actor(TestActor{})));
  CHECK(value_of(after.block_on(actor.send(GetCounterRequest{}))) == 42);
  CHECK(after.block_on(actor.stop()).has_value());
}
