#include <coerce/actor/events.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorSystem;
using coerce::ManualClock;
using coerce::SlowHandler;

namespace {

ActorSystem watched(coerce::Duration limit, unsigned workers = 2) {
  return ActorSystem::builder()
      .system_name("watched")
      .worker_threads(workers)
      .slow_handler(limit)
      .build();
}

struct StayUntilTold {
  static constexpr std::string_view type_name = "StayUntilTold";
};

/// Keeps its worker until the test lets it go, and ends.
class Stubborn : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Stubborn";
  explicit Stubborn(Gate release) : release_(std::move(release)) {}
  void handle(StayUntilTold, ActorContext& ctx) {
    (void)release_.wait();
    ctx.stop();
  }

 private:
  Gate release_;
};

struct Next {
  int left = 0;
};

/// Passes the word on to itself, so that its activations follow each other.
class Busy : public coerce::Actor {
 public:
  explicit Busy(Gate done) : done_(std::move(done)) {}
  void handle(Next message, ActorContext& ctx) {
    if (message.left == 0)
      done_.open();
    else
      (void)ctx.actor_ref<Busy>().notify(Next{message.left - 1});
  }

 private:
  Gate done_;
};

}  // namespace

TEST_CASE("a handler that keeps its worker is told while it runs, with path, type and message",
          "[slow]") {
  Gate release;
  Event<SlowHandler> told;
  auto system = watched(5ms);
  const OpenAtEnd opener(release);
  const auto note = [&](const SlowHandler& event) { told.set(event); };
  auto subscription = system.events().subscribe<SlowHandler>(note);
  auto actor = start_tracked<Stubborn>(system, "stubborn", release);
  (void)actor.notify(StayUntilTold{});

  const SlowHandler event = told.wait();
  CHECK_FALSE(release.is_open());
  CHECK(event.path.view() == "watched/stubborn");
  CHECK(event.actor_type == "Stubborn");
  CHECK(event.message_type == "StayUntilTold");
  CHECK(event.running_for >= 5ms);
}

TEST_CASE("a turn is told once, however long it lasts", "[slow]") {
  Gate release;
  std::atomic<int> told = 0;
  Gate told_of_second;
  auto system = watched(1ms, 3);
  const OpenAtEnd opener(release);
  const auto note = [&](const SlowHandler& event) {
    if (event.path.view() == "watched/second") told_of_second.open();
    if (event.path.view() == "watched/first") ++told;
  };
  auto subscription = system.events().subscribe<SlowHandler>(note);
  auto first = start_tracked<Stubborn>(system, "first", release);
  (void)first.notify(StayUntilTold{});
  auto second = start_tracked<Stubborn>(system, "second", release);
  (void)second.notify(StayUntilTold{});
  REQUIRE(told_of_second.wait());
  release.open();
  join(system, first);
  subscription.end();
  CHECK(told <= 1);
}

TEST_CASE("quick handlers are never told, however busy their worker is", "[slow]") {
  std::atomic<int> told = 0;
  Gate done;
  auto system = watched(10s);
  const auto note = [&](const SlowHandler&) { ++told; };
  auto subscription = system.events().subscribe<SlowHandler>(note);
  auto actor = start<Busy>(system, done);
  (void)actor.notify(Next{1'000'000});
  REQUIRE(done.wait());
  CHECK(told == 0);
}

TEST_CASE("slowness is measured by the clock of the system", "[slow]") {
  ManualClock clock;  // stands still: nothing is slow
  Gate entered;
  Gate release;
  std::atomic<int> told = 0;
  auto system = ActorSystem::builder().worker_threads(2).clock(clock).slow_handler(1ms).build();
  const OpenAtEnd opener(release);
  const auto note = [&](const SlowHandler&) { ++told; };
  auto subscription = system.events().subscribe<SlowHandler>(note);
  auto actor = start<HeldActor>(system, entered, release);
  (void)actor.notify(Block{});
  REQUIRE(entered.wait());
  release.open();
  join(system, actor);
  CHECK(told == 0);
}

TEST_CASE("a watch with the shortest limit does not disturb actors that come and go", "[slow]") {
  auto system = watched(1ns);
  for (int round = 0; round < 200; ++round) {
    std::vector<coerce::LocalActorRef<Busy>> actors;
    Gate done;
    for (int i = 0; i < 20; ++i) actors.push_back(start<Busy>(system, done));
    for (const auto& actor : actors) (void)actor.notify(Next{50});
    actors.clear();
  }
  CHECK(system.shutdown_blocking().complete);
}

TEST_CASE("a limit of zero turns the watch off, a negative one is refused", "[slow]") {
  auto system = watched(0s);
  CHECK(system.shutdown_blocking().complete);
  CHECK_THROWS_AS(ActorSystem::builder().slow_handler(-1ms), std::invalid_argument);
}
