#include <coerce/testkit/test_system.hpp>

#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "testkit/support.hpp"

namespace coerce::test::test_system_cases {
namespace {

using namespace std::chrono_literals;

using testkit::ExpectationFailed;

using testkit::TestSystem;

TEST_CASE("time stands still while a test system runs until idle", "[testkit]") {
  TestSystem test({.seed = 42});
  bool woken = false;
  test.system().spawn(sleep_then(1h, [&] { woken = true; }));
  test.run_until_idle();
  CHECK_FALSE(woken);
  CHECK(test.now() == 0s);
}

TEST_CASE("advance() ends exactly at its time", "[testkit]") {
  TestSystem test;
  test.advance(1h + 1ns);
  CHECK(test.now() == 1h + 1ns);
}

TEST_CASE("advance() stops at each moment that a timer is due", "[testkit]") {
  TestSystem test;
  std::vector<Duration> woken;
  test.system().spawn(sleep_each({5s, 1ms, 2h, 3s}, [&] { woken.push_back(test.now()); }));
  test.advance(3h);
  CHECK(woken == std::vector<Duration>{5s, 5s + 1ms, 2h + 5s + 1ms, 2h + 8s + 1ms});
}

TEST_CASE("advance() wakes who sleeps until its end, and nobody later", "[testkit]") {
  TestSystem test;
  int woken = 0;
  test.system().spawn(sleep_then(5ms, [&] { ++woken; }));
  test.system().spawn(sleep_then(6ms, [&] { ++woken; }));
  test.advance(5ms);
  CHECK(woken == 1);
}

TEST_CASE("a sleep that begins after a long time without any ends in its time", "[testkit]") {
  TestSystem test;
  test.advance(10s);
  std::vector<Duration> woken;
  test.system().spawn(sleep_each({1s}, [&] { woken.push_back(test.now()); }));
  test.advance(10s);
  CHECK(woken == std::vector<Duration>{11s});
}

TEST_CASE("run() gives the result of a task, and lets time pass for it", "[testkit]") {
  TestSystem test;
  const auto slow = []() -> Task<int> {
    (void)co_await sleep_for(24h);
    co_return 7;
  };
  CHECK(test.run(slow()) == 7);
  CHECK(test.now() == 24h);
}

TEST_CASE("run() throws what its task throws", "[testkit]") {
  TestSystem test;
  const auto failing = []() -> Task<void> {
    (void)co_await yield();
    throw std::runtime_error("of the task");
  };
  CHECK_THROWS_WITH(test.run(failing()), "of the task");
}

TEST_CASE("run() of what can never be done fails and names who waits", "[testkit]") {
  TestSystem test({.seed = 7});
  const auto waiter = test.start<Waiter>("waiter");
  CHECK_THROWS_WITH(test.run(waiter.send(WaitForEver{})),
                    Catch::Contains("never be done") && Catch::Contains("waiter") &&
                        Catch::Contains("WaitForEver") && Catch::Contains("seed 7"));
  waiter.notify_stop();
}

TEST_CASE("a system that never becomes idle fails and says what runs", "[testkit]") {
  TestSystem test({.max_steps = 1'000});
  const auto runner = test.start<Runner>("runner");
  (void)runner.notify(Run{});
  CHECK_THROWS_WITH(test.run_until_idle(),
                    Catch::Contains("not idle after 1000 steps") && Catch::Contains("runner: Run"));
}

TEST_CASE("a test system ends although something in it never stops running", "[testkit]") {
  bool ended = false;
  {
    TestSystem test({.max_steps = 1'000, .show_log = false});
    const auto restless = []() -> Task<void> {
      for (;;) co_await yield();
    };
    test.system().spawn(restless());
  }
  ended = true;
  CHECK(ended);
}

TEST_CASE("an actor that does not stop fails the shutdown, by name", "[testkit]") {
  Latch latch;
  TestSystem test({.shutdown_deadline = 5s, .show_log = false});
  const auto waiter = test.start<StubbornWaiter>("waiter", latch);
  (void)waiter.notify(WaitForEver{});
  test.run_until_idle();
  CHECK_THROWS_WITH(test.shutdown(), Catch::Contains("did not shut down within 5 s") &&
                                         Catch::Contains("waiter") &&
                                         Catch::Contains("WaitForEver"));
  CHECK(test.now() == 5s);
  latch.open();
}

TEST_CASE("start() fails where the actor's start does", "[testkit]") {
  TestSystem test({.show_log = false});
  CHECK_THROWS_AS(test.start<Unstartable>("unstartable"), ExpectationFailed);
}

TEST_CASE("the seed of a test system is the one that it was given", "[testkit]") {
  CHECK(TestSystem({.seed = 42}).seed() == 42);
}

TEST_CASE("a test system without a seed draws one", "[testkit]") {
  CHECK(TestSystem().seed() != 0);
  CHECK(TestSystem().seed() != TestSystem().seed());
}

TEST_CASE("COERCE_SEED replaces the seed of a test system", "[testkit]") {
  const EnvironmentSeed environment("0x2a");
  CHECK(TestSystem({.seed = 1}).seed() == 42);
  const EnvironmentSeed bad("many");
  CHECK_THROWS_WITH(TestSystem(), Catch::Contains("COERCE_SEED"));
}

TEST_CASE("a failed expectation tells seed and virtual time", "[testkit]") {
  TestSystem test({.seed = 42});
  test.advance(1500ms);
  CHECK_THROWS_WITH(test.check(false, "no cake"), "no cake [at 1500 ms, seed 42]");
  CHECK_NOTHROW(test.check(true, "no cake"));
}

TEST_CASE("a test system takes the settings of a builder", "[testkit]") {
  TestSystem test({}, ActorSystem::builder().system_name("under-test"));
  CHECK(test.system().system_name().view() == "under-test");
}

TEST_CASE("an actor cannot wait for its own test", "[testkit]") {
  TestSystem test;
  bool refused = false;
  const auto inner = [&]() -> Task<void> {
    (void)co_await yield();
    try {
      test.run_until_idle();
    } catch (const std::logic_error&) {
      refused = true;
    }
  };
  test.run(inner());
  CHECK(refused);
}

TEST_CASE("two test systems may take turns on one thread", "[testkit]") {
  TestSystem one;
  TestSystem two;
  one.advance(1s);
  two.advance(2s);
  one.advance(1s);
  CHECK(one.now() == 2s);
  CHECK(two.now() == 2s);
}

// ── Dead letters, failures, log, ends ───────────────────────────────────────────────────────────

TEST_CASE("a dead letter is expected once", "[testkit]") {
  TestSystem test;
  const auto waiter = test.start<Waiter>("waiter");
  (void)waiter.notify(WaitForEver{});
  test.run_until_idle();
  (void)waiter.notify(WaitForEver{});
  (void)waiter.notify_stop();
  CHECK(test.expect_dead_letter<WaitForEver>().actor_type == "Waiter");
  CHECK_THROWS_AS(test.expect_dead_letter<WaitForEver>(), ExpectationFailed);
  CHECK(test.now() == testkit::kDefaultWait);
}

TEST_CASE("a failure is expected by a part of its text", "[testkit]") {
  TestSystem test({.show_log = false});
  const auto thrower = test.start<Thrower>("thrower");
  (void)thrower.notify(Throw{"out of paper"});
  CHECK(test.expect_failure("of pap").message_type == "Throw");
  CHECK_THROWS_AS(test.expect_failure("of pap", 0s), ExpectationFailed);
}

TEST_CASE("a line of the log is expected by level and a part of its text", "[testkit]") {
  TestSystem test({.show_log = false});
  const auto thrower = test.start<Thrower>("thrower");
  (void)thrower.notify(Throw{"out of paper"});
  CHECK_THROWS_AS(test.expect_log(LogLevel::Error, "out of paper"), ExpectationFailed);
  test.expect_log(LogLevel::Warn, "out of paper");
}

TEST_CASE("what another thread logs is not seen", "[testkit]") {
  TestSystem test({.show_log = false});
  std::thread([] { spdlog::warn("a line of another thread in a test"); }).join();
  CHECK_THROWS_AS(test.expect_log(LogLevel::Warn, "of another", 0s), ExpectationFailed);
}

TEST_CASE("the end of an actor is expected, with its reason", "[testkit]") {
  TestSystem test({.show_log = false});
  const auto thrower = test.start<Thrower>("thrower");
  CHECK_THROWS_AS(test.expect_stopped(thrower, 1s), ExpectationFailed);
  (void)thrower.notify(Throw{"out of paper"});
  CHECK(test.expect_stopped(thrower).kind() == StopReason::Kind::Failed);
}

}  // namespace
}  // namespace coerce::test::test_system_cases
