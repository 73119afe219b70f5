#include <coerce/actor/receive_timeout.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::LocalActorRef;
using coerce::ReceiveTimeout;
using coerce::Task;
using Kind = ActorRefErr::Kind;

namespace {

struct Set {
  using Result = std::optional<Kind>;
  coerce::Duration period{};
};
struct Cancel {
  using Result = void;
};
struct Touch {};
struct Take {  // suspends for so long
  coerce::Duration time{};
};
struct Fail {};

class Sleeper : public coerce::Actor {
 public:
  explicit Sleeper(int& timeouts) : timeouts_(&timeouts) {}

  std::optional<Kind> handle(Set set, ActorContext& ctx) {
    return kind_of(ctx.set_receive_timeout(set.period));
  }
  void handle(Cancel, ActorContext& ctx) { ctx.cancel_receive_timeout(); }
  void handle(Touch, ActorContext&) {}
  Task<void> handle(Take take, ActorContext&) { (void)co_await coerce::sleep_for(take.time); }
  void handle(Fail, ActorContext&) { throw 1; }
  void handle(ReceiveTimeout, ActorContext&) { ++*timeouts_; }

 private:
  int* timeouts_;
};

class BoundedSleeper : public Sleeper {
 public:
  static constexpr coerce::MailboxOptions mailbox{.capacity = 2};
  using Sleeper::Sleeper;
};

class Deaf : public coerce::Actor {
 public:
  std::optional<Kind> handle(Set set, ActorContext& ctx) {
    return kind_of(ctx.set_receive_timeout(set.period));
  }
};

struct Stage {
  coerce::ManualClock clock;
  coerce::ActorSystem system =
      coerce::ActorSystem::builder().worker_threads(0).clock(clock).build();
  int timeouts = 0;
  LocalActorRef<Sleeper> sleeper = start<Sleeper>(system, timeouts);

  std::optional<Kind> set(coerce::Duration period) {
    return value_of(system.block_on(sleeper.send(Set{period})));
  }
  template <class M>
  void tell(M message) {
    (void)sleeper.notify(std::move(message));
    system.poll();
  }
  /// In steps, so that each timer that becomes due is seen.
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 1ms) {
      clock.advance(1ms);
      system.poll();
    }
  }
};

}  // namespace

TEST_CASE("an actor that handles no message for the period is told, again and again",
          "[receive_timeout]") {
  Stage stage;
  CHECK(stage.set(100ms) == std::nullopt);
  stage.pass(98ms);
  CHECK(stage.timeouts == 0);
  stage.pass(4ms);
  CHECK(stage.timeouts == 1);
  stage.pass(210ms);
  CHECK(stage.timeouts == 3);
}

TEST_CASE("each message puts the receive timeout off", "[receive_timeout]") {
  Stage stage;
  stage.set(100ms);
  for (int i = 0; i < 5; ++i) {
    stage.pass(80ms);
    stage.tell(Touch{});
  }
  CHECK(stage.timeouts == 0);
  stage.pass(98ms);
  CHECK(stage.timeouts == 0);
  stage.pass(5ms);
  CHECK(stage.timeouts == 1);
}

TEST_CASE("questions about its status do not put the receive timeout off", "[receive_timeout]") {
  Stage stage;
  stage.set(100ms);
  for (int i = 0; i < 3; ++i) {
    stage.pass(40ms);
    (void)stage.system.block_on(stage.sleeper.status());
    (void)stage.system.block_on(stage.sleeper.describe());
  }
  CHECK(stage.timeouts == 1);
}

TEST_CASE("a handler that takes its time is no silence", "[receive_timeout]") {
  Stage stage;
  stage.set(100ms);
  stage.tell(Take{350ms});
  stage.pass(350ms);
  CHECK(stage.timeouts == 0);
  stage.pass(110ms);
  CHECK(stage.timeouts == 1);
}

TEST_CASE("after cancel_receive_timeout no ReceiveTimeout is handled", "[receive_timeout]") {
  Stage stage;
  stage.set(100ms);
  stage.pass(50ms);
  stage.tell(Cancel{});
  stage.pass(500ms);
  CHECK(stage.timeouts == 0);
  SECTION("and it can be set anew") {
    stage.set(10ms);
    stage.pass(13ms);
    CHECK(stage.timeouts == 1);
  }
}

TEST_CASE("a receive timeout of a new period replaces the old one", "[receive_timeout]") {
  Stage stage;
  stage.set(100ms);
  stage.set(20ms);
  stage.pass(23ms);
  CHECK(stage.timeouts == 1);
  stage.set(300ms);
  stage.pass(290ms);
  CHECK(stage.timeouts == 1);
  stage.pass(20ms);
  CHECK(stage.timeouts == 2);
}

TEST_CASE("a bounded mailbox has a receive timeout too", "[receive_timeout]") {
  Stage stage;
  auto bounded = start<BoundedSleeper>(stage.system, stage.timeouts);
  CHECK(value_of(stage.system.block_on(bounded.send(Set{100ms}))) == std::nullopt);
  stage.pass(105ms);
  CHECK(stage.timeouts == 1);
  for (int i = 0; i < 100; ++i) {
    CHECK(bounded.notify(Touch{}).has_value());
    stage.system.poll();
  }
}

TEST_CASE("a receive timeout needs a handler and a sensible period", "[receive_timeout]") {
  Stage stage;
  auto deaf = start<Deaf>(stage.system);
  CHECK(value_of(stage.system.block_on(deaf.send(Set{1s}))) == Kind::NotSupported);
  CHECK(stage.set(0ms) == Kind::NotSupported);
  CHECK(stage.set(24h * 30) == Kind::NotSupported);
}

TEST_CASE("a restart cancels the receive timeout", "[receive_timeout]") {
  coerce::ManualClock clock;
  auto system = coerce::ActorSystem::builder()
                    .worker_threads(0)
                    .clock(clock)
                    .top_level_strategy(coerce::SupervisorStrategy::restart())
                    .build();
  int timeouts = 0;
  const auto make = [&timeouts] { return Sleeper(timeouts); };
  auto sleeper = value_of(system.block_on(system.new_actor(coerce::ActorId("s"), make)));
  (void)system.block_on(sleeper.send(Set{50ms}));
  (void)sleeper.notify(Fail{});
  system.poll();
  clock.advance(1s);
  system.poll();
  CHECK(timeouts == 0);
}

TEST_CASE("an actor may end while its receive timeout runs", "[receive_timeout]") {
  Stage stage;
  stage.set(50ms);
  value_of(stage.system.block_on(stage.sleeper.stop()));
  stage.pass(100ms);
  CHECK(stage.timeouts == 0);
}
