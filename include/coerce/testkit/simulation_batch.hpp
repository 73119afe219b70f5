/// \file
/// A simulation under many seeds.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

#include <coerce/testkit/explore.hpp>
#include <coerce/testkit/simulation.hpp>

namespace coerce::testkit {

/// In how many of the runs something befell the simulation at least once.
struct Shares {
  std::size_t disturbed = 0;  ///< any of the following
  std::size_t cut = 0;        ///< a stream was
  std::size_t partition = 0;
  std::size_t stall = 0;  ///< or a slow path
  std::size_t pause = 0;
  std::size_t crash = 0;
  std::size_t crash_in_flight = 0;  ///< while something was on its way from the node
  std::size_t restart = 0;

  void count(const Happenings& run) noexcept;
};
static_assert(std::is_trivially_destructible_v<Shares>);

struct SimulationBatchOptions {
  std::size_t seeds = 200;               ///< how many to try, one after the other
  std::uint64_t first_seed = 1;          ///< \pre not 0
  Duration wall_time = Duration::max();  ///< of the machine; no further seed is begun after it
  std::size_t trace_lines = 400;   ///< the last steps of the failing run that the report lists
  SimulationOptions simulation{};  ///< of each run; its seed and trace_lines are not used
  /// In so many percent of the runs each of these must have happened at least once: else the batch
  /// has shown nothing, and fails as vacuous. For scenarios that let everything be well set
  /// `disturbed` to 0.
  Shares at_least_percent{.disturbed = 1};
};
static_assert(std::is_trivially_destructible_v<SimulationBatchOptions>);

struct SimulationReport : ExploreReport {
  Happenings happened;   ///< in all runs together
  Shares runs;           ///< in which
  bool vacuous = false;  ///< no run failed, but too little happened; passed is false then
};

/// Everything in several lines.
std::string to_string(const SimulationReport& report);

/// What is tried: it fails by throwing anything (Simulation::check). Run many times; so it keeps
/// nothing between two runs.
using SimulationScenario = std::function<void(Simulation&)>;

/// Runs the scenario in a fresh simulation for each seed, and shuts it down, until one fails; then
/// repeats that one to record its trace. If COERCE_SEED is set in the environment only that seed is
/// tried, and nothing is vacuous. On the calling thread.
SimulationReport explore(const SimulationScenario& scenario, SimulationBatchOptions options = {},
                         Simulation::SystemSetup systems = {});

/// Runs it under one seed and records the trace, also if it passes.
SimulationReport replay(const SimulationScenario& scenario, std::uint64_t seed,
                        SimulationBatchOptions options = {}, Simulation::SystemSetup systems = {});

}  // namespace coerce::testkit
