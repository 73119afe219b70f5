#include "actor/actor_task.hpp"

#include <coerce/actor/log.hpp>

#include "actor/cell_extras.hpp"
#include "actor/failure.hpp"
#include "actor/system_core.hpp"

namespace coerce {

ActorLog TaskContext::log() const noexcept { return ActorLog(*cell_); }

namespace detail {

ActorTask::ActorTask(Cell& actor, StopSource stop_source, Task<void> task) noexcept
    : TaskUnit(*actor.scheduler, std::move(task), &tell_ended),
      cell(&actor),
      stop(std::move(stop_source)),
      scope(root_scope),
      ended(*this) {
  counted = false;  // its actor is
  body.promise().scope = &scope;
  cell->retain_memory();
}

// On the task's side, so that what the frame holds is destroyed there too.
void ActorTask::tell_ended(TaskUnit& unit) {
  auto& self = static_cast<ActorTask&>(unit);
  Cell& actor = *self.cell;
  if (auto error = std::move(self.body.promise().error))
    actor.system->count_failure(actor, text_of(error), "spawned task");
  std::exchange(self.body, {}).destroy();
  actor.post(self.ended);  // it waits for this; from here on it may free the task
  actor.release_memory();
}

bool ActorTask::Ended::arrived(Envelope& envelope, Unit& unit, Op, void*) {
  ActorTask& task = *static_cast<Ended&>(envelope).task;
  *task.previous_task = task.next_task;
  if (task.next_task != nullptr) task.next_task->previous_task = task.previous_task;
  --cell_of(unit).extras->task_count;
  delete &task;
  return true;
}

std::optional<ActorRefErr> refuse_task(Cell& cell, const TaskOptions& options) noexcept {
  if (cell.status.load(std::memory_order_relaxed) >= ActorStatus::Stopping)
    return ActorRefErr::ActorUnavailable("the actor is stopping");
  if (cell.extras != nullptr && cell.extras->task_count >= options.limit)
    return ActorRefErr::Overloaded("too many tasks beside the actor");
  return std::nullopt;
}

void start_task(Cell& cell, StopSource stop, Task<void> task) {
  auto* unit = new ActorTask(cell, std::move(stop), std::move(task));
  CellExtras& extras = cell.more();
  unit->next_task = extras.tasks;
  unit->previous_task = &extras.tasks;
  if (extras.tasks != nullptr) extras.tasks->previous_task = &unit->next_task;
  extras.tasks = unit;
  ++extras.task_count;
  unit->schedule();
}

void Cell::stop_tasks() noexcept {
  for (ActorTask* task = extras->tasks; task != nullptr; task = task->next_task)
    task->ask_to_stop();
}

}  // namespace detail
}  // namespace coerce
