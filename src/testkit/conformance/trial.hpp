/// \file
/// One run of one case of a conformance suite.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <coerce/actor/system.hpp>
#include <coerce/testkit/conformance.hpp>

namespace coerce::testkit::conformance::detail {

/// Leaves a trial whose promise is broken.
class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the case of a trial sees. All functions are thread-safe.
class Trial {
 public:
  Trial(ActorSystem where, std::uint64_t chosen_seed, const ConformanceOptions& with)
      : system(std::move(where)), seed(chosen_seed), rng(chosen_seed * 2 + 1), options(with) {}

  [[noreturn]] void broken(std::string_view what);
  void check(bool kept, std::string_view what) {
    if (!kept) broken(what);
  }
  /// The value of a result that must have one.
  template <class T, class E>
  T must(Result<T, E> result, std::string_view what) {
    if (!result) broken(fmt::format("{}: {}", what, result.error().to_string()));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  /// The result must be this error.
  template <class T, class E>
  void refused(const Result<T, E>& result, typename E::Kind kind, std::string_view what) {
    if (result) broken(fmt::format("{}: it was done; {} was due", what, to_string(kind)));
    if (result.error().kind() != kind)
      broken(fmt::format("{}: {}; {} was due", what, result.error().to_string(), to_string(kind)));
  }
  void log(std::string line);
  std::string last_operations() const;

  /// What the store's time may be off by.
  Duration slack() const noexcept {
    return options.simulated ? Duration::zero() : options.clock_slack;
  }
  TimePoint now() const noexcept { return system.clock().now(); }

  const ActorSystem system;
  const std::uint64_t seed;
  Rng rng;
  const ConformanceOptions options;

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> operations_;
  std::size_t dropped_ = 0;
};

struct Case {
  std::string promise;
  std::function<Task<void>(Trial&)> body;
  bool is_random = false;  ///< to be tried under many seeds
};

ConformanceReport run_cases(const std::vector<Case>& cases, const ConformanceOptions& options);

/// Runs tasks beside each other, each in a unit of its own, until all have ended; then throws what
/// the first of them threw.
Task<void> together(const ActorSystem& system, std::vector<Task<void>> tasks);

/// A name of a store that was never used in this process.
std::string fresh_store_name();

}  // namespace coerce::testkit::conformance::detail
