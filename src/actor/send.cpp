#include <coerce/actor/detail/send.hpp>

#include <coerce/actor/detail/foreign.hpp>

#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

ActorRefErr invalid_ref(Cell&) noexcept { return ActorRefErr::InvalidRef(); }

ActorRefErr refusal(Cell& cell, Pushed pushed) noexcept {
  return pushed == Pushed::Full ? ActorRefErr::MailboxFull() : invalid_ref(cell);
}

ActorRefErr waits_for_itself(Cell& cell, std::string_view message_type) noexcept {
  return ActorRefErr::NotSupported(cell.id(), message_type, cell.type->name,
                                   "the actor would wait for itself");
}

std::optional<ActorRefErr> refuse_blocking(Cell& cell) noexcept {
  const Worker* worker = thread_state().worker;
  if (worker == nullptr || &worker->scheduler() != cell.scheduler) return std::nullopt;
  return ActorRefErr::NotSupported(cell.id(), "", cell.type->name,
                                   "a blocking call on a worker; use co_await");
}

void block_until_done(Cell& cell, Task<void> task) { run_to_end(*cell.scheduler, std::move(task)); }

Result<void> stop_blocking(Cell& cell) {
  if (auto refused = refuse_blocking(cell)) return coerce::unexpected(std::move(*refused));
  std::optional<Result<void>> answer;
  block_until_done(cell, collect(stop_of(CellRef::share(cell)), answer));
  return std::move(*answer);
}

Result<void> notify_stop(Cell& cell) {
  if (ForeignCell* foreign = as_foreign(cell)) return foreign->port->notify_stop(*foreign);
  if (cell.status.load(std::memory_order_acquire) == ActorStatus::Stopped)
    return coerce::unexpected(invalid_ref(cell));
  post_stop(cell, StopReasonKind::Stopped);
  return {};
}

bool StatusAwaiter::answer_status(Envelope& envelope, Unit& unit, Op op, void*) {
  auto& self = static_cast<StatusAwaiter&>(static_cast<ReplyEnvelope&>(envelope));
  if (op == Op::Control)
    self.answer_ = cell_of(unit).status.load(std::memory_order_relaxed);
  else
    self.answer_ = coerce::unexpected(ActorRefErr::InvalidRef());
  self.wake();
  return true;
}

bool StopAwaiter::take_stop(Envelope& envelope, Unit& unit, Op op, void*) {
  auto& self = static_cast<ReplyEnvelope&>(envelope);
  if (op == Op::Reject) {  // it came while the actor was ending: it has
    self.wake();
    return true;
  }
  Cell& cell = cell_of(unit);
  self.next.store(cell.stop_waiters, std::memory_order_relaxed);
  cell.stop_waiters = &self;
  cell.stop_from_outside(StopReasonKind::Stopped);
  return true;
}

}  // namespace coerce::detail
