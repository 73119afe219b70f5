#include <coerce/runtime/when.hpp>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/sleep.hpp>

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace coerce::test::when_cases {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

/// A scheduler in virtual time: nothing happens but in advance().
struct World {
  ManualClock clock;
  Scheduler scheduler{{.workers = 0, .clock = &clock}};

  template <class T>
  void start(Task<T> task, std::optional<T>& result) const {
    scheduler.spawn(keep(std::move(task), result));
    (void)scheduler.poll();
  }
  void advance(Duration step) {
    clock.advance(step);
    (void)scheduler.poll();
  }

 private:
  template <class T>
  static Task<void> keep(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
};

Task<int> after(Duration delay, int value) {
  (void)co_await sleep_for(delay);
  co_return value;
}

Task<void> note_after(Duration delay, std::string line, Log& log) {
  const bool slept = co_await sleep_for(delay);
  log.push_back(slept ? line : line + " cancelled");
}

Task<int> fail_after(Duration delay, std::string what) {
  (void)co_await sleep_for(delay);
  throw std::runtime_error(what);
}

Task<int> at_once(int value) { co_return value; }

/// What the task threw, or "" for nothing.
template <class T>
Task<std::string> error_of(Task<T> task) {
  try {
    (void)co_await std::move(task);
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

// ── when_all ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("when_all gives every result in its place, whatever order they came in", "[when]") {
  World world;
  std::optional<std::tuple<int, int, bool>> result;
  world.start(when_all(after(3ms, 3), after(1ms, 1), sleep_for(2ms)), result);
  world.advance(2ms);
  CHECK_FALSE(result);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(*result == std::tuple(3, 1, true));
}

TEST_CASE("when_all runs its tasks at the same time", "[when]") {
  World world;
  Log log;
  std::optional<std::tuple<std::monostate, std::monostate>> result;
  world.start(when_all(note_after(5ms, "five", log), note_after(4ms, "four", log)), result);
  world.advance(5ms);
  CHECK(result);
  CHECK(log == Log{"four", "five"});
}

TEST_CASE("when_all of nothing completes at once", "[when]") {
  World world;
  std::optional<std::tuple<>> result;
  world.start(when_all(), result);
  CHECK(result);
}

TEST_CASE("when_all of tasks that complete at once completes at once", "[when]") {
  World world;
  std::optional<std::tuple<int, int>> result;
  world.start(when_all(at_once(1), at_once(2)), result);
  REQUIRE(result);
  CHECK(*result == std::tuple(1, 2));
}

TEST_CASE("when_all hands on results that can only be moved", "[when]") {
  World world;
  const auto make = [](int value) -> Task<std::unique_ptr<int>> {
    co_await yield();
    co_return std::make_unique<int>(value);
  };
  std::optional<std::tuple<std::unique_ptr<int>, std::unique_ptr<int>>> result;
  world.start(when_all(make(1), make(2)), result);
  REQUIRE(result);
  CHECK(*std::get<0>(*result) == 1);
  CHECK(*std::get<1>(*result) == 2);
}

TEST_CASE("when_all of a vector gives the results in the order of the tasks", "[when]") {
  World world;
  std::vector<Task<int>> tasks;
  std::vector<int> expected;
  for (int i = 0; i < 1000; ++i) {
    tasks.push_back(after(std::chrono::milliseconds(1000 - i), i));
    expected.push_back(i);
  }
  std::optional<std::vector<int>> result;
  world.start(when_all(std::move(tasks)), result);
  world.advance(999ms);
  CHECK_FALSE(result);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(*result == expected);
}

TEST_CASE("when_all of a vector of void tasks waits for every one", "[when]") {
  World world;
  Log log;
  std::vector<Task<void>> tasks;
  tasks.push_back(note_after(2ms, "second", log));
  tasks.push_back(note_after(1ms, "first", log));
  std::optional<std::vector<std::monostate>> result;
  world.start(when_all(std::move(tasks)), result);
  world.advance(2ms);
  REQUIRE(result);
  CHECK(result->size() == 2);
  CHECK(log == Log{"first", "second"});
}

TEST_CASE("when_all of an empty vector completes at once with no results", "[when]") {
  World world;
  std::optional<std::vector<int>> result;
  world.start(when_all(std::vector<Task<int>>()), result);
  REQUIRE(result);
  CHECK(result->empty());
}

TEST_CASE("when_all throws only when every task has ended", "[when]") {
  World world;
  Log log;
  std::optional<std::string> error;
  world.start(error_of(when_all(fail_after(1ms, "early"), note_after(5ms, "ended", log))), error);
  world.advance(1ms);
  CHECK_FALSE(error);
  world.advance(4ms);
  REQUIRE(error);
  CHECK(*error == "early");
  CHECK(log == Log{"ended"});
}

TEST_CASE("when_all throws the first exception in the order of its arguments", "[when]") {
  World world;
  std::optional<std::string> error;
  world.start(
      error_of(when_all(after(1ms, 1), fail_after(3ms, "second"), fail_after(2ms, "third"))),
      error);
  world.advance(3ms);
  CHECK(error == "second");
}

TEST_CASE("when_all of a vector throws the first exception in the order of the tasks", "[when]") {
  World world;
  std::vector<Task<int>> tasks;
  tasks.push_back(after(4ms, 1));
  tasks.push_back(fail_after(2ms, "second"));
  tasks.push_back(fail_after(1ms, "third"));
  std::optional<std::string> error;
  world.start(error_of(when_all(std::move(tasks))), error);
  world.advance(3ms);
  CHECK_FALSE(error);
  world.advance(1ms);
  CHECK(error == "second");
}

// ── when_any ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("when_any gives the value and the index of the first that ends", "[when]") {
  World world;
  std::optional<std::variant<int, int, bool>> result;
  world.start(when_any(after(3ms, 3), after(1ms, 1), sleep_for(2ms)), result);
  CHECK_FALSE(result);
  world.advance(1ms);
  REQUIRE(result);
  REQUIRE(result->index() == 1);
  CHECK(std::get<1>(*result) == 1);
}

TEST_CASE("when_any gives std::monostate for a winner without a value", "[when]") {
  World world;
  Log log;
  std::optional<std::variant<std::monostate, int>> result;
  world.start(when_any(note_after(1ms, "won", log), after(2ms, 2)), result);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(result->index() == 0);
}

TEST_CASE("when_any hands on a winner that can only be moved", "[when]") {
  World world;
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
  std::optional<std::variant<std::unique_ptr<int>>> result;
  world.start(when_any(make()), result);
  REQUIRE(result);
  CHECK(*std::get<0>(*result) == 6);
}

TEST_CASE("the losers of when_any are cancelled and leave no timer behind", "[when]") {
  World world;
  Log log;
  std::optional<std::variant<std::monostate, std::monostate, std::monostate>> result;
  world.start(when_any(note_after(1h, "hour", log), note_after(1ms, "winner", log),
                       note_after(2h, "hours", log)),
              result);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(result->index() == 1);
  CHECK(log.size() == 3);
  CHECK(log.front() == "winner");
  CHECK(world.scheduler.timer_count() == 0);
}

Task<void> leave_slowly(Log& log) {
  (void)co_await sleep_for(1h);
  for (int i = 0; i < 3; ++i) co_await yield();
  log.emplace_back("loser has left");
}

TEST_CASE("when_any awaits its losers before it gives the winner", "[when]") {
  World world;
  Log log;
  const auto race = [](Log& lines) -> Task<bool> {
    (void)co_await when_any(sleep_for(1ms), leave_slowly(lines));
    lines.emplace_back("winner is known");
    co_return true;
  };
  std::optional<bool> result;
  world.start(race(log), result);
  world.advance(1ms);
  CHECK(log == Log{"loser has left", "winner is known"});
}

TEST_CASE("when the first task of when_any completes at once the others find themselves cancelled",
          "[when]") {
  World world;
  Log log;
  std::optional<std::variant<int, std::monostate>> result;
  world.start(when_any(at_once(1), note_after(1h, "other", log)), result);
  REQUIRE(result);
  CHECK(result->index() == 0);
  CHECK(log == Log{"other cancelled"});
}

TEST_CASE("when_any throws what its winner threw", "[when]") {
  World world;
  std::optional<std::string> error;
  world.start(error_of(when_any(after(2ms, 2), fail_after(1ms, "winner failed"))), error);
  world.advance(1ms);
  CHECK(error == "winner failed");
}

TEST_CASE("what a loser of when_any throws is dropped", "[when]") {
  World world;
  std::optional<std::variant<int, int>> result;
  world.start(when_any(after(1ms, 1), fail_after(1h, "cancelled")), result);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(result->index() == 0);
}

TEST_CASE("when_any takes the same winner when two end in the same turn", "[when]") {
  World world;
  std::optional<std::variant<int, int>> result;
  world.start(when_any(at_once(1), at_once(2)), result);
  REQUIRE(result);
  CHECK(result->index() == 0);
}

// ── nested ──────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("races inside when_all are decided each for itself", "[when]") {
  World world;
  using Race = std::variant<int, int>;
  std::optional<std::tuple<Race, Race, int>> result;
  world.start(when_all(when_any(after(1ms, 1), after(1h, 2)), when_any(after(1h, 3), after(3ms, 4)),
                       after(2ms, 5)),
              result);
  world.advance(2ms);
  CHECK_FALSE(result);
  CHECK(world.scheduler.timer_count() == 2);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(std::get<0>(*result).index() == 0);
  CHECK(std::get<1>(*result).index() == 1);
  CHECK(std::get<2>(*result) == 5);
  CHECK(world.scheduler.timer_count() == 0);
}

TEST_CASE("a lost race takes everything nested in it along", "[when]") {
  World world;
  Log log;
  auto inner = when_any(note_after(1h, "a", log), note_after(1h, "b", log));
  auto both = when_all(std::move(inner), note_after(1h, "c", log));
  std::optional<
      std::variant<bool, std::tuple<std::variant<std::monostate, std::monostate>, std::monostate>>>
      result;
  world.start(when_any(sleep_for(1ms), std::move(both)), result);
  world.advance(1ms);
  REQUIRE(result);
  CHECK(result->index() == 0);
  CHECK(log.size() == 3);
  CHECK(world.scheduler.timer_count() == 0);
}

TEST_CASE("a task that is asked to stop passes that on into its races", "[when]") {
  World world;
  Log log;
  std::optional<std::variant<std::monostate, std::monostate>> result;
  world.start(when_any(note_after(1h, "a", log), note_after(1h, "b", log)), result);
  world.scheduler.cancel_spawned();
  (void)world.scheduler.poll();
  CHECK(result);
  CHECK(world.scheduler.timer_count() == 0);
  CHECK(world.scheduler.spawned_count() == 0);
}

TEST_CASE("a task that is not cancelled goes on sleeping after a race that it has won", "[when]") {
  World world;
  const auto race_then_sleep = []() -> Task<bool> {
    (void)co_await when_any(sleep_for(1ms), sleep_for(1h));
    co_return co_await sleep_for(5ms);
  };
  std::optional<bool> slept;
  world.start(race_then_sleep(), slept);
  world.advance(1ms);
  CHECK_FALSE(slept);
  world.advance(5ms);
  CHECK(slept == true);
}

}  // namespace
}  // namespace coerce::test::when_cases
