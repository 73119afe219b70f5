/// \file
/// One run of one case of a conformance suite.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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

/// How many calls of each kind had an answer that says something: a refusal does, Unavailable and
/// Unknown do not.
class Answers {
 public:
  void add(std::string_view call, bool is_certain);
  void add(const Answers& others);
  /// A kind of calls of which too few had such an answer, so that nothing is shown by the others.
  std::optional<std::string> vacuous() const;

 private:
  struct Count {
    std::size_t calls = 0;
    std::size_t certain = 0;
  };
  std::map<std::string, Count, std::less<>> counts_;
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
  /// A call of the store has this result.
  template <class T, class E>
  void answered(std::string_view call, const Result<T, E>& result) {
    bool is_certain = result.has_value();
    if (!result) is_certain = !says_nothing(result.error().kind());
    const std::lock_guard guard(mutex_);
    answers_.add(call, is_certain);
  }
  Answers answers() const {
    const std::lock_guard guard(mutex_);
    return answers_;
  }
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
  static bool says_nothing(JournalErr::Kind kind) noexcept {
    return kind == JournalErr::Kind::Unavailable || kind == JournalErr::Kind::Unknown;
  }
  static bool says_nothing(LeaseErr::Kind kind) noexcept {
    return kind == LeaseErr::Kind::Unavailable;
  }

  mutable std::mutex mutex_;
  Answers answers_;
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
