/// \file
/// What every stress program needs: violations, counted outcomes, counted objects, dice, a
/// watchdog.

#pragma once

#include <coerce/actor.hpp>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace coerce::stress {

/// How often the library broke a promise. A stress program that ends with any exits with an error.
inline std::atomic<std::uint64_t> violations{0};

/// Records a violation, and prints the first few: after those the log says nothing new.
template <class... Args>
void violation(fmt::format_string<Args...> format, Args&&... args) {
  constexpr std::uint64_t printed = 50;
  if (violations.fetch_add(1) >= printed) return;
  fmt::print(stderr, "VIOLATION: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

// ── Calls ───────────────────────────────────────────────────────────────────────────────────────

inline constexpr auto error_names = std::to_array<std::pair<ActorRefErr::Kind, std::string_view>>({
    {ActorRefErr::Kind::ActorUnavailable, "ActorUnavailable"},
    {ActorRefErr::Kind::NotFound, "NotFound"},
    {ActorRefErr::Kind::AlreadyExists, "AlreadyExists"},
    {ActorRefErr::Kind::Serialisation, "Serialisation"},
    {ActorRefErr::Kind::Deserialisation, "Deserialisation"},
    {ActorRefErr::Kind::Timeout, "Timeout"},
    {ActorRefErr::Kind::ActorStartFailed, "ActorStartFailed"},
    {ActorRefErr::Kind::InvalidRef, "InvalidRef"},
    {ActorRefErr::Kind::ResultChannelClosed, "ResultChannelClosed"},
    {ActorRefErr::Kind::ResultSendFailed, "ResultSendFailed"},
    {ActorRefErr::Kind::NotSupported, "NotSupported"},
    {ActorRefErr::Kind::NotImplemented, "NotImplemented"},
    {ActorRefErr::Kind::HandlerFailed, "HandlerFailed"},
    {ActorRefErr::Kind::MailboxFull, "MailboxFull"},
    {ActorRefErr::Kind::Unreachable, "Unreachable"},
    {ActorRefErr::Kind::Unauthorised, "Unauthorised"},
    {ActorRefErr::Kind::Cancelled, "Cancelled"},
    {ActorRefErr::Kind::Fenced, "Fenced"},
    {ActorRefErr::Kind::Overloaded, "Overloaded"},
});

/// Whether local actors may give this error at all.
inline bool is_expected_locally(ActorRefErr::Kind kind) {
  switch (kind) {
    case ActorRefErr::Kind::ActorUnavailable:
    case ActorRefErr::Kind::AlreadyExists:
    case ActorRefErr::Kind::Timeout:
    case ActorRefErr::Kind::ActorStartFailed:
    case ActorRefErr::Kind::InvalidRef:
    case ActorRefErr::Kind::ResultChannelClosed:
    case ActorRefErr::Kind::NotSupported:
    case ActorRefErr::Kind::HandlerFailed:
    case ActorRefErr::Kind::MailboxFull:
    case ActorRefErr::Kind::Cancelled:
      return true;
    default:
      return false;
  }
}

/// How many calls were begun and how each of them ended. Thread-safe.
class Outcomes {
 public:
  void begin() { started_.fetch_add(1); }

  template <class T>
  void end(const Result<T>& result) {
    if (result) {
      values_.fetch_add(1);
    } else {
      count(result.error());
    }
    ended_.fetch_add(1);
  }

  std::uint64_t started() const { return started_.load(); }
  std::uint64_t ended() const { return ended_.load(); }

  void print() const {
    fmt::print("  {:<20} {:>12}\n", "value", values_.load());
    for (std::size_t i = 0; i < error_names.size(); ++i) {
      if (const auto count = errors_[i].load(); count > 0) {
        fmt::print("  {:<20} {:>12}\n", error_names[i].second, count);
      }
    }
  }

 private:
  void count(const ActorRefErr& error) {
    if (!is_expected_locally(error.kind())) violation("a local call ended with: {}", error);
    for (std::size_t i = 0; i < error_names.size(); ++i) {
      if (error_names[i].first == error.kind()) errors_[i].fetch_add(1);
    }
  }

  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> ended_{0};
  std::atomic<std::uint64_t> values_{0};
  std::array<std::atomic<std::uint64_t>, error_names.size()> errors_{};
};

// ── Live objects ────────────────────────────────────────────────────────────────────────────────

/// Counts its own instances. One that is destroyed twice makes the count negative.
template <class Tag>
class Token {
 public:
  Token() { instances.fetch_add(1); }
  Token(const Token&) { instances.fetch_add(1); }
  Token(Token&&) noexcept { instances.fetch_add(1); }
  Token& operator=(const Token&) = default;
  Token& operator=(Token&&) noexcept = default;
  ~Token() { instances.fetch_sub(1); }

  static std::int64_t live() { return instances.load(); }

 private:
  static inline std::atomic<std::int64_t> instances{0};
};

// ── Chance ──────────────────────────────────────────────────────────────────────────────────────

/// The choices of one participant in one round: the same for the same seed.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t round, std::uint64_t thrower) {
    std::seed_seq sequence{low_word(seed), low_word(seed >> 32U), low_word(round),
                           low_word(thrower)};
    engine_.seed(sequence);
  }

  /// A number in [0, limit).
  std::uint32_t below(std::uint32_t limit) { return low_word(engine_() % limit); }

  bool percent(std::uint32_t chance) { return below(100) < chance; }

 private:
  static std::uint32_t low_word(std::uint64_t number) { return static_cast<std::uint32_t>(number); }

  std::mt19937_64 engine_;
};

