/// \file
/// Threads of their own for chosen actors.

#pragma once

#include <coerce/runtime/scheduler.hpp>

namespace coerce {

/// Threads that run only the actors that are started on them:
/// `ctx.spawn(id, Child()).on(scheduler)`, `system.new_actor(id, A()).on(scheduler)`.
///
/// For actors whose handlers keep a thread for long, so that others do not wait for them. Messages
/// to and from them cost a wake-up of another thread. It must outlive the actors and their system's
/// shutdown; its end stops the threads after the steps that they are in.
class DedicatedScheduler {
 public:
  /// \pre threads > 0. `clock`: that of the system; by default the machine's.
  explicit DedicatedScheduler(unsigned threads = 1, Clock* clock = nullptr)
      : scheduler_(SchedulerOptions{.workers = threads != 0 ? threads : 1, .clock = clock}) {}
  DedicatedScheduler(const DedicatedScheduler&) = delete;
  DedicatedScheduler& operator=(const DedicatedScheduler&) = delete;

  const Scheduler& scheduler() const noexcept { return scheduler_; }

 private:
  Scheduler scheduler_;
};

}  // namespace coerce
