#include <coerce/testkit/simulation_batch.hpp>

#include <array>

#include <fmt/format.h>

#include "testkit/exploring.hpp"
#include "testkit/simulation/inside.hpp"

namespace coerce::testkit {

/// Runs a scenario under a given seed, whatever the environment says, and keeps count.
struct SimulationRun {
  const SimulationScenario& scenario;
  const SimulationBatchOptions& options;
  const Simulation::SystemSetup& systems;
  SimulationReport& report;

  std::optional<std::string> operator()(std::uint64_t seed, detail::Trace* trace) const {
    SimulationOptions chosen = options.simulation;
    chosen.seed = seed;
    chosen.trace_lines = 0;
    // Outlives the exception: what it says at its end it says only where it is the failure.
    Simulation simulation(chosen, systems, trace);
    auto failure = detail::failure_of([&] {
      scenario(simulation);
      simulation.shutdown();
    });
    if (trace == nullptr) {
      report.happened += simulation.happened();
      report.runs.count(simulation.happened());
    }
    return failure;
  }
};

namespace {

struct Share {
  const char* what;
  std::size_t Shares::* of;
};
constexpr std::array kShares{
    Share{"disturbed", &Shares::disturbed},
    Share{"with a cut stream", &Shares::cut},
    Share{"with a partition", &Shares::partition},
    Share{"with a stall", &Shares::stall},
    Share{"with a pause", &Shares::pause},
    Share{"with a crash", &Shares::crash},
    Share{"with a crash while something was on its way", &Shares::crash_in_flight},
    Share{"with a restart", &Shares::restart},
};

void judge(SimulationReport& report, const Shares& at_least_percent) {
  for (const Share& share : kShares) {
    const std::size_t wanted = at_least_percent.*share.of;
    const std::size_t runs = report.runs.*share.of;
    if (runs * 100 >= wanted * report.seeds_run) continue;
    report.passed = false;
    report.vacuous = true;
    if (!report.failure.empty()) report.failure += "; ";
    report.failure += fmt::format("only {} of {} runs were {}, {} % should be", runs,
                                  report.seeds_run, share.what, wanted);
  }
}

}  // namespace

void Shares::count(const Happenings& run) noexcept {
  const auto add = [](std::size_t& runs, bool happened) { runs += happened ? 1 : 0; };
  add(disturbed, run.disturbed());
  add(cut, run.cut_streams != 0);
  add(partition, run.partitions != 0);
  add(stall, run.stalls + run.slow_paths != 0);
  add(pause, run.pauses != 0);
  add(crash, run.crashes != 0);
  add(crash_in_flight, run.crashes_in_flight != 0);
  add(restart, run.restarts != 0);
}

SimulationReport replay(const SimulationScenario& scenario, std::uint64_t seed,
                        SimulationBatchOptions options, Simulation::SystemSetup systems) {
  SimulationReport report;
  static_cast<ExploreReport&>(report) = detail::replay_run(
      SimulationRun{scenario, options, systems, report}, seed, options.trace_lines);
  return report;
}

SimulationReport explore(const SimulationScenario& scenario, SimulationBatchOptions options,
                         Simulation::SystemSetup systems) {
  SimulationReport report;
  const bool is_replay = detail::seed_of_environment().has_value();
  static_cast<ExploreReport&>(report) = detail::explore_runs(
      SimulationRun{scenario, options, systems, report},
      {options.first_seed, options.seeds, options.wall_time}, options.trace_lines);
  if (report.passed && !is_replay) judge(report, options.at_least_percent);
  return report;
}

std::string to_string(const SimulationReport& report) {
  std::string text = report.vacuous ? "vacuous: " + report.failure
                                    : to_string(static_cast<const ExploreReport&>(report));
  const Happenings& all = report.happened;
  text += fmt::format(
      "\nWhat happened: {} streams, {} connects refused; {} cuts broke {} streams and lost {} "
      "bytes; {} partitions, {} stalls, {} slow paths held {} streams; {} pauses; {} crashes ({} "
      "while something was on its way), {} restarts",
      all.streams, all.refused_connects, all.cuts, all.cut_streams, all.cut_bytes, all.partitions,
      all.stalls, all.slow_paths, all.held, all.pauses, all.crashes, all.crashes_in_flight,
      all.restarts);
  for (const Share& share : kShares)
    if (const std::size_t runs = report.runs.*share.of; runs != 0)
      text += fmt::format("\n  {} of {} runs {}", runs, report.seeds_run, share.what);
  return text;
}

}  // namespace coerce::testkit
