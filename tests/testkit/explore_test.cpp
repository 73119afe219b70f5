#include <coerce/testkit/explore.hpp>

#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/testkit/catch2.hpp>
#include <coerce/testkit/probe.hpp>

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "testkit/support.hpp"

namespace coerce::test::explore_cases {
namespace {

using namespace std::chrono_literals;

using testkit::explore;
using testkit::ExploreReport;
using testkit::replay;
using testkit::TestSystem;

struct Open {
  static constexpr std::string_view type_name = "Open";
};
struct Withdraw {
  static constexpr std::string_view type_name = "Withdraw";
  int amount;
};
struct Balance {
  static constexpr std::string_view type_name = "Balance";
  using Result = int;
};

/// Has a bug: it takes for granted that the one who opens it comes before the one who withdraws.
class HastyAccount : public Actor {
 public:
  void handle(Open, ActorContext&) { balance_ = 100; }
  void handle(Withdraw message, ActorContext&) { balance_ -= message.amount; }
  int handle(Balance, ActorContext&) { return balance_; }

 private:
  int balance_ = 0;
};

struct Begin {};

template <class M>
class Client : public Actor {
 public:
  Client(LocalActorRef<HastyAccount> account, M message)
      : account_(std::move(account)), message_(message) {}
  void handle(Begin, ActorContext&) { (void)account_.notify(M(message_)); }

 private:
  LocalActorRef<HastyAccount> account_;
  M message_;
};

void two_clients(TestSystem& test) {
  const auto account = test.start<HastyAccount>("account");
  const auto opener = test.start<Client<Open>>("opener", account, Open{});
  const auto customer = test.start<Client<Withdraw>>("customer", account, Withdraw{30});
  (void)opener.notify(Begin{});
  (void)customer.notify(Begin{});
  test.run_until_idle();
  test.check(test.run(account.send(Balance{})) == 70, "30 of 100 were withdrawn");
}

void one_after_the_other(TestSystem& test) {
  const auto account = test.start<HastyAccount>("account");
  (void)account.notify(Open{});
  test.run_until_idle();
  (void)account.notify(Withdraw{30});
  test.check(test.run(account.send(Balance{})) == 70, "30 of 100 were withdrawn");
}

struct Work {
  static constexpr std::string_view type_name = "Work";
};

class Worker : public Actor {
 public:
  explicit Worker(int helpers) : helpers_(helpers) {}
  Task<void> handle(Work, ActorContext& ctx) {
    for (int i = 0; i < helpers_; ++i) {
      auto helper = co_await ctx.spawn<Worker>(ActorId(), 0);
      if (helper) (void)helper->notify(Work{});
    }
    const auto compute = [] { return 1; };
    (void)co_await blocking(compute);
    (void)co_await sleep_for(1ms);
  }

