#include <coerce/runtime/scheduler.hpp>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coerce::test::scheduler_cases {
namespace {

using namespace std::chrono_literals;
using detail::AsyncEvent;

/// Longer than anything here takes: who waits for it has missed its event.
constexpr Duration forever = 10s;

Task<void> count_down(std::latch& latch) {
  latch.count_down();
  co_return;
}

Task<void> yield_then_count_down(int yields, std::latch& latch) {
  for (int i = 0; i < yields; ++i) co_await yield();
  latch.count_down();
}

Task<int> add_late(int a, int b) {
  co_await yield();
  co_return a + b;
}

Task<void> throw_late(std::string what) {
  co_await yield();
  throw std::runtime_error(what);
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// Returns when no spawned task is left.
void await_all_ended(const Scheduler& scheduler) {
  while (scheduler.spawned_count() != 0) std::this_thread::yield();
}

// ── Workers ─────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("every spawned task runs to its end", "[scheduler]") {
  for (const unsigned workers : {1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    CHECK(scheduler.workers() == workers);
    std::latch ended(5000);
    for (int i = 0; i < 5000; ++i) scheduler.spawn(yield_then_count_down(i % 5, ended));
    ended.wait();
    await_all_ended(scheduler);
  }
}

Task<void> spawn_many(const Scheduler& scheduler, int count, std::latch& ended) {
  for (int i = 0; i < count; ++i) scheduler.spawn(yield_then_count_down(1, ended));
  co_return;
}

TEST_CASE("a task may spawn more tasks than a worker's queue can hold", "[scheduler]") {
  for (const unsigned workers : {1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    std::latch ended(5000);
    scheduler.spawn(spawn_many(scheduler, 5000, ended));
    ended.wait();
    await_all_ended(scheduler);
  }
}

TEST_CASE("a task that was spawned on a sleeping scheduler wakes it", "[scheduler]") {
  for (const unsigned workers : {1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    for (int i = 0; i < 1000; ++i) {
      std::latch ended(1);
      scheduler.spawn(count_down(ended));
      ended.wait();
    }
    await_all_ended(scheduler);
  }
}

TEST_CASE("a step of a task is never run on two workers at once", "[scheduler]") {
  const auto step_by_step = [](std::atomic<int>& inside, std::atomic<bool>& overlapped,
                               std::latch& ended) -> Task<void> {
    for (int i = 0; i < 2000; ++i) {
      if (inside.fetch_add(1) != 0) overlapped = true;
      inside.fetch_sub(1);
      co_await yield();
    }
    ended.count_down();
  };
  const Scheduler scheduler{{.workers = 2}};
  std::array<std::atomic<int>, 8> inside{};
  std::atomic<bool> overlapped{false};
  std::latch ended(8);
  for (auto& counter : inside) scheduler.spawn(step_by_step(counter, overlapped, ended));
  ended.wait();
  await_all_ended(scheduler);
  CHECK_FALSE(overlapped);
}

Task<void> meet(std::latch& both, std::latch& ended) {
  both.arrive_and_wait();  // blocks its worker until the other task has a worker too
  ended.count_down();
  co_return;
}

TEST_CASE("two tasks from outside that need each other both get a worker", "[scheduler]") {
  const Scheduler scheduler{{.workers = 2}};
  for (int round = 0; round < 200; ++round) {
    std::latch both(2);
    std::latch ended(2);
    scheduler.spawn(meet(both, ended));
    scheduler.spawn(meet(both, ended));
    ended.wait();
  }
  await_all_ended(scheduler);
}

TEST_CASE("a task that waits behind a blocked one is stolen by the other worker", "[scheduler]") {
  const auto spawn_pair = [](const Scheduler& scheduler, std::latch& both,
                             std::latch& ended) -> Task<void> {
    scheduler.spawn(meet(both, ended));
    scheduler.spawn(meet(both, ended));
    co_return;
  };
  const Scheduler scheduler{{.workers = 2}};
  for (int round = 0; round < 200; ++round) {
    std::latch both(2);
    std::latch ended(2);
    scheduler.spawn(spawn_pair(scheduler, both, ended));
    ended.wait();
  }
  await_all_ended(scheduler);
}

TEST_CASE("only a scheduler's own workers are on a worker", "[scheduler]") {
  const auto where = [](const Scheduler& own,
                        const Scheduler& other) -> Task<std::pair<bool, bool>> {
    const std::pair<bool, bool> result(own.on_worker(), other.on_worker());
    co_return result;
  };
  const Scheduler scheduler{{.workers = 1}};
  const Scheduler other{{.workers = 1}};
  CHECK_FALSE(scheduler.on_worker());
  CHECK(scheduler.block_on(where(scheduler, other)) == std::pair(true, false));
}

TEST_CASE("sleeps end by the machine's clock on sleeping workers", "[scheduler]") {
  for (const unsigned workers : {1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    const TimePoint before = scheduler.clock().now();
    CHECK(scheduler.block_on(sleep_for(3ms)));
    CHECK(scheduler.clock().now() >= before + 3ms);
    CHECK(scheduler.timer_count() == 0);
  }
}

TEST_CASE("a shorter sleep that begins after a longer one still ends first", "[scheduler]") {
  const Scheduler scheduler{{.workers = 2}};
  const auto race = []() -> Task<std::size_t> {
    const auto winner = co_await when_any(sleep_for(1h), sleep_for(2ms));
    co_return winner.index();
  };
  CHECK(scheduler.block_on(race()) == 1);
}

TEST_CASE("a seeded scheduler draws the same numbers as its seed's generator", "[scheduler]") {
  const Scheduler one{{.workers = 0, .seed = 42}};
  const Scheduler same{{.workers = 0, .seed = 42}};
  const Scheduler other{{.workers = 0, .seed = 43}};
  const std::uint64_t number = one.rng().next();
  CHECK(number == same.rng().next());
  CHECK(number != other.rng().next());
}

TEST_CASE("copies of a handle are the same scheduler", "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  const Scheduler copy = scheduler;  // NOLINT(performance-unnecessary-copy-initialization)
  const Scheduler other{{.workers = 0}};
  CHECK(scheduler == copy);
  CHECK_FALSE(scheduler == other);
}

// ── block_on ────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("block_on gives the result of any awaitable", "[scheduler]") {
  for (const unsigned workers : {0U, 1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    CHECK(scheduler.block_on(add_late(1, 2)) == 3);
    CHECK(std::get<1>(scheduler.block_on(when_all(add_late(1, 2), add_late(3, 4)))) == 7);
    scheduler.block_on(yield());
  }
}

TEST_CASE("block_on throws what the awaitable throws, and tells no one else", "[scheduler]") {
  for (const unsigned workers : {0U, 1U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    std::atomic<int> unhandled{0};
    scheduler.on_unhandled([&unhandled](const std::exception_ptr&) { ++unhandled; });
    CHECK_THROWS_WITH(scheduler.block_on(throw_late("broken")), "broken");
    CHECK(unhandled == 0);
  }
}

TEST_CASE("several outside threads may block at once, each for its own result", "[scheduler]") {
  const Scheduler scheduler{{.workers = 2}};
  std::array<int, 4> wrong{};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&scheduler, &wrong, t] {
      for (int i = 0; i < 500; ++i)
        if (scheduler.block_on(add_late(t * 1000, i)) != t * 1000 + i)
          ++wrong[static_cast<std::size_t>(t)];
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("block_on on a worker of the scheduler throws std::logic_error", "[scheduler]") {
  const auto block_inside = [](const Scheduler& scheduler) -> Task<bool> {
    bool threw = false;
    try {
      (void)scheduler.block_on(add_late(1, 2));
    } catch (const std::logic_error&) {
      threw = true;
    }
    co_return threw;
  };
  for (const unsigned workers : {0U, 1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    CHECK(scheduler.block_on(block_inside(scheduler)));
  }
}

TEST_CASE("block_on may wait for another scheduler on a worker of this one", "[scheduler]") {
  const auto ask_other = [](const Scheduler& other) -> Task<int> {
    co_return other.block_on(add_late(20, 3));
  };
  const Scheduler one{{.workers = 1}};
  const Scheduler other{{.workers = 1}};
  const Scheduler driven{{.workers = 0}};
  CHECK(one.block_on(ask_other(other)) == 23);
  CHECK(one.block_on(ask_other(driven)) == 23);
  CHECK(driven.block_on(ask_other(other)) == 23);
}

TEST_CASE("everything that a task held is gone when block_on returns", "[scheduler]") {
  const auto keep = [](std::shared_ptr<int> held) -> Task<void> {
    co_await yield();
    (void)held;
  };
  const Scheduler scheduler{{.workers = 2}};
  const auto held = std::make_shared<int>(1);
  for (int i = 0; i < 500; ++i) {
    scheduler.block_on(keep(held));
    if (held.use_count() != 1) FAIL("round " << i);
  }
  SUCCEED("500 rounds");
}

// ── What leaves a task ──────────────────────────────────────────────────────────────────────────

TEST_CASE("what leaves a spawned task goes to the unhandled-failure callback", "[scheduler]") {
  const Scheduler scheduler{{.workers = 1}};
  std::string message;
  bool on_worker = false;
  std::latch told(1);
  scheduler.on_unhandled([&](const std::exception_ptr& error) {
    message = message_of(error);
    on_worker = scheduler.on_worker();
    told.count_down();
  });
  scheduler.spawn(throw_late("nobody waits for me"));
  told.wait();
  CHECK(message == "nobody waits for me");
  CHECK(on_worker);
}

TEST_CASE("a task beyond the limit is refused and destroyed, and the callback is told",
          "[scheduler]") {
  const Scheduler scheduler{{.workers = 0, .max_spawned = 2}};
  std::vector<std::string> told;
  scheduler.on_unhandled(
      [&told](const std::exception_ptr& error) { told.push_back(message_of(error)); });
  const auto witness = std::make_shared<int>();
  const auto keep = [](std::shared_ptr<int>) -> Task<void> { (void)co_await yield(); };

  CHECK(scheduler.spawn(keep(witness)));
  CHECK(scheduler.spawn(keep(witness)));
  CHECK_FALSE(scheduler.spawn(keep(witness)));
  CHECK(witness.use_count() == 3);
  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0], Catch::Contains("max_spawned"));

  (void)scheduler.poll();
  CHECK(scheduler.spawn(keep(witness)));  // as soon as others have ended
  (void)scheduler.poll();
  CHECK(witness.use_count() == 1);
}

TEST_CASE("a scheduler without a callback goes on after a task has thrown", "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  scheduler.spawn(throw_late("lost"));
  (void)scheduler.poll();
  CHECK(scheduler.spawned_count() == 0);
  CHECK(scheduler.block_on(add_late(1, 1)) == 2);
}

// ── Cancellation ────────────────────────────────────────────────────────────────────────────────

Task<void> sleep_until_cancelled(std::latch& begun, std::atomic<int>& cancelled) {
  begun.count_down();
  const bool slept = co_await sleep_for(1h);  // named: GCC 12.2 breaks `if (co_await ...)`
  if (!slept) ++cancelled;
}

TEST_CASE("cancel_spawned asks every spawned task to stop", "[scheduler]") {
  const Scheduler scheduler{{.workers = 2}};
  std::latch begun(100);
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 100; ++i) scheduler.spawn(sleep_until_cancelled(begun, cancelled));
  begun.wait();
  scheduler.cancel_spawned();
  await_all_ended(scheduler);
  CHECK(cancelled == 100);
  CHECK(scheduler.timer_count() == 0);
}

TEST_CASE("a task that is cancelled before its first step stops at its first await",
          "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  std::latch begun(1);
  std::atomic<int> cancelled{0};
  scheduler.spawn(sleep_until_cancelled(begun, cancelled));
  scheduler.cancel_spawned();
  scheduler.cancel_spawned();  // twice is once
  (void)scheduler.poll();
  CHECK(begun.try_wait());
  CHECK(cancelled == 1);
  CHECK(scheduler.spawned_count() == 0);
}

TEST_CASE("cancelling races the ends of tasks and sleeps without harm", "[scheduler]") {
  const auto nap = []() -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      (void)co_await sleep_for(1ns);
      co_await yield();
    }
  };
  const Scheduler scheduler{{.workers = 2}};
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 50; ++i) scheduler.spawn(nap());
    while (scheduler.spawned_count() != 0) scheduler.cancel_spawned();
  }
  CHECK(scheduler.timer_count() == 0);
}

// ── Driven by the caller ────────────────────────────────────────────────────────────────────────

TEST_CASE("a scheduler without workers runs nothing until it is driven", "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  CHECK(scheduler.workers() == 0);
  std::latch ended(1);
  scheduler.spawn(count_down(ended));
  CHECK_FALSE(ended.try_wait());
  CHECK(scheduler.poll() > 0);
  CHECK(ended.try_wait());
  CHECK(scheduler.poll() == 0);
}

TEST_CASE("poll() does not wait for timers", "[scheduler]") {
  ManualClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  std::latch begun(1);
  std::atomic<int> cancelled{0};
  scheduler.spawn(sleep_until_cancelled(begun, cancelled));
  CHECK(scheduler.poll() == 1);
  CHECK(scheduler.timer_count() == 1);
  CHECK(scheduler.poll() == 0);
  scheduler.cancel_spawned();
  (void)scheduler.poll();
}

Task<void> nap_then_count_down(Duration duration, std::latch& ended) {
  (void)co_await sleep_for(duration);
  ended.count_down();
}

TEST_CASE("run() returns when nothing is ready and no timer is armed", "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  std::latch ended(3);
  for (const Duration nap : {Duration(1ms), Duration(3ms), Duration(2ms)})
    scheduler.spawn(nap_then_count_down(nap, ended));
  scheduler.run();
  CHECK(ended.try_wait());
  CHECK(scheduler.timer_count() == 0);
}

TEST_CASE("run() does not wait for a timer that was taken away", "[scheduler]") {
  const auto race = []() -> Task<void> { (void)co_await when_any(yield(), sleep_for(forever)); };
  const Scheduler scheduler{{.workers = 0}};
  const TimePoint before = scheduler.clock().now();
  scheduler.spawn(race());
  scheduler.run();
  CHECK(scheduler.timer_count() == 0);
  CHECK(scheduler.clock().now() - before < forever / 2);
}

/// Goes on by a millisecond whenever somebody looks at it.
class SteppingClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return TimePoint(Duration(1ms) * ++looks_); }
  WallTime wall_now() const noexcept override { return WallTime(Duration(0)); }

 private:
  mutable std::atomic<Duration::rep> looks_{0};
};

