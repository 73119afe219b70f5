/// \file
/// A task beside an actor, as its cell knows it.

#pragma once

#include <coerce/actor/task_context.hpp>
#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/when.hpp>

namespace coerce::detail {

/// A unit of its own. The cell waits for its end before it ends, and frees it.
struct ActorTask : TaskUnit {
  ActorTask(Cell& actor, StopSource stop_source, Task<void> task) noexcept;

  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { pool_free(memory, size); }

  /// By the cell's owner.
  void ask_to_stop() noexcept {
    stop.request_stop();
    cancel();
  }

  static void tell_ended(TaskUnit& unit);

  /// Tells the cell, which it reaches by the system lane.
  struct Ended : Envelope {
    explicit Ended(ActorTask& ended) noexcept
        : Envelope(&arrived, Completion::Static), task(&ended) {}
    static bool arrived(Envelope& envelope, Unit& unit, Op, void*);
    ActorTask* task;
  };

  Cell* cell;
  StopSource stop;
  LinkedScope scope;  ///< what the task awaits can be left behind
  Ended ended;
  ActorTask* next_task = nullptr;  // the cell's, owner only
  ActorTask** previous_task = nullptr;
};

}  // namespace coerce::detail
