#include "storm_support.hpp"

#include <coerce/testkit/catch2.hpp>

#include <cstdlib>
#include <string>

#include <coerce/testkit/simulation_batch.hpp>

namespace coerce::test::storm {
namespace {

using testkit::Simulation;
using testkit::SimulationBatchOptions;

/// Under so many seeds, or COERCE_STORM_SEEDS of the environment.
constexpr std::size_t kSeeds = 40;

void explore_storms(const testkit::SimulationScenario& scenario, SimulationBatchOptions options) {
  if (const char* wanted = std::getenv("COERCE_STORM_SEEDS"))
    options.seeds = static_cast<std::size_t>(std::stoul(wanted));
  const auto report = testkit::explore(scenario, options);
  INFO(to_string(report));
  CHECK(report.passed);
}

Duration draw_time(Simulation& sim, Duration least, Duration most) {
  const auto milliseconds = [](Duration time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  return least + std::chrono::milliseconds(sim.draw(1 + milliseconds(most) - milliseconds(least)));
}

NodeId draw_node(Simulation& sim) { return static_cast<NodeId>(1 + sim.draw(sim.nodes())); }
std::vector<NodeId> others_than(Simulation& sim, NodeId one) {
  std::vector<NodeId> others;
  for (NodeId id = 1; id <= sim.nodes(); ++id)
    if (id != one) others.push_back(id);
  return others;
}

}  // namespace

TEST_CASE("in a quiet network all that is said is heard, and the counters agree", "[storm]") {
  explore_storms(
      [](Simulation& sim) {
        Storm storm(sim);
        storm.pass(10s);
        storm.judge();
        for (NodeId id = 1; id <= 3; ++id) {
          const auto counters = storm.life(id).remote->counters();
          sim.check(counters.messages_sent > 100, "much was said");
          sim.check(counters.unconfirmed + counters.dead_letters == 0, "nothing was lost");
        }
      },
      {.seeds = kSeeds / 4, .at_least_percent = {}});
}

TEST_CASE("links that are cut again and again lose no order, no request and no count",
          "[storm][B-209][B-211]") {
  explore_storms(
      [](Simulation& sim) {
        Storm storm(sim);
        for (int i = 0; i < 10; ++i) {
          const NodeId one = draw_node(sim);
          const auto others = others_than(sim, one);
          sim.cut(one, others[sim.draw(others.size())]);
          storm.pass(draw_time(sim, 10ms, 4s));
        }
        storm.judge();
      },
      {.seeds = kSeeds, .at_least_percent = {.cut = 100}});
}

TEST_CASE("a peer that is killed costs nobody a request without an end", "[storm][B-209]") {
  explore_storms(
      [](Simulation& sim) {
        Storm storm(sim);
        for (int i = 0; i < 2; ++i) {
          storm.pass(draw_time(sim, 100ms, 3s));
          const NodeId victim = draw_node(sim);
          storm.crash(victim,
                      sim.draw(2) == 0 ? testkit::CrashKind::Process : testkit::CrashKind::Machine);
          storm.pass(draw_time(sim, 0s, 10s));
          storm.restart(victim);
          storm.pass(draw_time(sim, 0s, 5s));
        }
        storm.judge();
      },
      {.seeds = kSeeds, .at_least_percent = {.crash = 100}});
}

TEST_CASE("a peer that is stopped for seconds or minutes holds up nobody", "[storm]") {
  explore_storms(
      [](Simulation& sim) {
        Storm storm(sim);
        storm.pass(draw_time(sim, 100ms, 2s));
        const NodeId sleeper = draw_node(sim);
        sim.pause(sleeper);
        storm.pass(sim.draw(4) == 0 ? Duration(120s) : draw_time(sim, 100ms, 10s));
        sim.resume(sleeper);
        storm.pass(draw_time(sim, 0s, 3s));
        storm.judge();
      },
      {.seeds = kSeeds, .at_least_percent = {.pause = 100}});
}

TEST_CASE("a peer that is cut off and healed after two minutes is talked to again",
          "[storm][B-212]") {
  explore_storms(
      [](Simulation& sim) {
        Storm storm(sim);
        storm.pass(draw_time(sim, 100ms, 2s));
        const NodeId lonely = draw_node(sim);
        const auto kind =
            sim.draw(2) == 0 ? testkit::PartitionKind::Silent : testkit::PartitionKind::Refused;
        sim.partition({lonely}, others_than(sim, lonely), kind);
        storm.pass(sim.draw(3) == 0 ? Duration(120s) : draw_time(sim, 100ms, 20s));
        sim.heal();
        storm.pass(draw_time(sim, 0s, 3s));
        storm.judge();
      },
      {.seeds = kSeeds, .at_least_percent = {.partition = 100}});
}

TEST_CASE("a peer that reads nothing, or slowly, makes its senders wait for nothing", "[storm]") {
  explore_storms(
      [](Simulation& sim) {
        Storm storm(sim);
        for (int i = 0; i < 3; ++i) {
          const NodeId reader = draw_node(sim);
          const auto others = others_than(sim, reader);
          const NodeId sender = others[sim.draw(others.size())];
          if (sim.draw(2) == 0)
            sim.stall(sender, reader);
          else
            sim.slow(sender, reader, 500 + sim.draw(20'000));
          storm.pass(draw_time(sim, 100ms, 30s));
          sim.heal();
          storm.pass(draw_time(sim, 0s, 3s));
        }
        storm.judge();
      },
      {.seeds = kSeeds, .at_least_percent = {.stall = 100}});
}

}  // namespace coerce::test::storm
