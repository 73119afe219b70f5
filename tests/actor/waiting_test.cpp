// How long a call waits, and where it must not wait at all.

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <utility>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::LocalActorRef;
using coerce::Task;
using Kind = ActorRefErr::Kind;

namespace {

// ── Calls that would wait for themselves ────────────────────────────────────────────────────────

struct AskMyself {
  using Result = std::optional<Kind>;
};

struct StopMyself {
  using Result = std::optional<Kind>;
};

class Narcissus : public coerce::Actor {
 public:
  Task<std::optional<Kind>> handle(AskMyself, ActorContext& ctx) {
    auto self = ctx.actor_ref<Narcissus>();
    auto answer = co_await self.send(GetCounterRequest{});
    co_return kind_of(answer);
  }

  Task<std::optional<Kind>> handle(StopMyself, ActorContext& ctx) {
    auto self = ctx.actor_ref<Narcissus>();
    auto answer = co_await self.stop();
    co_return kind_of(answer);
  }

  int handle(GetCounterRequest, ActorContext&) { return 42; }
};

// ── Blocking calls where they must not be made ──────────────────────────────────────────────────

struct SendBlocking {
  using Result = std::optional<Kind>;
};

struct ExecBlocking {
  using Result = std::optional<Kind>;
};

struct StopBlocking {
  using Result = std::optional<Kind>;
};

/// Calls another actor in the blocking forms from inside a handler, that is: on a worker.
class BlockingCaller : public coerce::Actor {
 public:
  explicit BlockingCaller(LocalActorRef<TestActor> target) : target_(std::move(target)) {}

  std::optional<Kind> handle(SendBlocking, ActorContext&) {
    return kind_of(target_.send_blocking(GetCounterRequest{}));
  }

  std::optional<Kind> handle(ExecBlocking, ActorContext&) {
    return kind_of(target_.exec_blocking([](TestActor& actor) { return actor.counter; }));
  }

  std::optional<Kind> handle(StopBlocking, ActorContext&) {
    return kind_of(target_.stop_blocking());
  }

 private:
  LocalActorRef<TestActor> target_;
};

}  // namespace

// ── Deadlines ───────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a send with a deadline ends with Timeout, and whether it is handled is unknown",
          "[messaging][W-26]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start<HeldActor>(system, entered, release);

  const auto handling = error_of(system.block_on(actor.send(Hold{}, 20ms)));
  CHECK(handling.kind() == Kind::Timeout);
  CHECK(handling.outcome() == ActorRefErr::Outcome::Unknown);
  CHECK(handling.time_taken() >= 20ms);

  const auto waiting = error_of(system.block_on(actor.send(GetCounterRequest{}, 20ms)));
  CHECK(waiting.kind() == Kind::Timeout);
  CHECK(waiting.outcome() == ActorRefErr::Outcome::Unknown);

  release.open();  // the abandoned sends do not keep the actor from answering the next
  CHECK(system.block_on(actor.send(GetCounterRequest{})).has_value());
}

TEST_CASE("a send that is answered before its deadline gives the answer", "[messaging][W-26]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  CHECK(value_of(system.block_on(actor.send(GetCounterRequest{}, patience))) == 42);
}

// ── Calls that would wait for themselves ────────────────────────────────────────────────────────

TEST_CASE("an actor that sends to itself inside a handler is told NotSupported at once",
          "[messaging]") {
  auto system = make_system();
  auto actor = start<Narcissus>(system);
  CHECK(value_of(system.block_on(actor.send(AskMyself{}))) == Kind::NotSupported);
  CHECK(value_of(system.block_on(actor.send(GetCounterRequest{}))) == 42);
}

TEST_CASE("an actor that awaits its own stop inside a handler is told NotSupported at once",
          "[messaging]") {
  auto system = make_system();
  auto actor = start<Narcissus>(system);
  CHECK(value_of(system.block_on(actor.send(StopMyself{}))) == Kind::NotSupported);
  CHECK(value_of(system.block_on(actor.send(GetCounterRequest{}))) == 42);
}

// ── Blocking forms ──────────────────────────────────────────────────────────────────────────────

TEST_CASE("a thread outside the system calls actors in the blocking forms", "[messaging]") {
  auto system = make_system();
  auto actor =
      value_of(system.new_actor_blocking("blocking", TestActor{}, coerce::ActorType::Tracked));

  CHECK(value_of(actor.send_blocking(GetCounterRequest{})) == 42);
  CHECK(value_of(actor.send_blocking(GetCounterRequest{}, patience)) == 42);
  value_of(actor.exec_blocking([](TestActor& self) { self.counter = 5; }));
  CHECK(value_of(actor.exec_blocking([](TestActor& self) { return self.counter; })) == 5);

  CHECK(actor.stop_blocking().has_value());
  CHECK_FALSE(system.get_tracked_actor<TestActor>("blocking").has_value());
  CHECK(error_of(actor.send_blocking(GetCounterRequest{})).kind() == Kind::InvalidRef);
}

TEST_CASE("a blocking send with a deadline ends by it", "[messaging][W-26]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto actor = start<HeldActor>(system, entered, release);
  CHECK(error_of(actor.send_blocking(Hold{}, 20ms)).kind() == Kind::Timeout);
}

TEST_CASE("the blocking forms refuse to block a worker", "[messaging]") {
  auto system = make_system();
  auto target = start<TestActor>(system);
  auto caller = start<BlockingCaller>(system, target);

  CHECK(value_of(system.block_on(caller.send(SendBlocking{}))) == Kind::NotSupported);
  CHECK(value_of(system.block_on(caller.send(ExecBlocking{}))) == Kind::NotSupported);
  CHECK(value_of(system.block_on(caller.send(StopBlocking{}))) == Kind::NotSupported);
  CHECK(target.is_valid());
}