TEST_CASE("run_for() runs what becomes due within its time, and no more", "[scheduler]") {
  SteppingClock clock;
  const Scheduler scheduler{{.workers = 0, .clock = &clock}};
  std::latch soon(1);
  std::latch late(1);
  scheduler.spawn(nap_then_count_down(5ms, soon));
  scheduler.spawn(nap_then_count_down(1h, late));
  CHECK(scheduler.run_for(50ms) > 0);
  CHECK(soon.try_wait());
  CHECK_FALSE(late.try_wait());
  CHECK(scheduler.timer_count() == 1);
  scheduler.cancel_spawned();
  (void)scheduler.poll();
}

TEST_CASE("a scheduler with workers refuses to be driven", "[scheduler]") {
  const Scheduler scheduler{{.workers = 1}};
  CHECK_THROWS_AS(scheduler.run(), std::logic_error);
  CHECK_THROWS_AS(scheduler.run_for(1ms), std::logic_error);
  CHECK_THROWS_AS(scheduler.poll(), std::logic_error);
}

TEST_CASE("block_on drives a scheduler without workers through timers and other tasks",
          "[scheduler]") {
  const auto wait_for_other = [](AsyncEvent& event) -> Task<int> {
    (void)co_await sleep_for(1ms);
    co_return co_await event.wait() ? 1 : 0;
  };
  const auto set = [](AsyncEvent& event) -> Task<void> {
    (void)co_await sleep_for(2ms);
    event.set();
  };
  const Scheduler scheduler{{.workers = 0}};
  AsyncEvent event;
  scheduler.spawn(set(event));
  CHECK(scheduler.block_on(wait_for_other(event)) == 1);
}

