/// \file
/// What the benchmarks of the suite share.

#pragma once

#include <coerce/actor.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "../peers/coerce/support.hpp"
#include "suite.hpp"

namespace suite {

using coerce::ActorContext;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::Task;
using peers::Measurement;
using peers::Signal;
using peers::Sizes;
using peers::Stopwatch;
using peers::coerce_peer::Count;
using peers::coerce_peer::Go;
using peers::coerce_peer::start;
using peers::coerce_peer::wait;

/// A system as a program would have it, but that it draws the same random numbers each time.
inline ActorSystem make_system(const Settings& settings) {
  return ActorSystem::builder().worker_threads(settings.workers).seed(1).build();
}

inline double ns_per_op(const Measurement& measured) {
  return measured.wall_ns / static_cast<double>(measured.ops);
}

inline Target times_limit(double factor) {
  return {.unit = Target::Unit::Limit, .at_most = factor};
}
inline Target at_most(double number) { return {.unit = Target::Unit::Absolute, .at_most = number}; }
inline Target times(double factor, std::string_view rival) {
  return {.unit = Target::Unit::Rival, .at_most = factor, .rival = rival};
}

/// For benchmarks that take about a second.
inline constexpr std::size_t few_runs = 20;

/// A benchmark with one figure, the wall time of an operation in ns. `run` is called with a system
/// and the settings and gives a Measurement.
template <class F>
Bench ns_bench(std::string_view name, Target target, F run,
               std::size_t most_runs = std::numeric_limits<std::size_t>::max()) {
  const auto prepare = [run](const Settings& settings) -> Run {
    return [run, settings, system = make_system(settings)] {
      const Measurement measured = run(system, settings);
      const auto ops = static_cast<double>(measured.ops);
      return Sample{.ops = measured.ops,
                    .numbers = {measured.wall_ns / ops},
                    .cpu_ns_per_op = measured.cpu_ns / ops};
    };
  };
  return {.name = name,
          .figures = {{.name = name, .unit = "ns", .target = target}},
          .prepare = prepare,
          .most_runs = most_runs};
}

}  // namespace suite
