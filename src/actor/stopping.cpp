// How actors end.

#include "actor/cell_envelopes.hpp"
#include "actor/cell_extras.hpp"
#include "actor/failure.hpp"
#include "actor/mailbox_bound.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

namespace {

struct ChildEndedEnvelope : Envelope {
  explicit ChildEndedEnvelope(Cell& ended) noexcept
      : Envelope(&told, Completion::Pooled, pool_class(sizeof(ChildEndedEnvelope))),
        child(&ended) {}

  static bool told(Envelope& envelope, Unit& unit, Op op, void*) {
    Cell& child = *static_cast<ChildEndedEnvelope&>(envelope).child;
    if (op == Op::Control)
      cell_of(unit).child_ended(child);
    else
      child.release_memory();
    free_envelope(thread_state(), envelope);
    return true;
  }

  Cell* child;
};

struct StopEnvelope : Envelope {
  explicit StopEnvelope(StopReasonKind why) noexcept
      : Envelope(&stop, Completion::Pooled, pool_class(sizeof(StopEnvelope))), kind(why) {}

  static bool stop(Envelope& envelope, Unit& unit, Op op, void*) {
    if (op == Op::Control)
      cell_of(unit).stop_from_outside(static_cast<StopEnvelope&>(envelope).kind);
    free_envelope(thread_state(), envelope);
    return true;
  }

  StopReasonKind kind;
};

}  // namespace

void tell_child_ended(Cell& parent, Cell& ended) noexcept {
  auto* told = new (pool_allocate(sizeof(ChildEndedEnvelope))) ChildEndedEnvelope(ended);
  if (parent.post(*told)) return;
  free_envelope(thread_state(), *told);
  ended.release_memory();
}

void post_stop(Cell& cell, StopReasonKind kind) noexcept {
  auto* envelope = new (pool_allocate(sizeof(StopEnvelope))) StopEnvelope(kind);
  if (!cell.post(*envelope)) free_envelope(thread_state(), *envelope);
}

void Cell::request_stop(StopReasonKind kind, std::string detail) noexcept {
  if ((attention & (kStop | kStopping)) != 0) return;
  attention |= kStop;
  fire_stop_token();
  stop_kind = kind;
  if (!detail.empty()) more().stop_detail = std::move(detail);
}

// The handler may wait for an actor that waits for this one: so the backlog is rejected and the
// children are stopped without waiting for the handler.
void Cell::stop_from_outside(StopReasonKind kind, std::string detail) noexcept {
  request_stop(kind, std::move(detail));
  if (!activity || (attention & kStopping) != 0) return;
  refuse_messages(ActorStatus::Stopping);
  root_scope.request();
  reject_behind_front();
  stop_children();
}

void Cell::refuse_messages(ActorStatus next) noexcept {
  entry.store(Entry::Closed, std::memory_order_relaxed);
  status.store(next, std::memory_order_release);
}

void Cell::reject_behind_front() noexcept {
  if (extras != nullptr && extras->bound) extras->bound->close(*this);
  Envelope& last = make_pooled(&noop_op);
  lane.push(&last);
  Envelope* front = lane.front();
  const auto link_of = [](Envelope& envelope) {
    Envelope* next = nullptr;
    for (unsigned spins = 0; (next = envelope.next.load(std::memory_order_acquire)) == nullptr;)
      back_off(spins);
    return next;
  };
  for (Envelope* envelope = link_of(*front); envelope != &last;) {
    Envelope* rejected = envelope;
    envelope = link_of(*envelope);
    if (rejected->op == &kick_op) control.kick_seen();
    if (answers_for(*rejected, message_of(*front)))
      put_aside_again(*rejected);
    else
      reject(*rejected);
  }
  front->next.store(&last, std::memory_order_relaxed);
}

void Cell::stop_children() noexcept {
  if (extras == nullptr) return;
  for (Cell* child = extras->children; child != nullptr; child = child->next_live)
    post_stop(*child, StopReasonKind::ParentStopped);
  stop_tasks();
}

void Cell::begin_stop() noexcept {
  attention |= kStopping;
  root_scope.renew();  // the stopped hook may wait
  refuse_messages(ActorStatus::Stopping);
  Envelope& last = make_pooled(&noop_op);
  lane.push(&last);
  for (Envelope* front = lane.front(); front != &last; front = lane.front()) {
    if (front->op == &kick_op) control.kick_seen();
    lane.pop_or_idle();  // `last` stands behind it
    reject(*front);
  }
  reject_stash();
  stop_children();
}

// The one finaliser. Order: out of the registry, backlog, parent, those who asked for the stop.
void Cell::close() noexcept {
  ThreadState& thread = thread_state();
  refuse_messages(ActorStatus::Stopped);
  system->ended(*this);
  if (EventHub& events = system->events(); events.wants<ActorStopped>()) [[unlikely]]
    events.publish(ActorStopped{id(), full_path(), std::string(type->name), stop_reason()});
  destroy_actor();
  if (extras != nullptr && extras->supervision)
    cancel_timer(*scheduler, extras->supervision->timer);
  if (extras != nullptr && extras->receive_timeout) extras->receive_timeout->cancel();
  reject_stash();
  reject_all();
  StartEnvelope* failed_start = extras != nullptr ? extras->failed_start : nullptr;
  if (failed_start != nullptr) {
    failed_start->error = ActorRefErr::ActorStartFailed(stop_reason().detail());
    failed_start->completion = extras->failed_start_completion;
  }
  ReplyEnvelope* waiter = std::exchange(stop_waiters, nullptr);
  if (extras != nullptr) {
    extras->supervision.reset();  // a factory may hold references, even to this actor
    tell_watchers();
  }
  const bool has_parent = parent != nullptr;
  thread.unit = nullptr;
  if (has_parent) tell_parent();  // which may free the cell
  if (failed_start != nullptr) complete_slow(thread, *failed_start);
  while (waiter != nullptr) {
    auto* next = static_cast<ReplyEnvelope*>(waiter->next.load(std::memory_order_relaxed));
    waiter->wake(thread);
    waiter = next;
  }
  if (has_parent) return;
  system->count_ended(*this);
  release_memory();
}

// The parent is given the count of the living actor, and with it the last word on the cell.
void Cell::tell_parent() noexcept {
  system->count_ended(*this);  // the system outlives the parent
  Cell& above = *parent;
  above.retain_memory();  // it may end while it is being told
  tell_child_ended(above, *this);
  above.release_memory();
}

void Cell::reject_all() noexcept {
  for (Envelope* front = lane.front(); front != nullptr;) {
    Envelope* rejected = front;
    front = lane.pop_or_close();
    reject(*rejected);
  }
  for (Envelope* node = control.close(); node != nullptr;) {
    Envelope* next = node->next.load(std::memory_order_relaxed);
    node->op(*node, *this, Op::Reject, nullptr);
    node = next;
  }
}

StopReason Cell::stop_reason() const {
  return StopReason(stop_kind, extras != nullptr ? extras->stop_detail : std::string());
}

}  // namespace coerce::detail
