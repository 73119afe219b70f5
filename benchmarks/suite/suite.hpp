/// \file
/// What a benchmark of the library's own suite is.

#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

namespace suite {

/// What a figure is held against.
struct Target {
  enum class Unit {
    None,      ///< it has no target
    Absolute,  ///< `at_most`, in the unit of the figure
    Limit,     ///< `at_most` times L, in CPU time; holds for one worker
    Rival,     ///< `at_most` times the figure `rival` at the same number of workers
  };
  Unit unit = Unit::None;
  double at_most = 0;
  std::string_view rival = {};
};

struct Figure {
  std::string_view name;
  std::string_view unit;
  Target target = {};
};

struct Settings {
  unsigned workers = 1;  ///< 0: no threads, the main thread drives the system
  double scale = 1;

  /// A size at this scale.
  std::uint64_t scaled(std::uint64_t size) const {
    const auto result = static_cast<std::uint64_t>(static_cast<double>(size) * scale + 0.5);
    return result == 0 ? 1 : result;
  }
};

/// What one run gave: a number for each figure of the benchmark, in their order.
struct Sample {
  std::uint64_t ops = 0;
  std::vector<double> numbers;
  double cpu_ns_per_op = 0;  ///< of the whole process; 0 where it says nothing
};

using Run = std::function<Sample()>;

struct Bench {
  std::string_view name;
  std::vector<Figure> figures;
  /// Makes what the runs need and keeps it until the Run goes.
  std::function<Run(const Settings&)> prepare;
  std::size_t most_runs = std::numeric_limits<std::size_t>::max();  ///< where more tell nothing new
  bool needs_threads = false;
  bool warm_up = true;  ///< one run first that is not measured
};

std::vector<Bench> messaging();    // messaging.cpp
std::vector<Bench> allocations();  // messaging.cpp
std::vector<Bench> creation();     // creation.cpp
std::vector<Bench> timing();       // timing.cpp
std::vector<Bench> network();      // network.cpp

}  // namespace suite
