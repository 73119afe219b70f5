#include "actor/snapshot.hpp"

#include <coerce/actor/detail/start.hpp>

#include "actor/cell_extras.hpp"
#include "actor/message_facts.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostCounted = 10'000;  // of the messages in a mailbox
constexpr std::size_t kMostWaiters = 1'000;

// What keeps its time in the promise of the handler's coroutine.
Duration handling_for(const Cell& cell) noexcept {
  const auto handler = std::coroutine_handle<PromiseBase>::from_address(cell.activity.address());
  return std::chrono::milliseconds(clock_ms(*cell.scheduler) - handler.promise().began_ms);
}

void describe_handling(ActorDescription& self, Cell& cell) {
  if (!cell.activity) return;
  if (const Envelope* message = cell.handled_message())
    self.current_message = name_of(*message, cell);
  self.handling_for = handling_for(cell);
}

void count_mailbox(ActorDescription& self, const Cell& cell) noexcept {
  for (const Envelope* envelope = cell.lane.front()->next.load(std::memory_order_acquire);
       envelope != nullptr && self.mailbox_depth < kMostCounted;
       envelope = envelope->next.load(std::memory_order_acquire))
    ++self.mailbox_depth;
  if (cell.extras != nullptr && cell.extras->bound)
    self.mailbox_depth += cell.extras->bound->waiting_in_ring();
}

void list_children(Snapshot& snapshot, const CellExtras& extras, const TakeSnapshot& question) {
  std::vector<Cell*> own;
  for (Cell* child = extras.children; child != nullptr; child = child->next_live)
    own.push_back(child);
  // The list is newest first.
  for (auto child = own.rbegin();
       child != own.rend() && snapshot.children.size() < question.max_children; ++child)
    snapshot.children.push_back(CellRef::share(**child));
  if (!question.with_attached) return;
  extras.attached.for_each([&](Cell& child) {
    if (snapshot.children.size() < question.max_children)
      snapshot.children.push_back(CellRef::share(child));
  });
}

// Of a start it is the parent, or who else created the actor.
Cell* waiting_for(const Envelope& envelope) noexcept {
  if (const EnvelopeMetadata* facts = envelope.metadata();
      facts != nullptr && facts->given_up.load(std::memory_order_relaxed))
    return nullptr;
  if (envelope.op == &StartEnvelope::start_op && envelope.completion == Completion::Wake)
    return as_cell(*static_cast<const ReplyEnvelope&>(envelope).waiter);
  return sender_of(envelope);
}

// A message stands in the mailbox or the stash as long as its sender waits, so the sender is there.
void list_waiters(Snapshot& snapshot, Cell& cell) {
  const auto look_at = [&](const Envelope& envelope) {
    if (snapshot.waiters.size() >= kMostWaiters || envelope.completion == Completion::Pooled)
      return;
    if (Cell* sender = waiting_for(envelope))
      snapshot.waiters.push_back(Waiter{CellRef::share(*sender), name_of(envelope, cell)});
  };
  std::size_t looked_at = 0;
  for (Envelope* envelope = cell.lane.front(); envelope != nullptr && looked_at < kMostCounted;
       envelope = envelope->next.load(std::memory_order_acquire), ++looked_at)
    look_at(envelope == cell.lane.front() ? message_of(*envelope) : *envelope);
  if (cell.extras != nullptr) {
    if (cell.extras->bound) cell.extras->bound->for_each(look_at);
    for (const Envelope* stashed = cell.extras->stash.first; stashed != nullptr;
         stashed = stashed->next.load(std::memory_order_relaxed))
      look_at(*stashed);
  }
  for (const ReplyEnvelope* stop = cell.stop_waiters; stop != nullptr;
       stop = static_cast<const ReplyEnvelope*>(stop->next.load(std::memory_order_relaxed)))
    if (Cell* asker = as_cell(*stop->waiter))
      snapshot.waiters.push_back(Waiter{CellRef::share(*asker), "stop"});
}

// On the owner: reads, and calls nothing of the user's.
Snapshot take_snapshot(Cell& cell, const TakeSnapshot& question) {
  Snapshot snapshot;
  ActorDescription& self = snapshot.self;
  self.actor_id = cell.id();
  self.path = cell.full_path();
  self.actor_type_name = cell.type->name;
  self.actor_context_id = cell.context_id();
  self.status = cell.status.load(std::memory_order_relaxed);
  describe_handling(self, cell);
  count_mailbox(self, cell);
  if (question.with_waiters) list_waiters(snapshot, cell);
  if (cell.extras == nullptr) return snapshot;
  self.tags = cell.extras->tags;
  list_children(snapshot, *cell.extras, question);
  return snapshot;
}

}  // namespace

bool SnapshotAwaiter::answer_op(Envelope& envelope, Unit& unit, Op op, void*) {
  if (op == Op::Name) return true;
  auto& request = static_cast<PendingEnvelope<TakeSnapshot>&>(envelope);
  if (op == Op::Control)
    request.answer.emplace(take_snapshot(cell_of(unit), request.payload));
  else
    request.answer.emplace(coerce::unexpected(ActorRefErr::InvalidRef()));
  PendingEnvelope<TakeSnapshot>::completed(request);
  return true;
}

Result<Snapshot> SnapshotAwaiter::await_resume() {
  Result<Snapshot> answer = wait_.finish();
  if (!answer && answer.error().kind() == ActorRefErrKind::Timeout)
    return coerce::unexpected(
        answer.error().about(cell_->id(), message_taken_last(*cell_), cell_->type->name));
  return answer;
}

std::string_view message_taken_last(Cell& cell) noexcept {
  std::string_view message;
  if (const EnvelopeOp op = cell.current.load(std::memory_order_acquire)) {
    // Op::Name reads nothing of the envelope.
    alignas(Envelope) static constinit unsigned char nothing[sizeof(Envelope)] = {};
    op(reinterpret_cast<Envelope&>(nothing), cell, Op::Name, &message);
  }
  return message;
}

}  // namespace coerce::detail
