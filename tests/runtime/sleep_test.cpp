#include <coerce/runtime/sleep.hpp>

#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/when.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coerce::test::sleep_cases {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

Task<void> sleep_into(Duration duration, std::optional<bool>& slept) {
  slept = co_await sleep_for(duration);
}

Task<void> note_after(Duration delay, std::string line, Log& log) {
  (void)co_await sleep_for(delay);
  log.push_back(line);
}

/// One sleep and the moment at which it ended.
struct Wake {
  TimePoint due;
  std::optional<TimePoint> woke;
};

Task<void> record(Duration duration, const Clock& clock, Wake& wake) {
  wake.due = clock.now() + duration;
  (void)co_await sleep_for(duration);
  wake.woke = clock.now();
}

TEST_CASE("a sleep ends at its deadline and not a nanosecond earlier", "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  std::optional<bool> slept;
  scheduler.spawn(sleep_into(5ms, slept));
  (void)scheduler.poll();
  clock.advance(5ms - 1ns);
  (void)scheduler.poll();
  CHECK_FALSE(slept);
  clock.advance(1ns);
  (void)scheduler.poll();
  CHECK(slept == true);
}

TEST_CASE("no sleep is ever early, or late by more than its resolution", "[sleep]") {
  const std::uint64_t seed = Rng::random_seed();
  CAPTURE(seed);
  Rng rng(seed);
  ManualClock clock;
  clock.advance(Duration(rng.below(5'000'000)));
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  constexpr Duration step = 100us;
  std::vector<Wake> wakes(500);
  for (Wake& wake : wakes) {
    scheduler.spawn(record(Duration(rng.below(200'000'000)), clock, wake));
    clock.advance(Duration(rng.below(100'000)));
    (void)scheduler.poll();
  }
  for (int i = 0; i < 2100; ++i) {
    clock.advance(step);
    (void)scheduler.poll();
  }
  std::size_t early = 0;
  std::size_t late = 0;
  for (const Wake& wake : wakes) {
    REQUIRE(wake.woke);
    if (*wake.woke < wake.due) ++early;
    if (*wake.woke > wake.due + 1ms + step) ++late;
  }
  CHECK(early == 0);
  CHECK(late == 0);
}

TEST_CASE("sleeps end in the order of their deadlines", "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  Log log;
  scheduler.spawn(note_after(300ms, "c", log));
  scheduler.spawn(note_after(2ms, "a", log));
  scheduler.spawn(note_after(70ms, "b", log));
  scheduler.spawn(note_after(2h, "d", log));
  (void)scheduler.poll();
  clock.advance(1ms);
  (void)scheduler.poll();
  CHECK(log.empty());
  for (const Duration step : {Duration(1ms), Duration(68ms), Duration(230ms), Duration(2h)}) {
    clock.advance(step);
    (void)scheduler.poll();
  }
  CHECK(log == Log{"a", "b", "c", "d"});
}

TEST_CASE("a sleep of no length or less ends by itself within a tick", "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  std::optional<bool> none;
  std::optional<bool> negative;
  scheduler.spawn(sleep_into(0ms, none));
  scheduler.spawn(sleep_into(-1h, negative));
  (void)scheduler.poll();
  clock.advance(1ms);
  (void)scheduler.poll();
  CHECK(none == true);
  CHECK(negative == true);
}

TEST_CASE("a sleep of the longest duration does not end by itself", "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  std::optional<bool> slept;
  scheduler.spawn(sleep_into(Duration::max(), slept));
  (void)scheduler.poll();
  clock.advance(1h);
  (void)scheduler.poll();
  CHECK_FALSE(slept);
  scheduler.cancel_spawned();
  (void)scheduler.poll();
  CHECK(slept == false);
}

TEST_CASE("a cancelled sleep ends at once, gives false and takes its timer away", "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  std::optional<bool> slept;
  scheduler.spawn(sleep_into(1h, slept));
  (void)scheduler.poll();
  CHECK(scheduler.timer_count() == 1);
  scheduler.cancel_spawned();
  (void)scheduler.poll();
  CHECK(slept == false);
  CHECK(scheduler.timer_count() == 0);
}

TEST_CASE("a sleep that begins after its task was cancelled gives false without waiting",
          "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  const auto twice = [](std::optional<bool>& second) -> Task<void> {
    (void)co_await sleep_for(1h);
    second = co_await sleep_for(1h);
  };
  std::optional<bool> second;
  scheduler.spawn(twice(second));
  (void)scheduler.poll();
  scheduler.cancel_spawned();
  (void)scheduler.poll();
  CHECK(second == false);
}

TEST_CASE("a sleep that has ended is true even if it is cancelled before its task runs",
          "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  // Both sleeps fire in one look at the clock; the first to run cancels the other, which has fired
  // too.
  const auto race = [](std::size_t& winner) -> Task<void> {
    const auto won = co_await when_any(sleep_for(1ms), sleep_for(1ms));
    winner = won.index();
  };
  std::size_t winner = 99;
  scheduler.spawn(race(winner));
  (void)scheduler.poll();
  clock.advance(1ms);
  (void)scheduler.poll();
  CHECK(winner < 2);
  CHECK(scheduler.timer_count() == 0);
  CHECK(scheduler.spawned_count() == 0);
}

Task<void> first_then_second(std::string name, Log& log) {
  log.push_back(name + "1");
  co_await yield();
  log.push_back(name + "2");
}

TEST_CASE("a task that yields lets what is queued on its worker run first", "[sleep]") {
  const Scheduler scheduler{{.workers = 0}};
  const auto both = [](const Scheduler& where, Log& log) -> Task<void> {
    where.spawn(first_then_second("a", log));
    where.spawn(first_then_second("b", log));
    co_return;
  };
  Log log;
  scheduler.spawn(both(scheduler, log));
  (void)scheduler.poll();
  REQUIRE(log.size() == 4);
  std::sort(log.begin(), log.begin() + 2);
  std::sort(log.begin() + 2, log.end());
  CHECK(log == Log{"a1", "b1", "a2", "b2"});
}

TEST_CASE("a task that yields again and again starves neither tasks nor timers", "[sleep]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  const auto spin = [](ManualClock& time, const bool& set, const std::optional<bool>& slept,
                       int& rounds) -> Task<void> {
    while ((!set || !slept) && ++rounds < 100'000) {
      time.advance(10us);
      co_await yield();
    }
  };
  const auto flag = [](bool& set) -> Task<void> {
    set = true;
    co_return;
  };
  bool set = false;
  std::optional<bool> slept;
  int rounds = 0;
  scheduler.spawn(spin(clock, set, slept, rounds));
  scheduler.spawn(flag(set));
  scheduler.spawn(sleep_into(10ms, slept));
  (void)scheduler.poll();
  CHECK(set);
  CHECK(slept == true);
  CHECK(rounds < 100'000);
}

}  // namespace
}  // namespace coerce::test::sleep_cases