// ── Hanging ─────────────────────────────────────────────────────────────────────────────────────

/// Aborts the program when a round takes too long, and says where it hangs. Its end stops the
/// watch.
class Watchdog {
 public:
  Watchdog(std::uint64_t seed, std::chrono::seconds round_limit, const Outcomes& outcomes)
      : seed_(seed),
        round_limit_(round_limit),
        outcomes_(outcomes),
        thread_([this](const std::stop_token& stop) { watch(stop); }) {}

  void begin_round(std::uint64_t round) {
    const std::lock_guard lock(mutex_);
    round_ = round;
    ++rounds_begun_;
    changed_.notify_all();
  }

  void enter(std::string_view phase) {
    const std::lock_guard lock(mutex_);
    phase_ = phase;
  }

 private:
  void watch(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const auto seen = rounds_begun_;
      const bool went_on =
          changed_.wait_for(lock, stop, round_limit_, [&] { return rounds_begun_ != seen; });
      if (!went_on && !stop.stop_requested()) bark();
    }
  }

  [[noreturn]] void bark() const {
    fmt::print(stderr,
               "HANGS: round {} of seed {} has taken more than {} s, in: {}. "
               "{} calls were begun and {} have ended.\n",
               round_, seed_, round_limit_.count(), phase_, outcomes_.started(), outcomes_.ended());
    std::abort();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t seed_;
  std::chrono::seconds round_limit_;
  const Outcomes& outcomes_;
  std::uint64_t round_ = 0;
  std::uint64_t rounds_begun_ = 0;
  std::string_view phase_ = "start";
  std::jthread thread_;  // last: it uses all of the above
};

// ── Environment ─────────────────────────────────────────────────────────────────────────────────

/// The number in an environment variable, or `otherwise` where that is not set. Ends the program if
/// there is something else in it.
inline std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  const char* end = text + std::strlen(text);
  std::uint64_t number = 0;
  const auto [parsed_to, error] = std::from_chars(text, end, number);
  if (error != std::errc() || parsed_to != end) {
    fmt::print(stderr, "{} is not a number: {}\n", variable, text);
    std::exit(2);
  }
  return number;
}

}  // namespace coerce::stress
