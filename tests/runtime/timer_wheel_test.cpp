#include <coerce/runtime/detail/timer_wheel.hpp>

#include <coerce/runtime/rng.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace coerce::test::timer_wheel_cases {
namespace {

using detail::TimerNode;
using detail::TimerWheel;

constexpr std::size_t no_limit = SIZE_MAX;

/// A timer that notes that it fired.
struct Timer : TimerNode {
  explicit Timer(std::vector<Timer*>& log) noexcept : TimerNode(&note), fired(&log) {}
  static void note(TimerNode& node) noexcept {
    auto& self = static_cast<Timer&>(node);
    self.fired->push_back(&self);
  }
  std::vector<Timer*>* fired;
};

struct Timers {
  Timer& make() { return *all.emplace_back(std::make_unique<Timer>(fired)); }
  std::vector<Timer*> fired;
  std::vector<std::unique_ptr<Timer>> all;
};

TEST_CASE("a timer fires when the wheel is advanced to its tick", "[timer_wheel]") {
  Timers timers;
  for (const std::uint64_t tick : {1ULL, 2ULL, 63ULL, 64ULL, 65ULL, 4095ULL, 4096ULL, 4097ULL,
                                   (1ULL << 18) + 1, (1ULL << 24), (1ULL << 30) + 77}) {
    CAPTURE(tick);
    TimerWheel fresh;
    Timer& timer = timers.make();
    fresh.insert(timer, tick);
    CHECK(fresh.size() == 1);
    CHECK(fresh.advance(tick - 1, no_limit) == 0);
    CHECK(timer.linked());
    CHECK(fresh.advance(tick, no_limit) == 1);
    CHECK_FALSE(timer.linked());
    CHECK(fresh.size() == 0);
  }
}

TEST_CASE("a timer whose tick has passed fires at the next tick", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  (void)wheel.advance(1000, no_limit);
  wheel.insert(timers.make(), 10);
  CHECK(wheel.advance(1000, no_limit) == 0);
  CHECK(wheel.advance(1001, no_limit) == 1);
}

TEST_CASE("timers of one tick fire in the order in which they were armed", "[timer_wheel]") {
  for (const std::uint64_t tick : {40ULL, 1000ULL, 64ULL * 64, 300'000ULL, 20'000'001ULL}) {
    CAPTURE(tick);
    Timers timers;
    TimerWheel wheel;
    std::vector<Timer*> armed;
    for (const std::uint64_t before : {tick, tick / 2, tick / 3, std::uint64_t{70}}) {
      if (before > tick) continue;
      (void)wheel.advance(tick - before, no_limit);
      for (int i = 0; i < 3; ++i) {
        armed.push_back(&timers.make());
        wheel.insert(*armed.back(), tick);
      }
    }
    (void)wheel.advance(tick, no_limit);
    CHECK(timers.fired == armed);
  }
}

TEST_CASE("timers fire in the order of their ticks within one advance", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  std::vector<std::uint64_t> ticks = {5000, 3, 70, 69, 1 << 20, 4, 64, 128, 127};
  for (const std::uint64_t tick : ticks) wheel.insert(timers.make(), tick);
  CHECK(wheel.advance(1 << 21, no_limit) == ticks.size());
  std::vector<std::uint64_t> order;
  for (const Timer* timer : timers.fired) order.push_back(timer->tick);
  std::sort(ticks.begin(), ticks.end());
  CHECK(order == ticks);
}

TEST_CASE("a removed timer does not fire and is removed once", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  Timer& timer = timers.make();
  CHECK_FALSE(wheel.remove(timer));
  wheel.insert(timer, 100);
  CHECK(wheel.remove(timer));
  CHECK_FALSE(wheel.remove(timer));
  CHECK(wheel.size() == 0);
  CHECK(wheel.advance(1000, no_limit) == 0);
}

TEST_CASE("a timer that has fired is no longer there to be removed, and can be armed again",
          "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  Timer& timer = timers.make();
  wheel.insert(timer, 5);
  CHECK(wheel.advance(5, no_limit) == 1);
  CHECK_FALSE(wheel.remove(timer));
  wheel.insert(timer, 7);
  CHECK(wheel.advance(7, no_limit) == 1);
}

TEST_CASE("a timer may be destroyed by its firing", "[timer_wheel]") {
  struct Mortal : TimerNode {
    explicit Mortal(int& count) noexcept
        : TimerNode([](TimerNode& node) noexcept {
            ++*static_cast<Mortal&>(node).deaths;
            delete &static_cast<Mortal&>(node);
          }),
          deaths(&count) {}
    int* deaths;
  };
  int deaths = 0;
  TimerWheel wheel;
  for (std::uint64_t tick = 1; tick <= 200; ++tick)
    for (int i = 0; i < 3; ++i) wheel.insert(*new Mortal(deaths), tick);
  CHECK(wheel.advance(200, no_limit) == 600);
  CHECK(deaths == 600);
}

TEST_CASE("a deadline beyond the horizon is kept to the tick", "[timer_wheel]") {
  for (const std::uint64_t start : {0ULL, 12'345'678'901ULL}) {
    for (const std::uint64_t distance :
         {TimerWheel::kHorizon - 1, TimerWheel::kHorizon, TimerWheel::kHorizon + 1,
          TimerWheel::kHorizon * 3 + 4711, TimerWheel::kHorizon - (TimerWheel::kHorizon >> 6),
          TimerWheel::kHorizon - (TimerWheel::kHorizon >> 6) + 1}) {
      CAPTURE(start, distance);
      Timers timers;
      TimerWheel wheel;
      (void)wheel.advance(start, no_limit);
      wheel.insert(timers.make(), start + distance);
      CHECK(wheel.advance(start + distance - 1, no_limit) == 0);
      CHECK(wheel.advance(start + distance, no_limit) == 1);
    }
  }
}

TEST_CASE("the farthest deadline that can be written stays armed", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  wheel.insert(timers.make(), UINT64_MAX);
  CHECK(wheel.advance(TimerWheel::kHorizon * 10, no_limit) == 0);
  CHECK(wheel.size() == 1);
}

TEST_CASE("an advance fires no more than its limit, and the next one goes on from there",
          "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  for (int i = 0; i < 10; ++i) wheel.insert(timers.make(), 50);
  for (int i = 0; i < 5; ++i) wheel.insert(timers.make(), 60);
  CHECK(wheel.advance(100, 4) == 4);
  CHECK(wheel.size() == 11);
  CHECK(wheel.next_tick().value_or(UINT64_MAX) <= 50);
  CHECK(wheel.advance(100, 4) == 4);
  CHECK(wheel.advance(100, 4) == 4);
  CHECK(wheel.advance(100, 4) == 3);
  CHECK(wheel.size() == 0);
  std::vector<std::uint64_t> order;
  for (const Timer* timer : timers.fired) order.push_back(timer->tick);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a timer that a limit held back can still be removed", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  std::vector<Timer*> made;
  for (int i = 0; i < 4; ++i) {
    made.push_back(&timers.make());
    wheel.insert(*made.back(), 50);
  }
  CHECK(wheel.advance(50, 2) == 2);
  std::size_t removed = 0;
  for (Timer* timer : made) removed += wheel.remove(*timer) ? 1U : 0U;
  CHECK(removed == 2);
  CHECK(wheel.advance(50, no_limit) == 0);
  CHECK(timers.fired.size() == 2);
}

TEST_CASE("an empty wheel has no next tick", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  CHECK_FALSE(wheel.next_tick());
  wheel.insert(timers.make(), 10);
  CHECK(wheel.next_tick() == 10U);
  (void)wheel.advance(10, no_limit);
  CHECK_FALSE(wheel.next_tick());
}

TEST_CASE("a wheel whose last timer was removed has no next tick", "[timer_wheel]") {
  Timers timers;
  TimerWheel wheel;
  Timer& timer = timers.make();
  wheel.insert(timer, 5000);
  (void)wheel.remove(timer);
  CHECK(wheel.size() == 0);
  CHECK_FALSE(wheel.next_tick());
}

// ── Against a model ─────────────────────────────────────────────────────────────────────────────

/// A wheel beside a sorted map. Every disagreement is a failure that names the seed.
class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : rng_(seed) {}

  void run(int operations) {
    for (int i = 0; i < operations && problem_.empty(); ++i) {
      const std::uint64_t choice = rng_.below(10);
      if (choice < 5)
        insert();
      else if (choice < 7)
        remove();
      else if (choice < 9)
        advance(no_limit);
      else
        advance(1 + rng_.below(4));
      check_next_tick();
      if (wheel_.size() != model_.size()) problem_ = "size differs";
    }
  }
  const std::string& problem() const { return problem_; }

 private:
  /// Spread over all magnitudes: as many short distances as long ones.
  std::uint64_t distance(unsigned largest_bits) {
    return rng_.below(std::uint64_t{1} << rng_.below(largest_bits + 1));
  }

  void insert() {
    Timer& timer = idle_.empty() ? timers_.make() : *idle_.back();
    if (!idle_.empty()) idle_.pop_back();
    const bool past = rng_.below(8) == 0;
    const std::uint64_t back = std::min(now_, distance(10));
    const std::uint64_t tick = past ? now_ - back : now_ + distance(38);
    wheel_.insert(timer, tick);
    if (timer.tick < tick || timer.tick > std::max(tick, now_ + 1))
      problem_ = "armed for another tick";
    model_.emplace(timer.tick, &timer);
  }

  void remove() {
    if (model_.empty()) return;
    auto it = model_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(rng_.below(model_.size())));
    if (!wheel_.remove(*it->second)) problem_ = "an armed timer was not there to be removed";
    idle_.push_back(it->second);
    model_.erase(it);
  }

  void advance(std::size_t limit) {
    const std::uint64_t target = now_ + distance(36);
    timers_.fired.clear();
    const std::size_t fired = wheel_.advance(target, limit);
    if (fired != timers_.fired.size() || fired > limit) problem_ = "wrong count";
    std::uint64_t last = 0;
    for (Timer* timer : timers_.fired) {
      if (timer->tick > target) problem_ = "early";
      if (timer->tick < last) problem_ = "out of order";
      last = timer->tick;
      auto [it, end] = model_.equal_range(timer->tick);
      while (it != end && it->second != timer) ++it;
      if (it == end) {
        problem_ = "fired without being armed";
        return;
      }
      model_.erase(it);
      idle_.push_back(timer);
    }
    now_ = target;
    if (fired < limit && !model_.empty() && model_.begin()->first <= target) problem_ = "late";
    if (!model_.empty() && model_.begin()->first < last) problem_ = "out of order at the limit";
  }

  void check_next_tick() {
    if (model_.empty()) return;
    const auto next = wheel_.next_tick();
    if (!next || *next > model_.begin()->first) problem_ = "next_tick() is after the next tick";
  }

  Rng rng_;
  TimerWheel wheel_;
  Timers timers_;
  std::vector<Timer*> idle_;
  std::multimap<std::uint64_t, Timer*> model_;
  std::uint64_t now_ = 0;
  std::string problem_;
};

TEST_CASE("a wheel agrees with a sorted map on any sequence of operations", "[timer_wheel]") {
  const std::uint64_t first_seed = Rng::random_seed();
  for (std::uint64_t seed = first_seed; seed != first_seed + 300; ++seed) {
    ModelRun model(seed);
    model.run(2000);
    INFO("seed " << seed);
    REQUIRE(model.problem().empty());
  }
}

TEST_CASE("a wheel that is followed by its next tick fires every timer exactly at its tick",
          "[timer_wheel]") {
  const std::uint64_t seed = Rng::random_seed();
  CAPTURE(seed);
  Rng rng(seed);
  Timers timers;
  TimerWheel wheel;
  std::vector<std::uint64_t> ticks;
  for (int i = 0; i < 2000; ++i) {
    ticks.push_back(1 + rng.below(std::uint64_t{1} << rng.below(38)));
    wheel.insert(timers.make(), ticks.back());
  }
  std::size_t seen = 0;
  std::size_t wrong = 0;
  while (const auto next = wheel.next_tick()) {
    (void)wheel.advance(*next, no_limit);
    for (; seen < timers.fired.size(); ++seen)
      if (timers.fired[seen]->tick != *next) ++wrong;
  }
  CHECK(seen == ticks.size());
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace coerce::test::timer_wheel_cases
