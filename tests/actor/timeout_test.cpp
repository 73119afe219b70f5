#include <coerce/actor/timeout.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::Result;
using coerce::sleep_for;
using coerce::Task;
using coerce::with_timeout;

namespace {

using Lines = std::vector<std::string>;

struct Ask {
  using Result = int;
};

/// Takes a second over each answer, and counts them.
class Slow : public coerce::Actor {
 public:
  Task<int> handle(Ask, ActorContext&) {
    (void)co_await sleep_for(1s);
    co_return ++answered_;
  }

 private:
  int answered_ = 0;
};

Task<int> answer_after(coerce::Duration time) {
  (void)co_await sleep_for(time);
  co_return 42;
}

Task<Result<int>> refuse() { co_return coerce::unexpected(ActorRefErr::NotFound("leon")); }

Task<int> fail() {
  (void)co_await coerce::yield();
  throw std::runtime_error("out of order");
}

/// Sleeps until it is asked to stop, and then takes another step.
Task<void> clean_up_when_cancelled(Log& log) {
  const bool slept = co_await sleep_for(1h);
  log.add(slept ? "slept" : "was asked to stop");
  (void)co_await coerce::yield();
  log.add("cleaned up");
}

Task<void> log_outcome(Log& log, Task<Result<void>> limited) {
  const auto result = co_await std::move(limited);
  log.add(result ? "done" : std::string(to_string(result.error().kind())));
}

template <class T>
Task<void> keep(Task<Result<T>> limited, std::optional<Result<T>>& result) {
  auto ended = co_await std::move(limited);
  result.emplace(std::move(ended));
}

/// A caller-driven system on a clock of its own.
struct Stage {
  template <class T>
  void begin(Task<Result<T>> limited, std::optional<Result<T>>& result) {
    system.spawn(keep(std::move(limited), result));
    system.poll();
  }
  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }

  coerce::ManualClock clock;
  Log log;
  ActorSystem system = ActorSystem::builder().worker_threads(0).clock(clock).build();
};

}  // namespace

TEST_CASE("a task that ends within its limit gives its value and leaves no timer", "[timeout]") {
  std::optional<Result<int>> result;
  Stage stage;
  stage.begin(with_timeout(answer_after(1s), 5s), result);
  stage.pass(1s);
  REQUIRE(result.has_value());
  CHECK(value_of(*result) == 42);
  CHECK(stage.system.scheduler().timer_count() == 0);
}

TEST_CASE("a task that takes longer than its limit gives Timeout, then and not before",
          "[timeout]") {
  std::optional<Result<int>> result;
  Stage stage;
  stage.begin(with_timeout(answer_after(10s), 5s), result);
  stage.pass(5s - 1ms);
  CHECK_FALSE(result.has_value());
  stage.pass(1ms);
  REQUIRE(result.has_value());
  const auto error = error_of(*result);
  CHECK(error.kind() == ActorRefErr::Kind::Timeout);
  CHECK(error.outcome() == ActorRefErr::Outcome::Unknown);
  CHECK(error.time_taken() == 5s);
  CHECK(stage.system.scheduler().timer_count() == 0);
}

TEST_CASE("a task at its limit is asked to stop, and has ended before the Timeout is given",
          "[timeout]") {
  Stage stage;
  stage.system.spawn(log_outcome(stage.log, with_timeout(clean_up_when_cancelled(stage.log), 1s)));
  stage.system.poll();
  stage.pass(1s);
  CHECK(stage.log.lines() == Lines{"was asked to stop", "cleaned up", "Timeout"});
}

TEST_CASE("a send with a limit around it ends by that, and its receiver goes on", "[timeout]") {
  std::optional<Result<int>> in_vain;
  std::optional<Result<int>> in_time;
  Stage stage;
  auto slow = start<Slow>(stage.system);
  stage.begin(with_timeout(slow.send(Ask{}), 100ms), in_vain);
  stage.pass(100ms);
  REQUIRE(in_vain.has_value());
  CHECK(error_of(*in_vain).kind() == ActorRefErr::Kind::Timeout);
  CHECK(error_of(*in_vain).outcome() == ActorRefErr::Outcome::Unknown);

  stage.pass(900ms);  // the answer that nobody waits for
  stage.begin(with_timeout(slow.send(Ask{}), 2s), in_time);
  stage.pass(1s);
  REQUIRE(in_time.has_value());
  CHECK(value_of(*in_time) == 2);
}

TEST_CASE("a limited task that gives a Result gives it flat", "[timeout]") {
  std::optional<Result<int>> result;
  Stage stage;
  stage.begin(with_timeout(refuse(), 1s), result);
  REQUIRE(result.has_value());
  CHECK(error_of(*result).kind() == ActorRefErr::Kind::NotFound);
}

TEST_CASE("what a limited task throws leaves with_timeout", "[timeout]") {
  Stage stage;
  CHECK_THROWS_WITH(stage.system.block_on(with_timeout(fail(), 1s)), "out of order");
}

TEST_CASE("the outer limit cuts the inner one short with Cancelled", "[timeout]") {
  Stage stage;
  auto inner = log_outcome(stage.log, with_timeout(clean_up_when_cancelled(stage.log), 1h));
  stage.system.spawn(log_outcome(stage.log, with_timeout(std::move(inner), 1s)));
  stage.system.poll();
  stage.pass(1s);
  CHECK(stage.log.lines() == Lines{"was asked to stop", "cleaned up", "Cancelled", "Timeout"});
}
