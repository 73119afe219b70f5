#include <coerce/testkit/explore.hpp>

#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include <coerce/runtime/clock.hpp>

#include "testkit/exploring.hpp"
#include "testkit/inside.hpp"

namespace coerce::testkit {

/// Runs a scenario under a given seed, whatever the environment says.
struct Explorer {
  const Scenario& scenario;
  const ExploreOptions& options;
  const ActorSystemBuilder& builder;

  std::optional<std::string> operator()(std::uint64_t seed, detail::Trace* trace) const {
    // Outlives the exception: what it says at its end it says only where it is the failure.
    TestSystem test({.seed = seed, .max_steps = options.max_steps, .show_log = options.show_log},
                    builder, trace);
    return detail::failure_of([&] {
      scenario(test);
      test.shutdown();
    });
  }
};

namespace detail {

namespace {

void record(ExploreReport& report, const RunOfSeed& run, std::uint64_t seed,
            std::size_t trace_lines) {
  Trace trace(trace_lines);
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

}  // namespace

ExploreReport replay_run(const RunOfSeed& run, std::uint64_t seed, std::size_t trace_lines) {
  if (seed == 0) throw std::invalid_argument("seed: must not be 0");
  ExploreReport report;
  report.seeds_run = 1;
  record(report, run, seed, trace_lines);
  return report;
}

ExploreReport explore_runs(const RunOfSeed& run, const SeedRange& range, std::size_t trace_lines) {
  if (range.first == 0) throw std::invalid_argument("first_seed: must not be 0");
  if (const auto only = seed_of_environment()) return replay_run(run, *only, trace_lines);
  const SystemClock wall;
  const TimePoint end = coerce::detail::later(wall.now(), range.wall_time);
  ExploreReport report;
  for (std::uint64_t seed = range.first;
       report.seeds_run < range.count && (report.seeds_run == 0 || wall.now() < end); ++seed) {
    ++report.seeds_run;
    auto failure = run(seed, nullptr);
    if (!failure) continue;
    report.passed = false;
    report.failing_seed = seed;
    report.failure = std::move(*failure);
    record(report, run, seed, trace_lines);
    break;
  }
  return report;
}

}  // namespace detail

ExploreReport replay(const Scenario& scenario, std::uint64_t seed, ExploreOptions options,
                     const ActorSystemBuilder& builder) {
  return detail::replay_run(Explorer{scenario, options, builder}, seed, options.trace_lines);
}

ExploreReport explore(const Scenario& scenario, ExploreOptions options,
                      const ActorSystemBuilder& builder) {
  return detail::explore_runs(Explorer{scenario, options, builder},
                              {options.first_seed, options.seeds, options.wall_time},
                              options.trace_lines);
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
