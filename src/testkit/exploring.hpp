/// \file
/// Many runs, one for each seed, until one fails.

#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>

#include <coerce/testkit/explore.hpp>

#include "testkit/recorder.hpp"

namespace coerce::testkit::detail {

/// Gives what went wrong, if anything did; records into the trace, if there is one.
using RunOfSeed = std::function<std::optional<std::string>(std::uint64_t seed, Trace* trace)>;

struct SeedRange {
  std::uint64_t first;
  std::size_t count;
  Duration wall_time;  ///< no further one is begun after it
};

/// What `f` throws, as text.
template <class F>
std::optional<std::string> failure_of(F&& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
  return std::nullopt;
}

/// As explore() and replay() say.
ExploreReport explore_runs(const RunOfSeed& run, const SeedRange& range, std::size_t trace_lines);
ExploreReport replay_run(const RunOfSeed& run, std::uint64_t seed, std::size_t trace_lines);

}  // namespace coerce::testkit::detail
