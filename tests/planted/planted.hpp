/// \file
/// Planting an error, and looking for it.

#pragma once

#include "actor/planted.hpp"

#include <coerce/testkit.hpp>

#include <cstdint>
#include <string>

namespace coerce::test {

class Planted {
 public:
  explicit Planted(detail::Bug bug) { detail::planted_bug = bug; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
  ~Planted() { detail::planted_bug = detail::Bug::None; }
};

/// Those of the scenarios (each with a name and a function) that fail within so many seeds, each
/// with its seed.
template <class Scenarios>
std::string found_within(const Scenarios& scenarios, std::size_t seeds) {
  std::string found;
  for (const auto& scenario : scenarios) {
    const auto report = testkit::explore(scenario.run, {.seeds = seeds});
    if (!report.passed)
      found += std::string(scenario.name) + " with seed " + std::to_string(report.failing_seed) +
               ": " + report.failure + "; ";
  }
  return found;
}

}  // namespace coerce::test
