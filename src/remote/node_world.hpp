/// \file
/// What the parts of a node take from their system: time, randomness, tasks, the log.

#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include <coerce/actor/system.hpp>
#include <coerce/runtime/detail/async_event.hpp>

#include "actor/log.hpp"
#include "actor/system_core.hpp"
#include "remote/log_limit.hpp"

namespace coerce::detail {

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

  /// A line of the node's.
  template <class... Args>
  void log(LogLevel level, fmt::format_string<Args...> format, Args&&... arguments) const {
    detail::log(core(), level, path(), format, std::forward<Args>(arguments)...);
  }
  /// One that others cause: of each of them there are few enough to be read, and what strangers
  /// cause does not silence what nodes do.
  template <class... Args>
  void log_limited(const LogSource& source, LogLevel level, fmt::format_string<Args...> format,
                   Args&&... arguments) {
    if (!log_enabled(core(), level)) return;
    const auto left_out = (source.is_stranger ? strangers_ : nodes_).pass(source.name, now());
    if (!left_out) return;
    if (*left_out > 0)
      log(level, "{} lines about {} were left out", *left_out,
          source.is_stranger ? "strangers" : "other nodes");
    log(level, format, std::forward<Args>(arguments)...);
  }

 private:
  std::string path() const { return fmt::format("{}/remote", core().name().view()); }

  ActorSystem system_;
  std::atomic<bool> is_closed_{false};
  SourceLimits strangers_;
  SourceLimits nodes_;
};

}  // namespace coerce::detail
