/// \file
/// A unit: one logical thread of control that the scheduler runs, an actor or a spawned task.

#pragma once

#include <coroutine>

#include <coerce/runtime/detail/cancel.hpp>
#include <coerce/runtime/detail/control_word.hpp>
#include <coerce/runtime/detail/envelope.hpp>

namespace coerce::detail {

class SchedulerCore;

/// Something that a worker can run.
struct Runnable {
  using Function = void (*)(Runnable&, ThreadState&);
  explicit Runnable(Function function) noexcept : run(function) {}
  Function run;
  Runnable* next_runnable = nullptr;  ///< link in the shared list; owned by whoever queued it
};

/// Everything that runs in a unit, all coroutines of its chain and all completions, runs on one
/// thread at a time: the owner's. So nothing inside a chain of tasks needs an atomic. The owner is
/// exactly one party: a run queue, a worker, or, while suspended, the operation that is awaited.
struct Unit : Runnable {
  Unit(Function function, SchedulerCore& core) noexcept : Runnable(function), scheduler(&core) {}
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  /// Hands a completion to the unit and schedules it if it was suspended. Any thread. The unit runs
  /// the node's `op` with Op::Control; until then the node must live.
  void wake(ThreadState& thread, Envelope& node) noexcept;
  void wake(Envelope& node) noexcept { wake(thread_state(), node); }

  /// Owner only: gives the unit up until somebody wakes it. False: something is there already.
  ///
  /// If this worker has just been given something to run, most likely that is what the unit waits
  /// for, and will wake it on this very thread. So the worker holds the unit for one activation and
  /// only then lets go of it; a wake-up from the same thread meanwhile needs no atomic operation.
  bool suspend(ThreadState& thread) noexcept;

  /// Queues the unit to be run. Only by its owner, who owns it no longer.
  void schedule() noexcept;

  /// Owner only: runs everything in the system lane. False: there was nothing.
  bool run_control() noexcept {
    Envelope* node = completion;
    if (node != nullptr) {
      completion = nullptr;
      attention &= static_cast<std::uint8_t>(~kCompletion);
      node->op(*node, *this, Op::Control, nullptr);
    }
    if (!control.has_nodes()) return node != nullptr;
    for (node = control.take(); node != nullptr;) {
      Envelope* next = node->next.load(std::memory_order_relaxed);
      node->op(*node, *this, Op::Control, nullptr);
      node = next;
    }
    return true;
  }

  ControlWord<Envelope> control;
  Envelope* completion = nullptr;  ///< handed over by the waker that took ownership; owner only
  SchedulerCore* scheduler;
  CancelScope root_scope;  ///< owner only

  /// Things to look at before going on, one bit each; zero nearly always. Owner only.
  std::uint8_t attention = 0;
  static constexpr std::uint8_t kCompletion = 64;  ///< `completion` is set
};

/// A completion that resumes a coroutine; lives in its frame.
struct WakeNode : Envelope {
  explicit WakeNode(EnvelopeOp operation = &resume) noexcept
      : Envelope(operation, Completion::Wake) {}

  static bool resume(Envelope& envelope, Unit&, Op, void*) {
    static_cast<WakeNode&>(envelope).handle.resume();
    return true;
  }

  void wake() noexcept { unit->wake(*this); }
  void wake(ThreadState& thread) noexcept { unit->wake(thread, *this); }

  Unit* unit = nullptr;
  std::coroutine_handle<> handle;
};

}  // namespace coerce::detail
