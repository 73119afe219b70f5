#include <coerce/testkit/explore.hpp>

#include <exception>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include <coerce/runtime/clock.hpp>

#include "testkit/inside.hpp"

namespace coerce::testkit {

/// Runs a scenario under a given seed, whatever the environment says.
struct Explorer {
  const Scenario& scenario;
  const ExploreOptions& options;
  const ActorSystemBuilder& builder;

  /// What it threw, if it failed.
  std::optional<std::string> run(std::uint64_t seed, detail::Trace* trace) const {
    // Outlives the exception: what it says at its end it says only where it is the failure.
    TestSystem test({.seed = seed, .max_steps = options.max_steps, .show_log = options.show_log},
                    builder, trace);
    try {
      scenario(test);
      test.shutdown();
    } catch (const std::exception& error) {
      return error.what();
    } catch (...) {
      return "an exception that is no std::exception";
    }
    return std::nullopt;
  }

  void record(ExploreReport& report, std::uint64_t seed) const {
    detail::Trace trace(options.trace_lines);
    if (auto failure = run(seed, &trace)) {
      report.passed = false;
      report.failing_seed = seed;
      report.failure = std::move(*failure);
    } else if (!report.passed) {
      return;
    }
    report.trace = trace.lines();
    report.trace_dropped = trace.dropped();
  }
};

ExploreReport replay(const Scenario& scenario, std::uint64_t seed, ExploreOptions options,
                     const ActorSystemBuilder& builder) {
  if (seed == 0) throw std::invalid_argument("seed: must not be 0");
  ExploreReport report;
  report.seeds_run = 1;
  Explorer{scenario, options, builder}.record(report, seed);
  return report;
}

ExploreReport explore(const Scenario& scenario, ExploreOptions options,
                      const ActorSystemBuilder& builder) {
  if (options.first_seed == 0) throw std::invalid_argument("first_seed: must not be 0");
  if (const auto only = detail::seed_of_environment())
    return replay(scenario, *only, options, builder);
  const Explorer explorer{scenario, options, builder};
  const SystemClock wall;
  const TimePoint end = coerce::detail::later(wall.now(), options.wall_time);
  ExploreReport report;
  for (std::uint64_t seed = options.first_seed;
       report.seeds_run < options.seeds && (report.seeds_run == 0 || wall.now() < end); ++seed) {
    ++report.seeds_run;
    auto failure = explorer.run(seed, nullptr);
    if (!failure) continue;
    report.passed = false;
    report.failing_seed = seed;
    report.failure = std::move(*failure);
    explorer.record(report, seed);
    break;
  }
  return report;
}

std::string to_string(const ExploreReport& report) {
  std::string text;
  if (report.passed) {
    text = fmt::format("passed under {} seeds", report.seeds_run);
  } else {
    text = fmt::format("failed under the seed {}, after {} others: {}", report.failing_seed,
                       report.seeds_run - 1, report.failure);
    text += report.trace.empty() ? "\nIt passed when it was repeated: it depends on more than the "
                                   "seed."
                                 : "\nWhat ran:";
  }
  if (report.trace_dropped != 0) text += fmt::format("\n  ({} steps before)", report.trace_dropped);
  for (const std::string& line : report.trace) text += "\n  " + line;
  return text;
}

}  // namespace coerce::testkit
