#include "actor/message_facts.hpp"

#include <algorithm>

#include <coerce/actor/detail/start.hpp>
#include <coerce/actor/ref.hpp>

#include "actor/cell_extras.hpp"

namespace coerce {

namespace detail {

Envelope* Cell::handled_message() const noexcept {
  return activity_kind == Activity::Message ? &message_of(*lane.front()) : nullptr;
}

std::string_view name_of(const Envelope& envelope, Cell& cell) noexcept {
  std::string_view name;
  envelope.op(const_cast<Envelope&>(envelope), cell, Op::Name, &name);
  return name;
}

Cell* sender_of(const Envelope& envelope) noexcept {
  if (const EnvelopeMetadata* facts = envelope.metadata(); facts != nullptr && facts->sender)
    return &cell_of(*facts->sender);
  // A sender that waits for the answer with the message in its own frame.
  if (envelope.completion != Completion::Wake || envelope.op == &StartEnvelope::start_op)
    return nullptr;
  return as_cell(*static_cast<const ReplyEnvelope&>(envelope).waiter);
}

TimePoint deadline_of(const Envelope& envelope) noexcept {
  const EnvelopeMetadata* facts = envelope.metadata();
  return facts != nullptr && facts->deadline != TimePoint() ? facts->deadline : TimePoint::max();
}

TimePoint inherited_deadline(Unit& sender) noexcept {
  const Cell* cell = as_cell(sender);
  const Envelope* handled = cell != nullptr ? cell->handled_message() : nullptr;
  return handled != nullptr ? deadline_of(*handled) : TimePoint::max();
}

void set_facts(Envelope& envelope, Cell* sender, TimePoint deadline) {
  if (sender == nullptr && deadline == TimePoint::max()) return;
  EnvelopeMetadata& facts = envelope.ensure_metadata();
  if (deadline != TimePoint::max()) facts.deadline = deadline;
  if (sender == nullptr) return;
  sender->retain_memory();
  facts.sender = sender;
  facts.release_sender = [](Unit& unit) noexcept { cell_of(unit).release_memory(); };
}

void set_sender(Envelope& envelope, Cell& sender) {
  set_facts(envelope, &sender, TimePoint::max());
}

void set_deadline(Envelope& envelope, TimePoint deadline) {
  set_facts(envelope, nullptr, deadline);
}

TimePoint set_origin(Envelope& envelope, Unit& sender, TimePoint deadline) {
  deadline = std::min(deadline, inherited_deadline(sender));
  set_facts(envelope, as_cell(sender), deadline);
  return deadline;
}

void copy_facts(const Envelope& from, Envelope& to) {
  set_facts(to, sender_of(from), deadline_of(from));
  const EnvelopeMetadata* facts = from.metadata();
  if (facts == nullptr) return;
  EnvelopeMetadata& copy = to.ensure_metadata();
  std::copy(std::begin(facts->trace_context), std::end(facts->trace_context), copy.trace_context);
  copy.enqueued = facts->enqueued;
  copy.epoch = facts->epoch;
}

}  // namespace detail

std::optional<BoxedActorRef> ActorContext::sender() const {
  const detail::Envelope* message = cell().handled_message();
  detail::Cell* sender = message != nullptr ? detail::sender_of(*message) : nullptr;
  if (sender == nullptr) return std::nullopt;
  return BoxedActorRef(detail::CellRef::share(*sender));
}

std::optional<TimePoint> ActorContext::deadline() const {
  const detail::Envelope* message = cell().handled_message();
  const TimePoint deadline = message != nullptr ? detail::deadline_of(*message) : TimePoint::max();
  return deadline != TimePoint::max() ? std::optional(deadline) : std::nullopt;
}

}  // namespace coerce
