/// \file
/// Death watch: an actor learns of the end of another.

#pragma once

#include <utility>

#include <coerce/actor/ref.hpp>

namespace coerce {

/// The message that a watching actor gets when a watched one has ended, whatever ended it. Once for
/// each watched actor, however often it was watched; at once if it had ended before.
class ActorTerminated {
 public:
  ActorTerminated(BoxedActorRef actor, StopReason reason)
      : actor_(std::move(actor)), reason_(std::move(reason)) {}

  /// The one that has ended: is_valid() is false.
  const BoxedActorRef& actor_ref() const noexcept { return actor_; }
  const StopReason& reason() const noexcept { return reason_; }

  static constexpr std::string_view type_name = "ActorTerminated";

 private:
  BoxedActorRef actor_;
  StopReason reason_;
};

namespace detail {

/// By the watcher's owner. Errors: NotSupported, Overloaded.
Result<void> watch_cell(Cell& watcher, Cell& target);
void unwatch_cell(Cell& watcher, Cell& target);
/// By the parent's owner. Errors: NotSupported, AlreadyExists, InvalidRef.
Result<void> attach_child(Cell& parent, Cell& child);
/// False: it was not watched, or is no longer.
bool forget_watched(Cell& watcher, Cell& target) noexcept;
void tell_terminated(Cell& watcher, Cell& ended) noexcept;
void tell_terminated(Cell& watcher, Cell& ended, StopReason reason) noexcept;

/// A notice is handled only while its actor is still watched, and is no loss if it is not.
template <class A>
bool terminated_message(Envelope& envelope, Unit& unit, Op op, void* argument) {
  auto& notice = static_cast<NotifyEnvelope<ActorTerminated>&>(envelope);
  const bool unwanted =
      op == Op::Reject ||
      (op == Op::Run && !forget_watched(cell_of(unit), *notice.payload.actor_ref().cell().get()));
  constexpr EnvelopeOp as_any_message = &message_op<A, ActorTerminated, false>;
  if (!unwanted) {
    const bool done = as_any_message(envelope, unit, op, argument);
    if (op == Op::Identity) static_cast<MessageIdentity*>(argument)->op = as_any_message;
    return done;
  }
  std::destroy_at(&notice.payload);
  return true;
}

template <class A>
constexpr EnvelopeOp terminated_op() noexcept {
  if constexpr (Handler<A, ActorTerminated>)
    return &terminated_message<A>;
  else
    return nullptr;
}

}  // namespace detail

template <class A>
Result<void> ActorContext::watch(const LocalActorRef<A>& actor) {
  return detail::watch_cell(cell(), *actor.cell().get());
}
inline Result<void> ActorContext::watch(const BoxedActorRef& actor) {
  return detail::watch_cell(cell(), *actor.cell().get());
}
template <class A>
void ActorContext::unwatch(const LocalActorRef<A>& actor) {
  detail::unwatch_cell(cell(), *actor.cell().get());
}
template <class A>
Result<void> ActorContext::attach_child_ref(const LocalActorRef<A>& actor) {
  return detail::attach_child(cell(), *actor.cell().get());
}
inline Result<void> ActorContext::attach_child_ref(const BoxedActorRef& actor) {
  return detail::attach_child(cell(), *actor.cell().get());
}
inline void ActorContext::unwatch(const BoxedActorRef& actor) {
  detail::unwatch_cell(cell(), *actor.cell().get());
}

}  // namespace coerce
