/// \file
/// The part of a worker that is inlined where messages are sent.

#pragma once

#include <coerce/runtime/detail/unit.hpp>
#include <coerce/runtime/rng.hpp>

namespace coerce::detail {

class Worker {
 public:
  Worker(SchedulerCore& core, unsigned message_budget) noexcept
      : scheduler_(&core), budget_(message_budget) {}

  SchedulerCore& scheduler() const noexcept { return *scheduler_; }
  /// Messages that a unit may handle before others have their turn.
  unsigned budget() const noexcept { return budget_; }

  /// This worker only. The newest runnable goes first (it is warm in the cache); the one that it
  /// displaces goes to the queue that others may steal from.
  void push(Runnable& runnable) noexcept {
    Runnable* displaced = lifo_;
    lifo_ = &runnable;
    if (displaced != nullptr) push_back(*displaced);
  }

  /// This worker only: the newest runnable, if it is of this kind and nothing else has a turn
  /// before it. Spares a chain of actors that wake each other the way through the worker's loop.
  Runnable* take_newest(Runnable::Function kind) noexcept {
    Runnable* newest = lifo_;
    if (newest == nullptr || newest->run != kind || (picks_ + 1) % kPicksPerLook == 0 ||
        lifo_streak_ + 1 >= kLifoStreak)
      return nullptr;
    ++picks_;
    ++lifo_streak_;
    lifo_ = nullptr;
    return newest;
  }

  /// This worker only: behind everything that it has queued.
  void push_back(Runnable& runnable) noexcept;

 protected:
  static constexpr unsigned kLifoStreak = 64;  ///< newest ones in a row, then others have a turn
  static constexpr unsigned kPicksPerLook = 16;

  SchedulerCore* scheduler_;
  Runnable* lifo_ = nullptr;
  unsigned lifo_streak_ = 0;
  unsigned picks_ = 0;
  const unsigned budget_;
};

/// The generator of the scheduler.
Rng& rng_of(SchedulerCore& core) noexcept;

/// Queues a runnable from a thread that is no worker of `core`.
void inject(SchedulerCore& core, Runnable& runnable) noexcept;

inline void submit(ThreadState& thread, SchedulerCore& core, Runnable& runnable) noexcept {
  if (thread.worker != nullptr && &thread.worker->scheduler() == &core)
    thread.worker->push(runnable);
  else
    inject(core, runnable);
}

inline void Unit::schedule() noexcept { submit(thread_state(), *scheduler, *this); }

}  // namespace coerce::detail
