/// \file
/// A scenario under many seeds.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include <coerce/testkit/test_system.hpp>

namespace coerce::testkit {

struct ExploreOptions {
  std::size_t seeds = 1000;              ///< how many to try, one after the other
  std::uint64_t first_seed = 1;          ///< \pre not 0
  Duration wall_time = Duration::max();  ///< of the machine; no further seed is begun after it
  std::size_t trace_lines = 200;      ///< the last steps of the failing run that the report lists
  std::size_t max_steps = 1'000'000;  ///< see TestSystemOptions
  bool show_log = false;              ///< see TestSystemOptions
};
static_assert(std::is_trivially_destructible_v<ExploreOptions>);

/// What exploring has found.
struct ExploreReport {
  bool passed = true;
  std::size_t seeds_run = 0;
  std::uint64_t failing_seed = 0;  ///< the first that failed; 0: none
  std::string failure;             ///< what it threw
  /// What ran in the failing run, step by step: actor and message, and among how many that were
  /// ready it was drawn. Empty if the scenario passed when it was repeated: then it depends on more
  /// than the seed.
  std::vector<std::string> trace;
  std::size_t trace_dropped = 0;  ///< earlier lines, beyond the limit
};

/// Everything in several lines.
std::string to_string(const ExploreReport& report);

/// What is tried: it fails by throwing anything, ExpectationFailed for instance
/// (TestSystem::check). Run many times; so it makes its actors and probes anew and keeps nothing
/// between two runs.
using Scenario = std::function<void(TestSystem&)>;

/// Runs the scenario in a fresh TestSystem for each seed, and shuts it down, until one fails; then
/// repeats that one to record its trace. If COERCE_SEED is set in the environment only that seed is
/// tried. `builder` has the settings of the system, as for TestSystem. On the calling thread.
ExploreReport explore(const Scenario& scenario, ExploreOptions options = {},
                      const ActorSystemBuilder& builder = ActorSystem::builder());

/// Runs it under one seed and records the trace, also if it passes.
ExploreReport replay(const Scenario& scenario, std::uint64_t seed, ExploreOptions options = {},
                     const ActorSystemBuilder& builder = ActorSystem::builder());

}  // namespace coerce::testkit

template <>
struct fmt::formatter<coerce::testkit::ExploreReport> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const coerce::testkit::ExploreReport& report, Context& context) const {
    const std::string text = coerce::testkit::to_string(report);
    return std::copy(text.begin(), text.end(), context.out());
  }
};
