#include <coerce/testkit/simulation_batch.hpp>

#include <coerce/testkit/catch2.hpp>

#include <chrono>
#include <string>

#include "testkit/network_support.hpp"
#include "testkit/support.hpp"

namespace coerce::test::simulation_batch_cases {
namespace {

using namespace std::chrono_literals;

using Catch::Matchers::Contains;
using testkit::explore;
using testkit::replay;
using testkit::Simulation;
using testkit::SimulationReport;

/// Wrong where the message of the node that was begun later comes first.
void first_come(Simulation& sim) {
  Ends early = make_stream(sim, 1, 3);
  Ends late = make_stream(sim, 2, 3);
  sim.node(3).system().spawn(read_all(early.acceptor, &sim));
  sim.node(3).system().spawn(read_all(late.acceptor, &sim));
  sim.node(1).run(write_all(early.dialler, numbered(1)));
  sim.node(2).run(write_all(late.dialler, numbered(1)));
  (void)sim.run_until([&] { return !late.acceptor->bytes.empty(); }, 1s);
  sim.check(!early.acceptor->bytes.empty(), "first come, first served");
}

void cut_now_and_then(Simulation& sim) {
  Ends ends = make_stream(sim, 1, 2);
  sim.node(1).run(write_all(ends.dialler, numbered(1000)));
  if (sim.draw(2) == 0) sim.cut(1, 2);
  sim.run_for(1s);
}

TEST_CASE("exploring a simulation finds what goes wrong in some order, and repeats it",
          "[simulation]") {
  const auto report = explore(first_come, {.seeds = 200, .at_least_percent = {}});
  REQUIRE_FALSE(report.passed);
  CHECK_FALSE(report.vacuous);
  CHECK(report.failing_seed != 0);
  CHECK_THAT(report.failure, Contains("first come, first served"));
  REQUIRE_FALSE(report.trace.empty());
  const auto again = replay(first_come, report.failing_seed);
  CHECK(again.failure == report.failure);
  CHECK(again.trace == report.trace);
  const auto text = to_string(report);
  CHECK_THAT(text, Contains("failed under the seed") && Contains("network: 2 -> 3") &&
                       Contains("What happened"));
}

TEST_CASE("a batch in which nothing befell the nodes is vacuous", "[simulation]") {
  const auto calm = [](Simulation& sim) { sim.run_for(1s); };
  const auto report = explore(calm, {.seeds = 10});
  CHECK_FALSE(report.passed);
  CHECK(report.vacuous);
  CHECK(report.failing_seed == 0);
  CHECK_THAT(to_string(report), Contains("vacuous") && Contains("0 of 10 runs were disturbed"));
  CHECK(explore(calm, {.seeds = 10, .at_least_percent = {}}).passed);
}

TEST_CASE("a batch in which too little happened is vacuous and says what", "[simulation]") {
  const auto report = explore(cut_now_and_then, {.seeds = 100, .at_least_percent = {.cut = 90}});
  CHECK(report.vacuous);
  CHECK_THAT(report.failure, Contains("with a cut stream") && Contains("90 %"));
  const auto modest = explore(cut_now_and_then, {.seeds = 100, .at_least_percent = {.cut = 30}});
  CHECK(modest.passed);
  CHECK(modest.runs.cut == modest.happened.cut_streams);
  CHECK(modest.runs.cut == modest.runs.disturbed);
  CHECK_THAT(to_string(modest), Contains("passed under 100 seeds"));
}

TEST_CASE("a simulation that does not shut down fails its run", "[simulation]") {
  std::unique_ptr<Latch> latch;
  const auto scenario = [&latch](Simulation& sim) {
    latch = std::make_unique<Latch>();
    auto stubborn = sim.node(1).start<StubbornWaiter>("stubborn", *latch);
    (void)stubborn.notify(WaitForEver{});
    sim.run_for(0s);
    latch->open_at(sim.node(1).system(), 40s);  // while the system is destroyed
  };
  const auto report =
      explore(scenario, {.seeds = 1, .simulation = {.nodes = 1}, .at_least_percent = {}});
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.failure, Contains("stubborn"));
}

TEST_CASE("the environment's seed is the only one that is tried", "[simulation]") {
  const EnvironmentSeed seed("17");
  std::vector<std::uint64_t> tried;
  const auto report = explore([&](Simulation& sim) { tried.push_back(sim.seed()); }, {.seeds = 5});
  CHECK(tried == std::vector<std::uint64_t>{17});
  CHECK(report.passed);
}

}  // namespace
}  // namespace coerce::test::simulation_batch_cases
