#include <coerce/runtime/detail/async_event.hpp>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <latch>
#include <optional>
#include <thread>

namespace coerce::test::event_cases {
namespace {

using namespace std::chrono_literals;
using detail::AsyncEvent;

Task<void> wait_into(AsyncEvent& event, std::optional<bool>& result) {
  result = co_await event.wait();
}

TEST_CASE("whoever waits for an event goes on when it is set", "[event]") {
  const Scheduler scheduler{{.workers = 0}};
  AsyncEvent event;
  std::optional<bool> first;
  std::optional<bool> second;
  scheduler.spawn(wait_into(event, first));
  scheduler.spawn(wait_into(event, second));
  (void)scheduler.poll();
  CHECK_FALSE(first);
  CHECK_FALSE(event.is_set());
  event.set();
  CHECK(event.is_set());
  (void)scheduler.poll();
  CHECK(first == true);
  CHECK(second == true);
}

TEST_CASE("an event that is set stays so: nobody waits for it any more", "[event]") {
  const Scheduler scheduler{{.workers = 0}};
  AsyncEvent event;
  event.set();
  event.set();
  CHECK(scheduler.block_on(event.wait()));
  CHECK(scheduler.block_on(event.wait()));
}

TEST_CASE("a cancelled wait gives false and leaves the others waiting", "[event]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  const auto race = [](AsyncEvent& event, std::size_t& winner,
                       std::optional<bool>& waited) -> Task<void> {
    const auto result = co_await when_any(sleep_for(1ms), wait_into(event, waited));
    winner = result.index();
  };
  AsyncEvent event;
  std::optional<bool> before;
  std::optional<bool> cancelled;
  std::optional<bool> after;
  std::size_t winner = 99;
  scheduler.spawn(wait_into(event, before));
  scheduler.spawn(race(event, winner, cancelled));
  scheduler.spawn(wait_into(event, after));
  (void)scheduler.poll();
  clock.advance(1ms);
  (void)scheduler.poll();
  CHECK(winner == 0);
  CHECK(cancelled == false);
  CHECK_FALSE(before);
  CHECK_FALSE(after);
  event.set();
  (void)scheduler.poll();
  CHECK(before == true);
  CHECK(after == true);
}

TEST_CASE("a wait of a cancelled task does not suspend and tells what is", "[event]") {
  const auto wait_cancelled = [](AsyncEvent& unset, AsyncEvent& set, std::optional<bool>& first,
                                 std::optional<bool>& second) -> Task<void> {
    (void)co_await sleep_for(1h);
    first = co_await unset.wait();
    second = co_await set.wait();
  };
  const Scheduler scheduler{{.workers = 0}};
  AsyncEvent unset;
  AsyncEvent set;
  set.set();
  std::optional<bool> first;
  std::optional<bool> second;
  scheduler.spawn(wait_cancelled(unset, set, first, second));
  (void)scheduler.poll();
  scheduler.cancel_spawned();
  (void)scheduler.poll();
  CHECK(first == false);
  CHECK(second == true);
}

TEST_CASE("an event wins a race against a sleep", "[event]") {
  const auto race = [](AsyncEvent& event) -> Task<std::size_t> {
    const auto winner = co_await when_any(event.wait(), sleep_for(1h));
    co_return winner.index();
  };
  const Scheduler scheduler{{.workers = 1}};
  AsyncEvent event;
  std::thread setter([&] { event.set(); });
  CHECK(scheduler.block_on(race(event)) == 0);
  setter.join();
  CHECK(scheduler.timer_count() == 0);
}

Task<void> wait_and_count(AsyncEvent& event, std::atomic<int>& woken, std::latch& ended) {
  const bool set = co_await event.wait();  // named: GCC 12.2 breaks `if (co_await ...)`
  if (set) ++woken;
  ended.count_down();
}

TEST_CASE("no waiter misses an event that another thread sets while it begins to wait", "[event]") {
  const Scheduler scheduler{{.workers = 2}};
  int missed = 0;
  for (int round = 0; round < 300; ++round) {
    AsyncEvent event;
    std::atomic<int> woken{0};
    std::latch ended(8);
    for (int i = 0; i < 4; ++i) scheduler.spawn(wait_and_count(event, woken, ended));
    std::thread setter([&] { event.set(); });
    for (int i = 0; i < 4; ++i) scheduler.spawn(wait_and_count(event, woken, ended));
    ended.wait();
    setter.join();
    if (woken != 8) ++missed;
  }
  CHECK(missed == 0);
}

}  // namespace
}  // namespace coerce::test::event_cases
