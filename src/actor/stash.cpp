#include <coerce/actor/detail/stash.hpp>

#include "actor/cell_extras.hpp"
#include "actor/message_facts.hpp"

namespace coerce {

namespace detail {

StashOrigin stash_origin(Cell& cell, const void* message_key, std::string_view message_type) {
  StashOrigin origin;
  const auto refuse = [&](std::string_view why) {
    origin.error = ActorRefErr::NotSupported(cell.id(), message_type, cell.type->name, why);
    return origin;
  };
  Envelope* envelope = cell.handled_message();
  MessageIdentity identity;
  if (envelope != nullptr) envelope->op(*envelope, cell, Op::Identity, &identity);
  if (identity.type != message_key)
    return refuse("only the message that is being handled can be stashed");
  if (envelope->completion == Completion::Static) return refuse("the message is stashed already");
  if (cell.status.load(std::memory_order_relaxed) >= ActorStatus::Stopping)
    return refuse("the actor is stopping");
  const Stash& stash = cell.more().stash;
  if (stash.count >= stash.limit) {
    origin.error = ActorRefErr::Overloaded("the stash is full");
    return origin;
  }
  origin.envelope = envelope;
  origin.op = identity.op;
  return origin;
}

void put_aside(Cell& cell, Envelope& origin, Envelope& stashed) noexcept {
  copy_facts(origin, stashed);
  cell.put_aside_again(stashed);
}

// Rejecting it now would answer, and free, the envelope that is still in front.
bool answers_for(const Envelope& envelope, const Envelope& front) noexcept {
  return envelope.completion == Completion::Custom &&
         static_cast<const ReplyEnvelope&>(envelope).answers_for == &front;
}

void Cell::put_aside_again(Envelope& stashed) noexcept {
  stashed.next.store(nullptr, std::memory_order_relaxed);
  Stash& stash = extras->stash;
  if (stash.last != nullptr)
    stash.last->next.store(&stashed, std::memory_order_relaxed);
  else
    stash.first = &stashed;
  stash.last = &stashed;
  ++stash.count;
}

void Cell::unstash(bool handling_message) noexcept {
  if (extras == nullptr || extras->stash.count == 0) return;
  Stash& stash = extras->stash;
  if (extras->bound && !extras->bound->drops())
    extras->bound->pushed.fetch_add(stash.count, std::memory_order_relaxed);
  if (handling_message)
    lane.insert_behind_front(stash.first, stash.last);
  else
    lane.insert_before_front(stash.first, stash.last);
  stash.first = stash.last = nullptr;
  stash.count = 0;
}

// Not while a message is being handled: it may be a question that stands in the stash as well.
void Cell::reject_stash() noexcept {
  if (extras == nullptr) return;
  Stash& stash = extras->stash;
  stash.last = nullptr;
  stash.count = 0;
  for (Envelope* envelope = std::exchange(stash.first, nullptr); envelope != nullptr;) {
    Envelope* rejected = envelope;
    envelope = envelope->next.load(std::memory_order_relaxed);
    reject(*rejected);
  }
}

}  // namespace detail

void ActorContext::unstash_all() { cell().unstash(cell().handled_message() != nullptr); }

std::size_t ActorContext::stashed_count() const noexcept {
  return cell().extras != nullptr ? cell().extras->stash.count : 0;
}

}  // namespace coerce
