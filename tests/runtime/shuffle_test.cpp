#include <coerce/runtime/scheduler.hpp>

#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace coerce::test::shuffle_cases {
namespace {

using namespace std::chrono_literals;

using Log = std::string;

struct World {
  explicit World(std::uint64_t seed)
      : scheduler({.workers = 0, .seed = seed, .clock = &clock, .shuffled = true}) {}

  void advance(Duration step) {
    clock.advance(step);
    (void)scheduler.poll();
  }

  ManualClock clock;
  Scheduler scheduler;
};

/// A clock that its waiting scheduler moves on.
class SkippingClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return time_.now(); }
  WallTime wall_now() const noexcept override { return time_.wall_now(); }
  bool advances() const noexcept override { return false; }
  bool skip(Duration step) noexcept override {
    time_.advance(step);
    return true;
  }

 private:
  ManualClock time_;
};

/// The different outcomes of a scenario under many seeds.
template <class F>
std::set<Log> outcomes(F&& scenario, std::uint64_t seeds = 50) {
  std::set<Log> different;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) different.insert(scenario(seed));
  return different;
}

Task<void> note(Log& log, char name, int times = 1) {
  for (int i = 0; i < times; ++i) {
    log += name;
    co_await yield();
  }
}

Task<void> note_after(Log& log, char name, Duration delay) {
  (void)co_await sleep_for(delay);
  log += name;
}

Task<void> note_blocking(Log& log, char name) {
  const auto work = [&log, name] { log += name; };
  co_await blocking(work);
}

Log mixed(std::uint64_t seed) {
  Log log;
  World world(seed);
  for (const char name : {'a', 'b', 'c', 'd'}) world.scheduler.spawn(note(log, name, 10));
  for (const char name : {'s', 't', 'u'}) world.scheduler.spawn(note_after(log, name, 5ms));
  for (const char name : {'x', 'y', 'z'}) world.scheduler.spawn(note_blocking(log, name));
  (void)world.scheduler.poll();
  world.advance(5ms);
  return log;
}

TEST_CASE("the same seed gives the same order", "[shuffle]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) CHECK(mixed(seed) == mixed(seed));
}

TEST_CASE("different seeds give different orders", "[shuffle]") {
  CHECK(outcomes(mixed, 20).size() == 20);
}

TEST_CASE("tasks that are ready run in every order", "[shuffle]") {
  const auto scenario = [](std::uint64_t seed) {
    Log log;
    World world(seed);
    for (const char name : {'a', 'b', 'c'}) world.scheduler.spawn(note(log, name));
    (void)world.scheduler.poll();
    return log;
  };
  CHECK(outcomes(scenario, 200) == std::set<Log>{"abc", "acb", "bac", "bca", "cab", "cba"});
}

TEST_CASE("of two tasks that go on, either may be left behind for long", "[shuffle]") {
  const auto scenario = [](std::uint64_t seed) {
    Log log;
    World world(seed);
    for (const char name : {'a', 'b'}) world.scheduler.spawn(note(log, name, 20));
    (void)world.scheduler.poll();
    return log;
  };
  const auto seen = outcomes(scenario, 500);
  CHECK(seen.contains(Log(20, 'a') + Log(20, 'b')));
  CHECK(seen.contains(Log(20, 'b') + Log(20, 'a')));
}

TEST_CASE("timers due at one tick fire in any order", "[shuffle]") {
  const auto scenario = [](std::uint64_t seed) {
    Log log;
    World world(seed);
    for (const char name : {'a', 'b'}) world.scheduler.spawn(note_after(log, name, 5ms));
    (void)world.scheduler.poll();
    world.advance(5ms);
    return log;
  };
  CHECK(outcomes(scenario) == std::set<Log>{"ab", "ba"});
}

TEST_CASE("timers of different ticks fire in order of time", "[shuffle]") {
  const auto scenario = [](std::uint64_t seed) {
    Log log;
    World world(seed);
    world.scheduler.spawn(note_after(log, 'b', 6ms));
    world.scheduler.spawn(note_after(log, 'a', 5ms));
    (void)world.scheduler.poll();
    world.advance(5ms);
    world.advance(1ms);
    return log;
  };
  CHECK(outcomes(scenario) == std::set<Log>{"ab"});
}

TEST_CASE("either of two sleeps that end together may win a when_any", "[shuffle]") {
  const auto race = [](Log& log) -> Task<void> {
    const auto first = co_await when_any(sleep_for(5ms), sleep_for(5ms));
    log += first.index() == 0 ? 'a' : 'b';
  };
  const auto scenario = [&race](std::uint64_t seed) {
    Log log;
    World world(seed);
    world.scheduler.spawn(race(log));
    (void)world.scheduler.poll();
    world.advance(5ms);
    return log;
  };
  CHECK(outcomes(scenario) == std::set<Log>{"a", "b"});
}

TEST_CASE("blocking work is done before or after what else is ready, in any order", "[shuffle]") {
  const auto scenario = [](std::uint64_t seed) {
    Log log;
    World world(seed);
    world.scheduler.spawn(note_blocking(log, 'x'));
    world.scheduler.spawn(note_blocking(log, 'y'));
    world.scheduler.spawn(note(log, 'a'));
    (void)world.scheduler.poll();
    return log;
  };
  CHECK(outcomes(scenario, 200) == std::set<Log>{"axy", "ayx", "xay", "yax", "xya", "yxa"});
}

TEST_CASE("poll() leaves nothing undone in a shuffled scheduler", "[shuffle]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    Log log;
    for (int i = 0; i < 2'000; ++i) world.scheduler.spawn(note(log, 'a', 2));
    (void)world.scheduler.poll();
    CHECK(log.size() == 4'000);
  }
}

TEST_CASE("a shuffled scheduler with workers is refused", "[shuffle]") {
  CHECK_THROWS_AS(Scheduler({.workers = 1, .shuffled = true}), std::invalid_argument);
  CHECK(Scheduler({.shuffled = true}).workers() == 0);
}

TEST_CASE("a clock that can be skipped passes while block_on waits", "[shuffle][clock]") {
  SkippingClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  const TimePoint start = clock.now();
  CHECK(scheduler.block_on(sleep_for(24h)));
  CHECK(clock.now() == start + 24h);
}

TEST_CASE("run_for() skips to its end and no further", "[shuffle][clock]") {
  SkippingClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  const TimePoint start = clock.now();
  Log log;
  scheduler.spawn(note_after(log, 'a', 5ms));
  scheduler.spawn(note_after(log, 'b', 20ms));
  (void)scheduler.run_for(10ms);
  CHECK(log == "a");
  CHECK(clock.now() == start + 10ms);
  (void)scheduler.run_for(10ms);
  CHECK(log == "ab");
}

TEST_CASE("a skipped clock makes nothing come that cannot", "[shuffle][clock]") {
  SkippingClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  scheduler.run();
  CHECK(clock.now() == TimePoint());
}

}  // namespace
}  // namespace coerce::test::shuffle_cases
