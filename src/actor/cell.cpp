#include <coerce/actor/detail/cell.hpp>

#include "actor/cell_envelopes.hpp"
#include "actor/cell_extras.hpp"
#include "actor/id_access.hpp"
#include "actor/mailbox_bound.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

bool noop_op(Envelope&, Unit&, Op, void*) { return true; }

bool kick_op(Envelope&, Unit& unit, Op op, void*) {
  if (op == Op::Run) {
    unit.control.kick_seen();
    unit.run_control();  // what was pushed while the kick was under way had no kick of its own
  }
  return true;
}

// ---- the mailbox ------------------------------------------------------------------------------

Cell::Cell(const CellType& cell_type, SystemCore& system_core, SchedulerCore& scheduler_core,
           ActorId actor_id, Cell* parent_cell, ActorType actor_type_) noexcept
    : Unit(&run_cell<Counts::Nothing>, scheduler_core),
      type(&cell_type),
      system(&system_core),
      parent(parent_cell),
      id_text(IdAccess::release(std::move(actor_id))),
      actor_type(actor_type_) {
  system_core.count_memory();
  if (system_core.mailbox().binds() || type->handle_receive_timeout != nullptr) [[unlikely]]
    bind_mailbox(*this, system_core.mailbox());
  if (parent != nullptr) parent->retain_memory();
}

bool Cell::post(Envelope& envelope) noexcept {
  switch (control.push(&envelope)) {
    case ControlPush::Closed:
      return false;
    case ControlPush::BecameOwner:
      schedule();
      return true;
    case ControlPush::Queued:
      return true;
    case ControlPush::KickNeeded:
      break;
  }
  enqueue_own(thread_state(), make_pooled(&kick_op));
  return true;
}

void complete_as(ThreadState& thread, Envelope& envelope, Completion completion) noexcept {
  switch (completion) {
    case Completion::Pooled:
      free_envelope(thread, envelope);
      break;
    case Completion::Wake:
      static_cast<ReplyEnvelope&>(envelope).wake(thread);
      break;
    case Completion::Custom: {
      auto& reply = static_cast<ReplyEnvelope&>(envelope);
      reply.complete(reply);
      break;
    }
    case Completion::Static:
      break;
  }
}

void Cell::reject(Envelope& envelope) noexcept {
  envelope.op(envelope, *this, Op::Reject, nullptr);
  complete(thread_state(), envelope);
}

void Cell::reject_late() noexcept {
  lane.reject_closed([this](Envelope* envelope) { reject(*envelope); });
}

// ---- running ----------------------------------------------------------------------------------

template <Counts C>
void Cell::run_cell(Runnable& runnable, ThreadState& thread) {
  for (Runnable* next = &runnable; next != nullptr;
       next = thread.worker->take_newest(&run_cell<C>)) {
    Cell& cell = static_cast<Cell&>(static_cast<Unit&>(*next));
    thread.unit = &cell;
    if (cell.run_messages<C>(thread)) {
      thread.unit = nullptr;
      thread.worker->push_back(cell);
    }
  }
  thread.unit = nullptr;
}

template void Cell::run_cell<Counts::Nothing>(Runnable&, ThreadState&);
template void Cell::run_cell<Counts::Taken>(Runnable&, ThreadState&);
template void Cell::run_cell<Counts::Ring>(Runnable&, ThreadState&);
template void Cell::run_cell<Counts::Handled>(Runnable&, ThreadState&);

Cell* as_cell(Unit& unit) noexcept {
  const bool is_cell =
      unit.run == &Cell::run_cell<Counts::Nothing> || unit.run == &Cell::run_cell<Counts::Taken> ||
      unit.run == &Cell::run_cell<Counts::Ring> || unit.run == &Cell::run_cell<Counts::Handled>;
  return is_cell ? static_cast<Cell*>(&unit) : nullptr;
}

// True: still owned, its budget is used up. False: nobody's, or already somebody else's.
template <Counts C>
[[gnu::always_inline]] inline bool Cell::run_messages(ThreadState& thread) {
  [[maybe_unused]] MailboxBound* const limit = C == Counts::Taken ? &bound() : nullptr;
  for (thread.budget = thread.worker->budget();;) {
    Next next = Next::Dispatch;
    if (!is_undisturbed()) [[unlikely]] {
      next = look_up(thread);
      if (next == Next::Released) return false;
    }
    Envelope* front = lane.front();
    if constexpr (C == Counts::Handled) {
      const bool is_message = next == Next::Dispatch && front->op != &StartEnvelope::start_op;
      if (is_message && !may_act(*this)) [[unlikely]] {
        stop_former_owner(*this);
        continue;
      }
    }
    if (next == Next::Dispatch) [[likely]] {
      current.store(front->op, std::memory_order_relaxed);
      if constexpr (C == Counts::Taken) limit->count_taken();
      if constexpr (C == Counts::Handled) count_if_bounded();
      if (!front->op(*front, *this, Op::Run, nullptr)) {
        activity_kind = Activity::Message;
        continue;
      }
    }
    if constexpr (C == Counts::Handled) note_handled(*thread.worker, front->op);
    if (C != Counts::Ring || !stays_in_front(*front)) {
      if (attention != 0) [[unlikely]]
        keep_owned();
      // Read before the cell may be another's: if its question was put aside, the next owner may
      // answer, and so free, the envelope at once.
      std::size_t size_class;
      const bool plain = front->is_plainly_pooled(size_class);
      const auto how = static_cast<Completion>(static_cast<std::uint8_t>(size_class >> 8));
      // The sign goes down before the cell may be another's, who may end and free it.
      const Envelope* behind =
          lane.pop_or_idle([&](bool leaving) { thread.unit = leaving ? nullptr : this; });
      if (plain) [[likely]]
        pool_free_class(thread, front, size_class);
      else
        complete_as(thread, *front, how);
      if (behind == nullptr) return false;
    }
    if (--thread.budget <= 0) [[unlikely]] {
      if (thread.worker->turn_is_over()) return true;
      thread.budget = thread.worker->budget();
    }
  }
}