TEST_CASE("block_on throws where nothing is left that could complete it", "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  static AsyncEvent never;  // static: what waits for it is still reachable, so it is no leak
  CHECK_THROWS_AS(scheduler.block_on(never.wait()), std::logic_error);
  CHECK(scheduler.block_on(add_late(1, 2)) == 3);
}

struct Large {
  explicit Large(unsigned char fill) { bytes.fill(fill); }
  std::array<unsigned char, 4096> bytes;
};

Task<Large> large_after(AsyncEvent& event) {
  (void)co_await event.wait();
  Large large(0xab);
  co_return large;
}

[[gnu::noinline]] bool block_on_in_vain(const Scheduler& scheduler, AsyncEvent& event) {
  try {
    (void)scheduler.block_on(large_after(event));
  } catch (const std::logic_error&) {
    return true;
  }
  return false;
}

/// Completes what waits for the event; returns how many bytes of this function's own changed
/// meanwhile.
[[gnu::noinline]] std::size_t complete_late(const Scheduler& scheduler, AsyncEvent& event) {
  volatile unsigned char own[65536];
  for (auto& byte : own) byte = 0;
  event.set();
  (void)scheduler.poll();
  std::size_t changed = 0;
  for (const auto& byte : own) changed += byte != 0 ? 1U : 0U;
  return changed;
}