 private:
  int helpers_;
};

void many_actors(TestSystem& test) {
  for (int i = 0; i < 10; ++i)
    (void)test.start<Worker>(fmt::format("worker-{}", i), 3).notify(Work{});
  test.advance(10ms);
}

TEST_CASE("exploring finds a bug that depends on the order, and says what ran", "[explore]") {
  const ExploreReport report = explore(&two_clients);
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.failure, Catch::Contains("30 of 100 were withdrawn"));
  CHECK(report.failing_seed == report.seeds_run);
  const std::string text = to_string(report);
  CHECK_THAT(text, Catch::Contains(fmt::format("the seed {}", report.failing_seed)));
  CHECK(text == fmt::format("{}", report));
  CHECK(text.find("account: Withdraw") < text.find("account: Open"));
}

TEST_CASE("exploring passes a scenario without the bug", "[explore]") {
  const ExploreReport report = explore(&one_after_the_other, {.seeds = 300});
  CHECK(report.passed);
  CHECK(report.seeds_run == 300);
  CHECK(report.failing_seed == 0);
  CHECK(report.trace.empty());
  CHECK(to_string(report) == "passed under 300 seeds");
}

TEST_CASE("a failing seed fails in the same way when it is replayed", "[explore]") {
  const ExploreReport found = explore(&two_clients);
  const ExploreReport again = replay(&two_clients, found.failing_seed);
  CHECK_FALSE(again.passed);
  CHECK(again.failure == found.failure);
  CHECK(again.trace == found.trace);
}

TEST_CASE("a seed gives the same trace each time", "[explore]") {
  std::set<std::vector<std::string>> different;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto once = replay(&many_actors, seed, {.trace_lines = 10'000});
    CHECK(once.passed);
    CHECK(once.trace == replay(&many_actors, seed, {.trace_lines = 10'000}).trace);
    different.insert(once.trace);
  }
  CHECK(different.size() == 20);
}

TEST_CASE("a trace names actors, messages, timers, blocking work and time", "[explore]") {
  const auto trace = replay(&many_actors, 1, {.trace_lines = 10'000}).trace;
  std::string text;
  for (const std::string& line : trace) text += line + '\n';
  CHECK_THAT(text, Catch::Contains("worker-3: Work"));
  CHECK_THAT(text, Catch::Contains("worker-3: goes on with Work"));
  CHECK_THAT(text, Catch::Contains("Worker #7: started"));
  CHECK_THAT(text, Catch::Contains("blocking work  (1 of "));
  CHECK_THAT(text, Catch::Contains("a timer  (1 of "));
  CHECK_THAT(text, Catch::Contains("-- 1 ms"));
}

TEST_CASE("a trace has its last lines only, and counts the others", "[explore]") {
  const auto whole = replay(&many_actors, 1, {.trace_lines = 10'000});
  const auto end = replay(&many_actors, 1, {.trace_lines = 5});
  CHECK(whole.trace_dropped == 0);
  CHECK(end.trace == std::vector<std::string>(whole.trace.end() - 5, whole.trace.end()));
  CHECK(end.trace_dropped == whole.trace.size() - 5);
}

TEST_CASE("anything that a scenario throws fails it", "[explore]") {
  CHECK(explore([](TestSystem&) { throw std::runtime_error("of the scenario"); }).failure ==
        "of the scenario");
  CHECK_FALSE(explore([](TestSystem&) { throw 1; }).passed);
}

TEST_CASE("a scenario that leaves an actor that does not stop fails", "[explore]") {
  const auto scenario = [](TestSystem& test) {
    static Latch latch;
    (void)test.start<StubbornWaiter>("waiter", latch).notify(WaitForEver{});
    test.run_until_idle();
    latch.open_at(test.system(), 31s);  // after the deadline, so that nothing leaks
  };
  CHECK_THAT(explore(scenario).failure, Catch::Contains("waiter"));
}

TEST_CASE("a failure that does not come again is reported as such", "[explore]") {
  int runs = 0;
  const auto report =
      explore([&](TestSystem& test) { test.check(++runs != 3, "not the third time"); });
  CHECK(report.failing_seed == 3);
  CHECK(report.trace.empty());
  CHECK_THAT(to_string(report), Catch::Contains("more than the seed"));
}

TEST_CASE("seeds are tried from the first one on", "[explore]") {
  std::vector<std::uint64_t> seeds;
  const auto scenario = [&](TestSystem& test) { seeds.push_back(test.seed()); };
  (void)explore(scenario, {.seeds = 3, .first_seed = 1000});
  CHECK(seeds == std::vector<std::uint64_t>{1000, 1001, 1002});
  CHECK_THROWS_AS(explore(scenario, {.first_seed = 0}), std::invalid_argument);
}

TEST_CASE("no seed is begun after the wall time is over", "[explore]") {
  CHECK(explore(&one_after_the_other, {.wall_time = 0s}).seeds_run == 1);
}

TEST_CASE("COERCE_SEED limits exploring to itself", "[explore]") {
  const std::uint64_t failing = explore(&two_clients).failing_seed;
  const EnvironmentSeed environment(std::to_string(failing).c_str());
  const ExploreReport report = explore(&two_clients);
  CHECK(report.failing_seed == failing);
  CHECK(report.seeds_run == 1);
}

TEST_CASE("CHECK_EXPLORED passes what exploring passes", "[explore]") {
  CHECK_EXPLORED(&one_after_the_other, {.seeds = 10});
}

}  // namespace
}  // namespace coerce::test::explore_cases
