#include <coerce/actor/detail/start.hpp>

#include "actor/cell_extras.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

bool StartEnvelope::start_op(Envelope& envelope, Unit& unit, Op op, void* argument) {
  if (op == Op::Name) {
    *static_cast<std::string_view*>(argument) = "started";
    return true;
  }
  Cell& cell = cell_of(unit);
  if (op == Op::Run && !cell.make_actor()) return false;
  if (op == Op::Collect && !cell.has_actor) {
    try {
      cell.supervision().factory->collect(cell);
    } catch (...) {
      cell.fail(std::current_exception());
    }
    op = Op::Run;
  }
  if (op == Op::Run && cell.has_actor && cell.type->has_started) {
    try {
      if (!cell.type->run_hook(cell, Hook::Started, nullptr)) return false;
    } catch (...) {
      cell.fail(std::current_exception());
    }
  }
  if (cell.activity) {
    auto task = cell.end_activity<void>();
    if (auto error = TaskAccess::handle(task).promise().error) cell.fail(std::move(error));
  }
  if ((cell.attention & Cell::kStop) != 0) {
    if (envelope.completion != Completion::Pooled) {
      // Whoever waits for the start learns of the failure when nothing of the actor is left.
      auto& start = static_cast<StartEnvelope&>(envelope);
      cell.more().failed_start = &start;
      cell.extras->failed_start_completion = std::exchange(start.completion, Completion::Static);
    }
    if (cell.stop_kind == StopReasonKind::Stopped) cell.stop_kind = StopReasonKind::StartFailed;
    return true;
  }
  cell.status.store(ActorStatus::Started, std::memory_order_release);
  if (EventHub& events = cell.system->events(); events.wants<ActorStarted>()) [[unlikely]]
    events.publish(ActorStarted{cell.id(), cell.full_path(), std::string(cell.type->name)});
  return true;
}

std::optional<ActorRefErr> launch(Cell& cell, StartEnvelope& first) noexcept {
  // Before anybody knows the cell: a stop that comes at once finds the start in front of it.
  cell.lane.begin(&first);
  if (auto error = cell.system->adopt(cell)) {
    discard(cell);
    return error;
  }
  submit(thread_state(), *cell.scheduler, cell);
  return std::nullopt;
}

std::optional<ActorRefErr> launch_deferred(Cell& cell) {
  auto* first = new (pool_allocate(sizeof(StartEnvelope))) StartEnvelope(Completion::Pooled);
  first->size_class = pool_class(sizeof(StartEnvelope));
  auto error = launch(cell, *first);
  if (error) {
    first->~StartEnvelope();
    free_envelope(thread_state(), *first);
  }
  return error;
}

void discard(Cell& cell) noexcept {
  cell.status.store(ActorStatus::Stopped, std::memory_order_release);
  if (cell.has_actor) cell.type->destroy_actor(cell);
  cell.release_memory();
  cell.release();
}

}  // namespace coerce::detail
