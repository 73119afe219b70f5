/// \file
/// What the parts of a node take from their system: time, randomness, tasks, the log.

#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include <coerce/actor/system.hpp>
#include <coerce/runtime/detail/async_event.hpp>

#include "actor/log.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

/// Lets some lines of the log pass and counts the others. Thread-safe.
class LogLimit {
 public:
  /// So many lines within a second, and as many more as the burst allows.
  explicit LogLimit(unsigned per_second = 5, unsigned burst = 50) noexcept
      : per_second_(per_second), burst_(burst), left_(burst) {}

  /// None: not this one. Otherwise how many were left out since the last one that passed.
  std::optional<std::uint64_t> pass(TimePoint now) noexcept;

 private:
  const unsigned per_second_;
  const unsigned burst_;
  SpinLock lock_;
  double left_;
  std::optional<TimePoint> last_;
  std::uint64_t left_out_ = 0;
};

/// Waits; false: `ends` has happened, or the task is asked to stop.
Task<bool> pause_unless(AsyncEvent& ends, Duration wait);

/// Words of a stranger, fit for a line of the log.
std::string printable(std::string_view text, std::size_t limit = 200);

/// Lives as long as the system, and does not keep it alive.
class NodeWorld {
 public:
  explicit NodeWorld(const ActorSystem& system) noexcept
      : system_(std::shared_ptr<SystemCore>(std::shared_ptr<void>(), &system.core())) {}

  /// A handle that owns nothing.
  const ActorSystem& system() const noexcept { return system_; }
  SystemCore& core() const noexcept { return system_.core(); }
  Clock& clock() const noexcept { return system_.clock(); }
  TimePoint now() const noexcept { return clock().now(); }
  Rng& rng() const noexcept { return system_.scheduler().rng(); }
  /// False: not begun, as the system runs as many as it may, or the node has ended.
  bool spawn(Task<void> task) const {
    return !is_closed_.load(std::memory_order_acquire) && system_.spawn(std::move(task));
  }
  /// The node has ended. What begins from here on would not be asked to stop any more: the system
  /// asks only the tasks that there are.
  void close() noexcept { is_closed_.store(true, std::memory_order_release); }

  /// A line of the node's; those about others than itself (`limit`) are rare enough to be read.
  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> format, Args&&... arguments) const {
    detail::log(core(), level, path(), format, std::forward<Args>(arguments)...);
  }
  template <class... Args>
  void log_limited(LogLevel level, fmt::format_string<Args...> format, Args&&... arguments) {
    if (!log_enabled(core(), level)) return;
    const auto left_out = limit_.pass(now());
    if (!left_out) return;
    if (*left_out > 0) log(level, "{} lines about other nodes were left out", *left_out);
    log(level, format, std::forward<Args>(arguments)...);
  }

 private:
  std::string path() const { return fmt::format("{}/remote", core().name().view()); }

  ActorSystem system_;
  std::atomic<bool> is_closed_{false};
  LogLimit limit_;
};

}  // namespace coerce::detail
