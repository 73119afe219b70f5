#include <coerce/actor/detail/send.hpp>

#include <coerce/actor/describe.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/cell_extras.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

ActorRefErr invalid_ref(Cell&) noexcept { return ActorRefErr::InvalidRef(); }

ActorRefErr refusal(Cell& cell, Pushed pushed) noexcept {
  return pushed == Pushed::Full ? ActorRefErr::MailboxFull() : invalid_ref(cell);
}

Pushed notify_checked(Cell& cell, Envelope& envelope,
                      void (*destroy)(Envelope&) noexcept) noexcept {
  ThreadState& thread = thread_state();
  const Pushed pushed = cell.push_checked(thread, envelope, false);
  if (pushed != Pushed::Taken) {
    destroy(envelope);
    free_envelope(thread, envelope);
  }
  return pushed;
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
  block_until_done(cell, collect(StopAwaiter(cell), answer));
  return std::move(*answer);
}

Result<void> notify_stop(Cell& cell) {
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

// ---- describe ---------------------------------------------------------------------------------

namespace {

constexpr std::size_t kMaxDepthCounted = 10'000;

struct Snapshot {
  ActorDescription self;
  std::vector<CellRef> children;
};

struct Describe {
  using Result = Snapshot;
  Describe(std::size_t limit, bool attached_too)
      : max_children(limit), with_attached(attached_too) {}
  std::size_t max_children;
  bool with_attached;
};

std::string_view message_name(Cell& cell, EnvelopeOp op) {
  std::string_view name;
  if (op != nullptr) op(*cell.lane.front(), cell, Op::Name, &name);
  return name;
}

// On the owner, perhaps while a handler is suspended: reads, and calls nothing of the user's.
Snapshot snapshot(Cell& cell, std::size_t max_children, bool with_attached) {
  Snapshot result;
  ActorDescription& self = result.self;
  self.actor_id = cell.id();
  self.path = cell.full_path();
  self.actor_type_name = cell.type->name;
  self.actor_context_id = cell.context_id();
  self.status = cell.status.load(std::memory_order_relaxed);
  if (cell.activity && cell.activity_kind == Cell::Activity::Message)
    self.current_message = message_name(cell, cell.current.load(std::memory_order_relaxed));
  for (const Envelope* envelope = cell.lane.front()->next.load(std::memory_order_acquire);
       envelope != nullptr && self.mailbox_depth < kMaxDepthCounted;
       envelope = envelope->next.load(std::memory_order_acquire))
    ++self.mailbox_depth;
  if (cell.extras == nullptr) return result;
  if (cell.extras->bound) self.mailbox_depth += cell.extras->bound->waiting_in_ring();
  self.tags = cell.extras->tags;
  std::vector<Cell*> children;
  for (Cell* child = cell.extras->children; child != nullptr; child = child->next_live)
    children.push_back(child);
  // The list is newest first.
  for (auto child = children.rbegin();
       child != children.rend() && result.children.size() < max_children; ++child)
    result.children.push_back(CellRef::share(**child));
  if (with_attached)
    cell.extras->attached.for_each([&](Cell& child) {
      if (result.children.size() < max_children) result.children.push_back(CellRef::share(child));
    });
  return result;
}

bool describe_op(Envelope& envelope, Unit& unit, Op op, void*) {
  if (op == Op::Name) return true;
  auto& request = static_cast<PendingEnvelope<Describe>&>(envelope);
  if (op == Op::Control)
    request.answer.emplace(
        snapshot(cell_of(unit), request.payload.max_children, request.payload.with_attached));
  else
    request.answer.emplace(coerce::unexpected(ActorRefErr::InvalidRef()));
  PendingEnvelope<Describe>::completed(request);
  return true;
}

class DescribeAwaiter {
 public:
  DescribeAwaiter(Cell& cell, Describe question, Duration timeout) noexcept
      : cell_(&cell), question_(question), timeout_(timeout) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    PromiseBase& promise = caller.promise();
    return wait_.start(*cell_, &describe_op, Describe(question_), timeout_, *promise.unit, caller,
                       *promise.scope, true);
  }
  Result<Snapshot> await_resume() { return wait_.finish(); }

 private:
  Cell* cell_;
  Describe question_;
  Duration timeout_;
  PendingWait<Describe> wait_;
};

}  // namespace

Task<DescribeResult> describe_cell(CellRef cell, DescribeOptions options, std::size_t depth) {
  SchedulerCore& scheduler = *cell->scheduler;
  const TimePoint began = now(scheduler);
  const bool with_children = depth < options.max_depth;
  const Describe question(with_children ? options.max_children : 0, options.attached);
  DescribeAwaiter awaiter(*cell, question, options.child_timeout);
  Result<Snapshot> answered = co_await awaiter;
  if (!answered) co_return DescribeResult(cell->id(), cell->full_path(), answered.error());
  ActorDescription description = std::move(answered->self);
  std::vector<Task<DescribeResult>> children;
  children.reserve(answered->children.size());
  for (CellRef& child : answered->children)
    children.push_back(describe_cell(std::move(child), options, depth + 1));
  description.supervised = co_await when_all(std::move(children));
  description.time_taken = now(scheduler) - began;
  co_return DescribeResult(std::move(description));
}

}  // namespace coerce::detail
