/// \file
/// What was measured, and how it is printed.

#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "suite.hpp"

namespace suite {

double minimum(const std::vector<double>& numbers);
double median(std::vector<double> numbers);

/// A figure with a number of each of its runs, and L as measured right before each.
struct Measured {
  Figure figure;
  unsigned workers = 1;
  std::vector<double> numbers;
  std::vector<double> cpu_ns;  ///< empty where it says nothing
  std::vector<double> limits;
  std::vector<double> cpu_limits;
  std::optional<double> rival;  ///< the minimum of the figure that the target names

  /// The minimum in units of L: the least disturbed run beside the least disturbed L.
  std::optional<double> ratio_to_limit() const;
  /// The same in CPU time, which does not count when others had the processor.
  std::optional<double> cpu_ratio_to_limit() const;
  /// In words; empty without one that holds here.
  std::string target() const;
  /// Does the minimum meet the target? None without one. A ratio to L is judged in CPU time: with
  /// one worker that never waits it is the wall time of a run that nobody disturbed.
  std::optional<bool> met() const;
};

void print_json(std::FILE* file, const std::vector<Measured>& all);
void print_table(std::FILE* file, const std::vector<Measured>& all);

}  // namespace suite
