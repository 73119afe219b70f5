#include <coerce/actor/detail/cell.hpp>

#include <algorithm>

#include "actor/cell_extras.hpp"
#include "actor/id_access.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kIndexFrom = 32;  // children; below, a walk along the list is faster

bool noop_op(Envelope&, Unit&, Op, void*) { return true; }

/// Brings an owner to look at the system lane.
bool kick_op(Envelope&, Unit& unit, Op op, void*) {
  if (op == Op::Run) {
    unit.control.kick_seen();
    unit.run_control();  // what was pushed while the kick was under way had no kick of its own
  }
  return true;
}

Envelope& make_pooled(EnvelopeOp op) {
  return *new (pool_allocate(sizeof(Envelope)))
      Envelope(op, Completion::Pooled, pool_class(sizeof(Envelope)));
}

struct ChildEndedEnvelope : Envelope {
  explicit ChildEndedEnvelope(Cell& ended) noexcept
      : Envelope(&told, Completion::Pooled, pool_class(sizeof(ChildEndedEnvelope))),
        child(&ended) {}

  static bool told(Envelope& envelope, Unit& unit, Op op, void*) {
    Cell& child = *static_cast<ChildEndedEnvelope&>(envelope).child;
    if (op == Op::Control) cell_of(unit).child_ended(child);
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

bool unreferenced_op(Envelope& envelope, Unit& unit, Op op, void*) {
  if (op == Op::Control) cell_of(unit).attention |= Cell::kUnreferenced;
  free_envelope(thread_state(), envelope);
  return true;
}

std::string text_of(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception of a type that is no std::exception";
  }
}

}  // namespace

void post_stop(Cell& cell, StopReasonKind kind) noexcept {
  auto* envelope = new (pool_allocate(sizeof(StopEnvelope))) StopEnvelope(kind);
  if (!cell.post(*envelope)) free_envelope(thread_state(), *envelope);
}

// ---- the mailbox ------------------------------------------------------------------------------

Cell::Cell(const CellType& cell_type, SystemCore& system_core, SchedulerCore& scheduler_core,
           ActorId actor_id, Cell* parent_cell, ActorType actor_type_) noexcept
    : Unit(&run_cell, scheduler_core),
      type(&cell_type),
      system(&system_core),
      parent(parent_cell),
      id_text(IdAccess::release(std::move(actor_id))),
      actor_type(actor_type_) {
  system_core.count_memory();
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
  ThreadState& thread = thread_state();
  switch (lane.push(&make_pooled(&kick_op))) {
    case LanePush::Queued:
      break;
    case LanePush::BecameOwner:
      submit(thread, *scheduler, *this);
      break;
    case LanePush::Closed:
      reject_late();
      break;
  }
  return true;
}

