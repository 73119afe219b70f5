#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>

using namespace coerce::test;
using coerce::ActorSystem;
using coerce::Task;

namespace {

Task<int> win(ActorSystem&) { co_return 0; }

Task<int> lose(ActorSystem&) {
  (void)co_await coerce::yield();
  co_return 7;
}

Task<int> ask_an_actor(ActorSystem& system) {
  auto actor = co_await coerce::into_actor(EchoActor{}, "echo", system);
  if (!actor) co_return 1;
  auto answer = co_await actor->send(GetCounterRequest{});
  co_return answer ? *answer : 2;
}

Task<int> leave_an_actor_behind(ActorSystem& system, Gate stopped) {
  auto actor = co_await coerce::into_actor<StopTeller>("left-behind", system, stopped);
  co_return actor.has_value() ? 3 : 4;
}

Task<int> explode(ActorSystem&) {
  (void)co_await coerce::yield();
  throw std::runtime_error("the game is over");
}

/// Raises a signal, then asks somebody who never comes to the question.
Task<int> wait_for_the_shutdown(ActorSystem& system, int signal, Gate entered, Gate release) {
  auto held = co_await coerce::into_actor<HeldActor>("held", system, entered, release);
  if (!held || !held->notify(Hold{})) co_return 1;
  std::raise(signal);
  auto answer = co_await held->send(GetCounterRequest{});
  release.open();
  co_return !answer && system.is_terminated() ? 5 : 2;
}

/// Leaves an actor behind that does not stop, and a handle that keeps the system.
Task<int> leave_a_stuck_actor(ActorSystem& system, std::optional<ActorSystem>& kept, Gate entered,
                              Gate release) {
  kept.emplace(system);
  auto held = co_await coerce::into_actor<HeldActor>("held", system, entered, release);
  if (!held || !held->notify(Hold{})) co_return 1;
  const auto wait = [entered] { return entered.wait(); };
  (void)co_await coerce::blocking(wait);
  co_return 0;
}

/// Goes on by an hour whenever somebody looks at it, so that every deadline is near, until it is
/// stopped.
class HastyClock : public coerce::Clock {
 public:
  coerce::TimePoint now() const noexcept override {
    return coerce::TimePoint(std::chrono::hours(hours_ += step_));
  }
  coerce::WallTime wall_now() const noexcept override { return {}; }
  void stop() noexcept { step_ = 0; }

 private:
  mutable std::atomic<int> hours_{0};
  std::atomic<int> step_{1};
};

}  // namespace

TEST_CASE("run returns the code of its game", "[run]") {
  CHECK(coerce::run(win) == 0);
  CHECK(coerce::run(lose) == 7);
  CHECK(coerce::run(ask_an_actor) == 42);
}

TEST_CASE("run plays its game on the system of the builder", "[run]") {
  std::string name;
  const auto code = coerce::run(ActorSystem::builder().system_name("arena").worker_threads(2),
                                [&name](ActorSystem& system) {
                                  name = fmt::format("{}", system.system_name());
                                  return win(system);
                                });
  CHECK(code == 0);
  CHECK(name == "arena");
}

TEST_CASE("run stops the actors that the game leaves behind before it returns", "[run]") {
  Gate stopped;
  const auto code = coerce::run(
      [&stopped](ActorSystem& system) { return leave_an_actor_behind(system, stopped); });
  CHECK(code == 3);
  CHECK(stopped.is_open());
}

TEST_CASE("SIGINT and SIGTERM shut the system down, and run returns the code of its game",
          "[run]") {
  for (const int signal : {SIGINT, SIGTERM}) {
    CAPTURE(signal);
    Gate entered;
    Gate release;
    const auto code = coerce::run([&](ActorSystem& system) {
      return wait_for_the_shutdown(system, signal, entered, release);
    });
    CHECK(code == 5);
  }
}

TEST_CASE("run returns 70 when its game throws", "[run]") { CHECK(coerce::run(explode) == 70); }

TEST_CASE("run returns 70 when an actor has not stopped by the deadline", "[run]") {
  HastyClock clock;
  Gate entered;
  Gate release;
  std::optional<ActorSystem> kept;
  const OpenAtEnd opener(release);
  const auto code = coerce::run(
      ActorSystem::builder().worker_threads(2).clock(clock),
      [&](ActorSystem& system) { return leave_a_stuck_actor(system, kept, entered, release); });
  clock.stop();  // the actor has time to end after all, once it is released
  CHECK(code == 70);
}
