#include <coerce/actor/detail/foreign.hpp>

#include <stdexcept>

#include "actor/message_facts.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

const CellType ForeignCell::kType{nullptr, nullptr, &deallocate, "actor of another node",
                                  nullptr, nullptr, false,       false,
                                  false,   false,   false};

ForeignCell::ForeignCell(SystemCore& core, ActorId actor_id, const void* key,
                         std::string_view its_type, std::shared_ptr<ForeignPort> its_port) noexcept
    : Cell(kType, core, core.scheduler().core(), std::move(actor_id), nullptr, ActorType::Tracked),
      port(std::move(its_port)),
      actor_key(key),
      actor_type(its_type) {
  entry.store(Entry::Foreign, std::memory_order_relaxed);
  status.store(ActorStatus::Started, std::memory_order_relaxed);
  memory.store(1, std::memory_order_relaxed);  // no actor holds it, only references do
}

CellRef ForeignCell::make(SystemCore& system, ActorId id, const void* actor_key,
                          std::string_view actor_type, std::shared_ptr<ForeignPort> port) {
  return CellRef(new ForeignCell(system, std::move(id), actor_key, actor_type, std::move(port)));
}

void ForeignCell::deallocate(Cell& cell) noexcept { delete static_cast<ForeignCell*>(&cell); }

Pushed Cell::push_foreign(ThreadState& thread, Envelope& envelope) noexcept {
  const bool is_question = envelope.completion != Completion::Pooled;
  bool taken = false;
  envelope.op(envelope, *this, Op::Run, &taken);
  if (!taken) return is_question ? Pushed::Answered : Pushed::Refused;
  if (!is_question) free_envelope(thread, envelope);
  return Pushed::Taken;
}

Result<void> deliver_foreign(ForeignCell& target, const ForeignMessage& message) {
  auto refused = target.port->deliver(target, message);
  if (refused) return coerce::unexpected(std::move(*refused));
  return {};
}

std::string_view actor_type_of(Cell& cell) noexcept {
  const ForeignCell* foreign = as_foreign(cell);
  return foreign != nullptr ? foreign->actor_type : cell.type->name;
}

bool is_same_actor(Cell& a, Cell& b) noexcept {
  if (&a == &b) return true;
  const ForeignCell* x = as_foreign(a);
  const ForeignCell* y = as_foreign(b);
  return x != nullptr && y != nullptr && x->port == y->port && a.id_view() == b.id_view();
}

void demand_local(Cell& cell) {
  if (as_foreign(cell) != nullptr) throw std::logic_error("coerce: the actor is on another node");
}

Task<Result<ActorStatus>> status_of(CellRef cell) {
  if (ForeignCell* foreign = as_foreign(*cell)) co_return co_await foreign->port->status(cell);
  co_return co_await StatusAwaiter(*cell);
}

Task<Result<void>> stop_of(CellRef cell) {
  if (ForeignCell* foreign = as_foreign(*cell)) co_return co_await foreign->port->stop(cell);
  co_return co_await StopAwaiter(*cell);
}

}  // namespace coerce::detail