void complete_slow(ThreadState& thread, Envelope& envelope) noexcept {
  switch (envelope.completion) {
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

void Cell::run_cell(Runnable& runnable, ThreadState& thread) {
  for (Runnable* next = &runnable; next != nullptr; next = thread.worker->take_newest(&run_cell)) {
    Cell& cell = static_cast<Cell&>(static_cast<Unit&>(*next));
    thread.unit = &cell;
    if (cell.run_messages(thread)) thread.worker->push_back(cell);
  }
  thread.unit = nullptr;
}

// True: still owned, its budget is used up. False: nobody's, or already somebody else's.
inline bool Cell::run_messages(ThreadState& thread) {
  for (thread.budget = thread.worker->budget();;) {
    Next next = Next::Dispatch;
    if (!is_undisturbed()) [[unlikely]] {
      next = look_up(thread);
      if (next == Next::Released) return false;
    }
    Envelope* front = lane.front();
    if (next == Next::Dispatch) [[likely]] {
      current.store(front->op, std::memory_order_relaxed);
      if (!front->op(*front, *this, Op::Run, nullptr)) {
        activity_kind = Activity::Message;
        continue;
      }
    }
    if (attention != 0) [[unlikely]]
      keep_owned();
    const Envelope* behind = lane.pop_or_idle();
    complete(thread, *front);
    if (behind == nullptr) return false;
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
    return suspend(thread) ? Next::Released : Next::Again;
  }
  if (attention == 0) return Next::Dispatch;
  const Next next = attend();
  if (next != Next::Wait) return next;
  return suspend(thread) ? Next::Released : Next::Again;
}

bool Cell::finish_activity() {
  if (activity_kind == Activity::Message) {
    Envelope* front = lane.front();
    front->op(*front, *this, Op::Collect, nullptr);
    return true;
  }
  auto task = end_activity<void>();
  if (auto error = TaskAccess::handle(task).promise().error) fail(std::move(error));
  return false;
}

void Cell::run_hook(Hook hook, const ChildStopped* child, Activity kind) noexcept {
  try {
    if (type->run_hook(*this, hook, child)) {
      if (activity) {
        activity_kind = kind;
        finish_activity();
      }
    } else {
      activity_kind = kind;
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

Cell::Next Cell::attend() {
  if ((attention & kChildEnded) != 0) {
    auto& ended = extras->ended_children;
    extras->hook_child.emplace(std::move(ended.front()));
    ended.pop_front();
    if (ended.empty()) attention &= static_cast<std::uint8_t>(~kChildEnded);
    run_hook(Hook::ChildStopped, &*extras->hook_child, Activity::ChildHook);
    return Next::Again;
  }
  if ((attention & kStopping) != 0) {
    if (extras != nullptr && extras->children != nullptr) return Next::Wait;
    if (!std::exchange(stopped_hook_done, true) && type->has_stopped) {
      run_hook(Hook::Stopped, nullptr, Activity::StoppedHook);
      return Next::Again;
    }
    close();
    return Next::Released;
  }
  if ((attention & kStop) != 0) {
    if (type->has_stopped || (extras != nullptr && extras->children != nullptr)) {
      begin_stop();
      return Next::Again;
    }
    close();
    return Next::Released;
  }
  if ((attention & kUnreferenced) != 0 && strong.load(std::memory_order_acquire) != 0)
    attention &= static_cast<std::uint8_t>(~kUnreferenced);
  const EnvelopeOp front = lane.front()->op;
  if (attention != 0 && (front == &noop_op || front == &kick_op) && !lane.has_next()) {
    request_stop((attention & kDrain) != 0 ? StopReasonKind::Stopped
                                           : StopReasonKind::Unreferenced);
    return Next::Again;
  }
  return Next::Dispatch;
}

// While there is something to attend to, the lane must not become idle.
void Cell::keep_owned() noexcept {
  if (!lane.has_next()) lane.push(&make_pooled(&noop_op));
}

// ---- stopping ---------------------------------------------------------------------------------

void Cell::request_stop(StopReasonKind kind, std::string detail) noexcept {
  if ((attention & (kStop | kStopping)) != 0) return;
  attention |= kStop;
  stop_kind = kind;
  if (!detail.empty()) more().stop_detail = std::move(detail);
}

void Cell::fail(std::exception_ptr error) noexcept {
  system->count_failure(*this, text_of(error));
  const bool starting = status.load(std::memory_order_relaxed) == ActorStatus::Starting;
  request_stop(starting ? StopReasonKind::StartFailed : StopReasonKind::Failed, text_of(error));
}

// The handler may wait for an actor that waits for this one: so the backlog is rejected and the
// children are stopped without waiting for the handler.
void Cell::stop_from_outside(StopReasonKind kind) noexcept {
  request_stop(kind);
  if (!activity || activity_kind != Activity::Message) return;
  status.store(ActorStatus::Stopping, std::memory_order_release);
  root_scope.request();
  reject_behind_front();
  stop_children();
}

void Cell::reject_behind_front() noexcept {
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
    reject(*rejected);
  }
  front->next.store(&last, std::memory_order_relaxed);
}

void Cell::stop_children() noexcept {
  if (extras == nullptr) return;
  for (Cell* child = extras->children; child != nullptr; child = child->next_live)
    post_stop(*child, StopReasonKind::ParentStopped);
}

void Cell::begin_stop() noexcept {
  attention |= kStopping;
  root_scope.renew();  // the stopped hook may wait
  status.store(ActorStatus::Stopping, std::memory_order_release);
  Envelope& last = make_pooled(&noop_op);
  lane.push(&last);
  for (Envelope* front = lane.front(); front != &last; front = lane.front()) {
    if (front->op == &kick_op) control.kick_seen();
    lane.pop_or_idle();  // `last` stands behind it
    reject(*front);
  }
  stop_children();
}

// The one finaliser. Order: out of the registry, backlog, parent, those who asked for the stop.
void Cell::close() noexcept {
  ThreadState& thread = thread_state();
  status.store(ActorStatus::Stopped, std::memory_order_release);
  system->ended(*this);
  type->destroy_actor(*this);
  reject_all();
  StartEnvelope* failed_start = extras != nullptr ? extras->failed_start : nullptr;
  if (failed_start != nullptr) {
    failed_start->error = ActorRefErr::ActorStartFailed(stop_reason().detail());
    failed_start->completion = extras->failed_start_completion;
  }
  ReplyEnvelope* waiter = std::exchange(stop_waiters, nullptr);
  const bool has_parent = parent != nullptr;
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
  auto* told = new (pool_allocate(sizeof(ChildEndedEnvelope))) ChildEndedEnvelope(*this);
  if (parent->post(*told)) return;
  free_envelope(thread_state(), *told);
  release_memory();
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

// ---- references -------------------------------------------------------------------------------

void Cell::last_reference_gone() noexcept {
  if (actor_type == ActorType::Anonymous && parent == nullptr &&
      status.load(std::memory_order_acquire) < ActorStatus::Stopping) {
    auto& envelope = make_pooled(&unreferenced_op);
    if (!post(envelope)) free_envelope(thread_state(), envelope);
  }
  release_memory();
}

void Cell::free_memory() noexcept {
  SystemCore* core = system;
  Cell* above = parent;
  SharedText::release(id_text.load(std::memory_order_acquire));
  delete extras;
  type->deallocate(*this);
  if (above != nullptr) above->release_memory();
  core->memory_freed();
}

ActorId Cell::id() noexcept {
  SharedText* text = id_text.load(std::memory_order_acquire);
  if (text == nullptr) {
    SharedText* made = IdAccess::release(make_uuid(current_rng()));
    if (id_text.compare_exchange_strong(text, made, std::memory_order_acq_rel))
      text = made;
    else
      SharedText::release(made);
  }
  SharedText::retain(text);
  return IdAccess::adopt(text);
}

std::string_view Cell::id_view() noexcept {
  SharedText* text = id_text.load(std::memory_order_acquire);
  return text != nullptr ? text->view() : id().view();
}

std::uint64_t Cell::context_id() noexcept {
  if (given_context_id == 0) given_context_id = system->next_context_id();
  return given_context_id;
}

ActorPath Cell::container_path() {
  return parent != nullptr ? parent->full_path() : system->name();
}

ActorPath Cell::full_path() {
  std::string path = container_path().str();
  path += '/';
  path += id_view();
  return ActorPath(path);
}

// ---- children ---------------------------------------------------------------------------------

CellExtras& Cell::more() {
  if (extras == nullptr) extras = new CellExtras();
  return *extras;
}

Cell* Cell::find_child_cell(std::string_view id) noexcept {
  if (extras == nullptr) return nullptr;
  if (extras->child_count >= kIndexFrom) {
    const auto found = extras->child_index.find(id);
    return found != extras->child_index.end() ? found->second : nullptr;
  }
  for (Cell* child = extras->children; child != nullptr; child = child->next_live)
    if (const SharedText* text = child->id_text.load(std::memory_order_acquire);
        text != nullptr && text->view() == id)
      return child;
  return nullptr;
}

void Cell::add_child(Cell& child) {
  CellExtras& mine = more();
  child.next_live = mine.children;
  child.previous_live = &mine.children;
  if (mine.children != nullptr) mine.children->previous_live = &child.next_live;
  mine.children = &child;
  if (++mine.child_count < kIndexFrom) return;
  if (mine.child_count == kIndexFrom) {
    for (Cell* each = mine.children; each != nullptr; each = each->next_live)
      mine.child_index.emplace(each->id_view(), each);
  } else {
    mine.child_index.emplace(child.id_view(), &child);
  }
}

void Cell::child_ended(Cell& child) noexcept {
  *child.previous_live = child.next_live;
  if (child.next_live != nullptr) child.next_live->previous_live = child.previous_live;
  if (extras->child_count >= kIndexFrom) extras->child_index.erase(child.id_view());
  if (--extras->child_count == kIndexFrom - 1) extras->child_index.clear();
  const bool told_otherwise = child.extras != nullptr && child.extras->failed_start != nullptr;
  if (type->has_child_stopped && !told_otherwise) {
    extras->ended_children.emplace_back(child.id(), child.stop_reason());
    attention |= kChildEnded;
  }
  child.release_memory();
}

// ---- starting ---------------------------------------------------------------------------------

bool StartEnvelope::start_op(Envelope& envelope, Unit& unit, Op op, void* argument) {
  if (op == Op::Name) {
    *static_cast<std::string_view*>(argument) = "started";
    return true;
  }
  Cell& cell = cell_of(unit);
  if (op == Op::Run && cell.type->has_started) {
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
  cell.type->destroy_actor(cell);
  cell.release_memory();
  cell.release();
}

// ---- failures ---------------------------------------------------------------------------------

ActorRefErr handler_failed(const std::exception_ptr& error, Cell&, std::string_view) noexcept {
  return ActorRefErr::HandlerFailed(text_of(error));
}

void count_dead_letter(Cell& cell) noexcept { cell.system->count_dead_letter(); }

}  // namespace coerce::detail
