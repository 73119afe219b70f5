/// \file
/// Time as the library sees it.

#pragma once

#include <atomic>
#include <chrono>

namespace coerce {

using Duration = std::chrono::nanoseconds;
/// A moment of the steady clock.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// A moment of the wall clock (UTC), for people and for logs; never compared between machines.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// Where a system takes its time from. Implementations are thread-safe.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Never goes back.
  virtual TimePoint now() const noexcept = 0;
  virtual WallTime wall_now() const noexcept = 0;
  /// Does it go on by itself, so that waiting brings a deadline nearer?
  virtual bool advances() const noexcept { return true; }
  /// For a clock that does not: a scheduler driven by its caller would wait for so long, and
  /// nothing else can happen before. True: so much time has passed now.
  virtual bool skip(Duration) noexcept { return false; }
};

/// The clocks of the machine.
class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override;
  WallTime wall_now() const noexcept override;
};

/// A clock that stands still until it is advanced, for tests and simulations.
class ManualClock final : public Clock {
 public:
  TimePoint now() const noexcept override;
  WallTime wall_now() const noexcept override;
  bool advances() const noexcept override { return false; }
  /// \pre step >= 0
  void advance(Duration step) noexcept;

 private:
  std::atomic<Duration::rep> elapsed_{0};
};

}  // namespace coerce
