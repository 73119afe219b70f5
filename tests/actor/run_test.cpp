#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
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