// Everything that comes before the next message: Dispatch, Handled or Released.
Cell::Next Cell::look_up(ThreadState& thread) noexcept {
  Next next;
  do {
    next = look_once(thread);
  } while (next == Next::Again && !is_undisturbed());
  return next == Next::Again ? Next::Dispatch : next;
}

Cell::Next Cell::look_once(ThreadState& thread) noexcept {
  run_control();
  if (activity) {
    if (activity.done()) return finish_activity() ? Next::Handled : Next::Again;
    return give_up(thread);
  }
  if (attention == 0) return Next::Dispatch;
  const Next next = attend();
  return next == Next::Wait ? give_up(thread) : next;
}

Cell::Next Cell::give_up(ThreadState& thread) noexcept {
  thread.unit = nullptr;
  if (suspend(thread)) return Next::Released;
  thread.unit = this;
  return Next::Again;
}

// True: it was a message, and it has been handled.
bool Cell::finish_activity() {
  switch (activity_kind) {
    case Activity::Message: {
      Envelope* front = lane.front();
      return front->op(*front, *this, Op::Collect, nullptr);
    }
    case Activity::Factory:
      activity_kind = Activity::Message;
      try {
        supervision().factory->collect(*this);
      } catch (...) {
        fail(std::current_exception());
      }
      break;
    case Activity::Hook: {
      activity_kind = Activity::Message;
      auto task = end_activity<void>();
      if (auto error = TaskAccess::handle(task).promise().error) fail(std::move(error));
      break;
    }
  }
  return false;
}

void Cell::run_hook(Hook hook, const void* argument) noexcept {
  activity_kind = Activity::Hook;
  try {
    if (!type->run_hook(*this, hook, argument)) return;
    if (activity) finish_activity();
    activity_kind = Activity::Message;
  } catch (...) {
    activity_kind = Activity::Message;
    fail(std::current_exception());
  }
}

Cell::Next Cell::attend() {
  if ((attention & kChildEnded) != 0) {
    auto& ended = extras->ended_children;
    extras->hook_child.emplace(std::move(ended.front().event));
    const SharedError escalated = std::move(ended.front().escalated);
    ended.pop_front();
    if (ended.empty()) attention &= static_cast<std::uint8_t>(~kChildEnded);
    if (type->has_child_stopped && has_actor) run_hook(Hook::ChildStopped, &*extras->hook_child);
    if (escalated) fail(*escalated);
    return Next::Again;
  }
  if ((attention & kStopping) != 0) {
    if (extras != nullptr && extras->has_dependents()) return Next::Wait;
    if (!std::exchange(stopped_hook_done, true) && type->has_stopped && has_actor) {
      run_hook(Hook::Stopped, nullptr);
      return Next::Again;
    }
    close();
    return Next::Released;
  }
  if ((attention & kStop) != 0) {
    // An actor that never started has nothing to stop.
    if (lane.front()->op == &StartEnvelope::start_op) stopped_hook_done = true;
    if (type->has_stopped || (extras != nullptr && extras->has_dependents())) {
      begin_stop();
      return Next::Again;
    }
    close();
    return Next::Released;
  }
  if ((attention & kRestart) != 0) return restart();
  if ((attention & kUnreferenced) != 0 && strong.load(std::memory_order_acquire) != 0)
    attention &= static_cast<std::uint8_t>(~kUnreferenced);
  const EnvelopeOp front = lane.front()->op;
  if (attention != 0 && (front == &noop_op || front == &kick_op) && lane.is_last()) {
    request_stop((attention & kDrain) != 0 ? StopReasonKind::Stopped
                                           : StopReasonKind::Unreferenced);
    return Next::Again;
  }
  return Next::Dispatch;
}

// While there is something to attend to, the lane must not become idle.
void Cell::keep_owned() noexcept {
  if (!lane.has_next()) enqueue_own(thread_state(), make_pooled(&noop_op));
}

}  // namespace coerce::detail
