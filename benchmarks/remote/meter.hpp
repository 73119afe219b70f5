/// \file
/// How long an interval took, and what both processes spent in it.

#pragma once

#include "job.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

namespace remote_bench {

/// User and system time of all threads of a process.
inline double cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec now{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Runs from its construction to `stop`, in the driving process.
class Meter {
 public:
  explicit Meter(pid_t server)
      : server_(server), server_cpu_(cpu_seconds(server)), driver_cpu_(cpu_seconds(0)) {}

  Outcome stop(std::uint64_t count) const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
    Outcome outcome;
    outcome.count = count;
    outcome.seconds = took.count();
    outcome.driver_cpu = cpu_seconds(0) - driver_cpu_;
    outcome.server_cpu = cpu_seconds(server_) - server_cpu_;
    return outcome;
  }

 private:
  pid_t server_;
  double server_cpu_;
  double driver_cpu_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

/// The times of round trips.
class Latencies {
 public:
  explicit Latencies(std::size_t expected) { nanoseconds_.reserve(expected); }

  void begin() noexcept { began_ = std::chrono::steady_clock::now(); }
  void end() {
    nanoseconds_.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::steady_clock::now() - began_)
                               .count());
  }
  void write_to(Outcome& outcome) {
    if (nanoseconds_.empty()) return;
    outcome.p50_us = quantile(0.5);
    outcome.p99_us = quantile(0.99);
  }

 private:
  double quantile(double share) {
    const auto at =
        nanoseconds_.begin() +
        static_cast<std::ptrdiff_t>(share * static_cast<double>(nanoseconds_.size() - 1));
    std::nth_element(nanoseconds_.begin(), at, nanoseconds_.end());
    return static_cast<double>(*at) / 1000;
  }

  std::vector<std::int64_t> nanoseconds_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace remote_bench
