/// \file
/// Running what has no threads of its own: step by step, and from one moment to the next.

#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "runtime/scheduler_core.hpp"

namespace coerce::testkit::detail {

/// What is run on the calling thread. Time stands still in it while something is ready.
class Driven {
 public:
  Driven() = default;
  Driven(const Driven&) = delete;
  Driven& operator=(const Driven&) = delete;
  virtual ~Driven() = default;

  /// Runs one thing; false: nothing is ready.
  virtual bool step() = 0;
  virtual TimePoint now() const = 0;
  /// At which something may become ready by itself; none: never. Not later than now: there may be
  /// something that step() has not seen.
  virtual std::optional<TimePoint> next_moment() = 0;
  virtual void pass_to(TimePoint time) = 0;
};

enum class Drove { Done, TimeIsUp, Endless };

/// Runs until `done()`, which is asked before each step; at most until `end`, which it is then
/// exactly. TimeIsUp without the end having come: nothing can happen any more. Endless: there were
/// `max_steps`.
Drove drive(Driven& driven, const std::function<bool()>& done, TimePoint end,
            std::size_t max_steps);

/// One step of a scheduler.
bool step(coerce::detail::SchedulerCore& core);

/// Starts a task that is waited for by whoever drives its scheduler: true when it has ended.
std::shared_ptr<const bool> start_driven(coerce::detail::SchedulerCore& core, Task<void> task);

}  // namespace coerce::testkit::detail
