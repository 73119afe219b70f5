/// \file
/// The part of a worker that is inlined where messages are sent.

#pragma once

#include <coerce/runtime/detail/unit.hpp>
#include <coerce/runtime/rng.hpp>

namespace coerce::detail {

class Worker {
 public:
  Worker(SchedulerCore& core, unsigned message_budget, unsigned index) noexcept
      : scheduler_(&core), budget_(message_budget), index_(index) {}

  SchedulerCore& scheduler() const noexcept { return *scheduler_; }
  /// Messages that a unit may handle or send before others have their turn.
  std::int32_t budget() const noexcept { return static_cast<std::int32_t>(budget_); }
  /// This worker only, when a unit has used up its budget: must it make way, or is there time yet?
  /// A unit with many small messages keeps its turn until the worker is due to look around, so that
  /// its mailbox stays short and warm.
  bool turn_is_over() noexcept;

  /// Milliseconds of the scheduler's clock, read when the worker last looked around: late by the
  /// length of a turn at the most. Wraps after 49 days.
  std::uint32_t clock_ms() const noexcept { return clock_ms_; }

  /// Among the workers of its scheduler, from 0.
  unsigned index() const noexcept { return index_; }

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
    if (newest == nullptr || newest->run != kind || chain_ == 0) return nullptr;
    --chain_;
    lifo_ = nullptr;
    return newest;
  }
  /// The next one that is taken ends the chain, unless mend_chain() is called before it has run.
  void cut_chain() noexcept {
    uncut_chain_ = chain_;
    chain_ = chain_ < 1 ? chain_ : 1;
  }
  void mend_chain() noexcept { chain_ = uncut_chain_ - (uncut_chain_ != 0 ? 1 : 0); }
  bool has_newest() const noexcept { return lifo_ != nullptr; }

  /// This worker only: behind everything that it has queued.
  void push_back(Runnable& runnable) noexcept;

 protected:
  static constexpr unsigned kLifoStreak = 64;  ///< newest ones in a row, then others have a turn
  static constexpr unsigned kChain = 16;       ///< then the worker's loop has a look around

  SchedulerCore* scheduler_;
  Runnable* lifo_ = nullptr;
  unsigned lifo_streak_ = 0;
  unsigned chain_ = kChain;  ///< how many more take_newest() may take
  unsigned uncut_chain_ = 0;
  unsigned picks_ = 0;
  std::uint32_t clock_ms_ = 0;
  const unsigned budget_;
  const unsigned index_;
};

/// The generator of the scheduler.
Rng& rng_of(SchedulerCore& core) noexcept;

/// The present milliseconds of Worker::clock_ms().
std::uint32_t clock_ms(const SchedulerCore& core) noexcept;

/// Queues a runnable from a thread that is no worker of `core`.
void inject(SchedulerCore& core, Runnable& runnable) noexcept;

inline void submit(ThreadState& thread, SchedulerCore& core, Runnable& runnable) noexcept {
  if (thread.worker != nullptr && &thread.worker->scheduler() == &core)
    thread.worker->push(runnable);
  else
    inject(core, runnable);
}

inline void Unit::schedule() noexcept { submit(thread_state(), *scheduler, *this); }

inline void Unit::wake(ThreadState& thread, Envelope& node) noexcept {
  if (thread.held == this) {
    thread.held = nullptr;
    thread.worker->mend_chain();
  } else if (!control.try_take_suspended()) {
    if (control.push_completion(&node) == ControlPush::BecameOwner)
      submit(thread, *scheduler, *this);
    return;
  }
  completion = &node;
  attention |= kCompletion;
  submit(thread, *scheduler, *this);
}

/// Lets go of the unit that the thread holds.
inline void let_go(ThreadState& thread) noexcept {
  Unit& unit = *thread.held;
  thread.held = nullptr;
  if (!unit.control.suspend()) submit(thread, *unit.scheduler, unit);
}

inline bool Unit::suspend(ThreadState& thread) noexcept {
  if (!thread.worker->has_newest() || control.has_nodes()) return control.suspend();
  if (thread.held != nullptr) let_go(thread);
  thread.held = this;
  thread.worker->cut_chain();  // so that the worker's loop lets go after one activation
  return true;
}

}  // namespace coerce::detail