TEST_CASE("what block_on has given up on does not write to its stack when it completes later",
          "[scheduler]") {
  const Scheduler scheduler{{.workers = 0}};
  AsyncEvent event;
  REQUIRE(block_on_in_vain(scheduler, event));
  CHECK(complete_late(scheduler, event) == 0);
}

TEST_CASE("what another thread completes wakes the thread that drives the scheduler",
          "[scheduler]") {
  const auto race = [](AsyncEvent& event) -> Task<std::size_t> {
    const auto winner = co_await when_any(event.wait(), sleep_for(forever));
    co_return winner.index();
  };
  const Scheduler scheduler{{.workers = 0}};
  AsyncEvent event;
  const TimePoint before = scheduler.clock().now();
  std::thread setter([&] {
    while (scheduler.timer_count() == 0) std::this_thread::yield();  // it is about to wait
    event.set();
  });
  CHECK(scheduler.block_on(race(event)) == 0);
  setter.join();
  CHECK(scheduler.clock().now() - before < forever / 2);
}

// ── The end ─────────────────────────────────────────────────────────────────────────────────────

Task<void> wait_for_ever(AsyncEvent& never, std::latch& begun) {
  begun.count_down();
  (void)co_await never.wait();
}

TEST_CASE("a scheduler can be destroyed under suspended tasks", "[scheduler]") {
  static AsyncEvent never;  // static: what waits for it is still reachable, so it is no leak
  for (const unsigned workers : {1U, 2U}) {
    CAPTURE(workers);
    std::latch begun(20);
    {
      const Scheduler scheduler{{.workers = workers}};
      for (int i = 0; i < 20; ++i) scheduler.spawn(wait_for_ever(never, begun));
      begun.wait();
    }
    CHECK_FALSE(never.is_set());
  }
}

TEST_CASE("a scheduler can be destroyed while its workers are looking for work", "[scheduler]") {
  for (int round = 0; round < 200; ++round) {
    const Scheduler scheduler{{.workers = 2}};
    scheduler.block_on(yield());
  }
  SUCCEED("200 rounds");
}

Task<void> keep_alive(Scheduler scheduler, std::latch& released, std::latch& ended) {
  released.wait();
  ended.count_down();
  co_await yield();
  (void)scheduler.workers();
}

TEST_CASE("the last handle of a scheduler may go on its own worker", "[scheduler]") {
  for (int round = 0; round < 20; ++round) {
    std::latch released(1);
    std::latch ended(1);
    {
      const Scheduler scheduler{{.workers = 1}};
      scheduler.spawn(keep_alive(scheduler, released, ended));
    }
    released.count_down();
    ended.wait();
  }
  SUCCEED("20 rounds; the address sanitizer sees what it does");
}

}  // namespace
}  // namespace coerce::test::scheduler_cases
