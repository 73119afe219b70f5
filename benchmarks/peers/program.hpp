/// \file
/// What every C++ peer program shares: its command line, the sizes of the benchmarks, how an
/// interval is measured and how the result is printed. README.md defines the benchmarks.

#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>

namespace peers {

/// `--bench NAME --workers N [--scale X]`
struct Options {
  std::string bench;
  unsigned workers = 1;
  double scale = 1.0;
};

inline Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--bench") {
      options.bench = value;
    } else if (name == "--workers") {
      options.workers = static_cast<unsigned>(std::max(1L, std::strtol(value, nullptr, 10)));
    } else if (name == "--scale") {
      options.scale = std::strtod(value, nullptr);
    } else {
      options.bench.clear();
      break;
    }
  }
  if (options.bench.empty() || argc % 2 == 0 || !(options.scale > 0)) {
    std::fprintf(stderr, "usage: %s --bench NAME --workers N [--scale X]\n", argv[0]);
    std::exit(2);
  }
  return options;
}

/// The sizes of the benchmarks at a scale; scale 1 is what README.md defines.
/// peer_bench.erl has the same table: change both.
class Sizes {
 public:
  static constexpr std::uint64_t ring_actors = 100;
  static constexpr std::uint64_t batch = 100;  ///< messages sent before a producer yields to itself
  static constexpr std::uint64_t all_to_all_actors = 120;
  static constexpr std::uint64_t skynet_fan_out = 10;

  explicit Sizes(double scale) : scale_(scale) {}

  std::uint64_t hops() const { return scaled(4'000'000); }
  std::uint64_t round_trips() const { return scaled(1'000'000); }
  std::uint64_t children() const { return scaled(200'000); }
  std::uint64_t rounds() const { return scaled(30); }
  std::uint64_t idle_actors() const { return scaled(1'000'000); }

  /// One producer's share of a million messages, in whole batches.
  std::uint64_t messages_per_producer(std::uint64_t producers) const {
    return std::max<std::uint64_t>(1, scaled(1'000'000) / producers / batch) * batch;
  }

  /// The largest power of ten that is at most a million at scale 1.
  std::uint64_t leaves() const {
    std::uint64_t leaves = skynet_fan_out;
    while (leaves * skynet_fan_out <= scaled(1'000'000)) leaves *= skynet_fan_out;
    return leaves;
  }

 private:
  std::uint64_t scaled(std::uint64_t n) const {
    return std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(static_cast<double>(n) * scale_ + 0.5));
  }

  double scale_;
};

/// The part of the full size that runs first and is not measured.
inline constexpr double warm_up = 0.05;

/// What one interval cost.
struct Measurement {
  std::uint64_t ops = 0;
  double wall_ns = 0;
  double cpu_ns = 0;
  double bytes_per_actor = 0;  ///< memory benchmark only
};

/// User and system time of the whole process, all threads.
inline double process_cpu_ns() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](timeval t) {
    return 1e9 * static_cast<double>(t.tv_sec) + 1e3 * static_cast<double>(t.tv_usec);
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

/// Resident memory of this process.
inline double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long total_pages = 0;
  long resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return static_cast<double>(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// Runs from its construction to `stop`.
class Stopwatch {
 public:
  Measurement stop(std::uint64_t ops) const {
    const std::chrono::duration<double, std::nano> wall = std::chrono::steady_clock::now() - wall_;
    return {.ops = ops, .wall_ns = wall.count(), .cpu_ns = process_cpu_ns() - cpu_};
  }

 private:
  double cpu_ = process_cpu_ns();
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
};

/// By which the actor that finishes the work tells the main thread.
/// May be destroyed as soon as `wait` has returned: `set` does not touch it any more by then.
class Signal {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_one();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// Prints the program's one line of JSON.
inline void print(std::string_view peer, const Options& options, const Measurement& m) {
  const auto ops = static_cast<double>(m.ops);
  std::printf(R"({"bench":"%s","peer":"%.*s","workers":%u,"ops":%llu,)"
              R"("wall_ns_per_op":%.2f,"cpu_ns_per_op":%.2f)",
              options.bench.c_str(), static_cast<int>(peer.size()), peer.data(), options.workers,
              static_cast<unsigned long long>(m.ops), m.wall_ns / ops, m.cpu_ns / ops);
  if (m.bytes_per_actor > 0) std::printf(R"(,"bytes_per_actor":%.1f)", m.bytes_per_actor);
  std::printf("}\n");
  std::fflush(stdout);
}

}  // namespace peers
