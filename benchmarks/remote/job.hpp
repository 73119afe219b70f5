/// \file
/// What is measured between two processes, and what comes out.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace remote_bench {

enum class Kind : std::uint8_t {
  Request,  ///< `in_flight` requests are under way; each is answered with its payload
  OneWay,   ///< messages that nobody answers; the last one is known to have arrived
};

struct Job {
  std::string_view name;
  Kind kind;
  std::size_t payload;    ///< bytes
  std::size_t in_flight;  ///< of Request
  std::uint64_t count;    ///< messages or requests at scale 1, of the fastest contender
};

inline constexpr std::size_t kSmall = 64;
inline constexpr std::size_t kLarge = 16 * 1024;

inline constexpr Job kJobs[] = {
    {"round trip", Kind::Request, kSmall, 1, 20'000},
    {"64 in flight", Kind::Request, kSmall, 64, 400'000},
    {"1000 in flight", Kind::Request, kSmall, 1000, 800'000},
    {"one way 64 B", Kind::OneWay, kSmall, 0, 4'000'000},
    {"one way 16 KiB", Kind::OneWay, kLarge, 0, 60'000},
};

/// The actors that are sent to, taking turns in an order that looks random.
inline constexpr std::size_t kTargets = 100;

/// Picks targets: cheap, and the same for everybody.
class Targets {
 public:
  std::size_t next() noexcept {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state_ >> 33) % kTargets);
  }

 private:
  std::uint64_t state_ = 42;
};

/// Senders without a limit of their own keep this many bytes under way: when so many have been
/// sent, the next ones wait for an answer behind them. There are four such windows.
inline constexpr std::size_t kWindows = 4;
inline constexpr std::size_t kWindowBytes = 160 * 1024;
inline constexpr std::uint64_t window_of(const Job& job) noexcept {
  return kWindowBytes / (job.payload + 20);
}

/// Where the certificates of a TLS run are; empty names without TLS.
struct TlsFiles {
  std::string authority;
  std::string certificate;
  std::string key;
  bool wanted() const noexcept { return !authority.empty(); }
};

struct Setting {
  Job job;
  std::uint64_t count = 0;  ///< this time
  TlsFiles tls;
  unsigned workers = 1;  ///< threads of actors or of I/O in each process
};

/// The process that serves.
struct Server {
  std::uint16_t port = 0;
  pid_t pid = 0;
};

/// Of the interval that the driving process has measured. Trivial: it goes through a pipe.
struct Outcome {
  std::uint64_t count = 0;
  double seconds = 0;
  double driver_cpu = 0;  ///< seconds of all threads
  double server_cpu = 0;
  double p50_us = 0;  ///< of Request with one in flight
  double p99_us = 0;
};

}  // namespace remote_bench
