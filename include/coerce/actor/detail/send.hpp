/// \file
/// The awaitables and functions behind the verbs of a reference.

#pragma once

#include <atomic>
#include <optional>
#include <utility>

#include <coerce/actor/describe.hpp>
#include <coerce/actor/detail/cell_ref.hpp>
#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

ActorRefErr invalid_ref(Cell& cell) noexcept;
/// Why a message was not taken.
ActorRefErr refusal(Cell& cell, Pushed pushed) noexcept;
/// Gives a sender whose message was not taken its answer.
template <class M>
[[gnu::noinline, gnu::cold]] void answer_refused(SendEnvelope<M>& envelope, Cell& cell,
                                                 Pushed pushed) {
  if (pushed != Pushed::Answered)
    envelope.answer.emplace(coerce::unexpected(refusal(cell, pushed)));
}
ActorRefErr waits_for_itself(Cell& cell, std::string_view message_type) noexcept;
/// What a blocking call on a worker gets.
std::optional<ActorRefErr> refuse_blocking(Cell& cell) noexcept;
Result<void> notify_stop(Cell& cell);
Result<void> stop_blocking(Cell& cell);
Task<DescribeResult> describe_cell(CellRef cell, DescribeOptions options, std::size_t depth = 0);

template <class M>
void destroy_payload(Envelope& envelope) noexcept {
  std::destroy_at(&static_cast<NotifyEnvelope<M>&>(envelope).payload);
}

/// For a mailbox that is bounded or closed: hands the envelope over or destroys it.
Pushed notify_checked(ThreadState& thread, Cell& cell, Envelope& envelope,
                      void (*destroy)(Envelope&) noexcept) noexcept;

/// Never inlined, so it may use the thread's state.
template <class M, class... Args>
[[gnu::noinline]] Pushed push_notify(Cell& cell, EnvelopeOp op, Args&&... args) {
  ThreadState& thread = this_thread_state;
  void* memory = pool_allocate(thread, sizeof(NotifyEnvelope<M>));
  NotifyEnvelope<M>* envelope;
  if constexpr (std::is_nothrow_constructible_v<M, Args...>) {
    envelope = new (memory) NotifyEnvelope<M>(op, std::forward<Args>(args)...);
  } else {
    try {
      envelope = new (memory) NotifyEnvelope<M>(op, std::forward<Args>(args)...);
    } catch (...) {
      pool_free(thread, memory, sizeof(NotifyEnvelope<M>));
      throw;
    }
  }
  --thread.budget;
  if (cell.entry.load(std::memory_order_relaxed) != Entry::Open) [[unlikely]]
    return notify_checked(thread, cell, *envelope, &destroy_payload<M>);
  cell.enqueue(thread, *envelope);
  return Pushed::Taken;
}

/// Inlined, so that a result that nobody looks at costs nothing.
template <class M, class... Args>
[[gnu::always_inline]] inline Result<void> notify_cell(Cell& cell, EnvelopeOp op, Args&&... args) {
  const Pushed pushed = push_notify<M>(cell, op, std::forward<Args>(args)...);
  if (pushed == Pushed::Taken) [[likely]]
    return {};
  return coerce::unexpected(refusal(cell, pushed));
}

/// The envelope says from now on who sent it.
void set_sender(Envelope& envelope, Cell& sender);

/// The same as push_notify() for a message that says who sent it.
template <class M, class... Args>
Result<void> notify_cell_from(Cell& sender, Cell& cell, EnvelopeOp op, Args&&... args) {
  using Notice = NotifyEnvelope<M>;
  void* memory = pool_allocate(sizeof(Notice));
  Notice* envelope;
  try {
    envelope = new (memory) Notice(op, std::forward<Args>(args)...);
  } catch (...) {
    pool_free(memory, sizeof(Notice));
    throw;
  }
  set_sender(*envelope, sender);
  ThreadState& thread = thread_state();
  const Pushed pushed = cell.push(thread, *envelope);
  if (pushed == Pushed::Taken) return {};
  destroy_payload<M>(*envelope);
  free_envelope(thread, *envelope);
  return coerce::unexpected(refusal(cell, pushed));
}

/// Says who sends the envelope and until when the answer is wanted: by `deadline`, or earlier if
/// the message that the sender is handling has a deadline. Returns that time.
TimePoint set_origin(Envelope& envelope, Unit& sender, TimePoint deadline);

/// The envelope says from now on until when its sender waits.
void set_deadline(Envelope& envelope, TimePoint deadline);

/// Keeps a cell reachable while an awaiter that was moved away from its reference waits.
class Keep {
 public:
  Keep() noexcept = default;
  explicit Keep(Cell& cell) noexcept : cell_(&cell) { cell.retain(); }
  Keep(Keep&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  ~Keep() {
    if (cell_ != nullptr) cell_->release();
  }

 private:
  Cell* cell_ = nullptr;
};

/// A message whose waiting side may walk away: it has memory of its own, and whoever is second
/// frees it.
template <class M>
struct PendingEnvelope : SendEnvelope<M> {
  enum class State : std::uint8_t {
    Pending,
    Replied,     // the answer is there, the waiting side is woken or gone
    LeavingNow,  // the waiting side has been woken by a timeout or cancellation
    Abandoned,   // the waiting side is gone
  };

  template <class... Args>
  explicit PendingEnvelope(EnvelopeOp operation, Args&&... args)
      : SendEnvelope<M>(operation, Completion::Custom, std::forward<Args>(args)...) {
    this->complete = &completed;
  }

  static PendingEnvelope* make(EnvelopeOp operation, M&& payload) {
    void* memory = pool_allocate(sizeof(PendingEnvelope));
    return new (memory) PendingEnvelope(operation, std::move(payload));
  }
  void free() noexcept {
    this->drop_metadata();
    this->~PendingEnvelope();
    pool_free(this, sizeof(PendingEnvelope));
  }

  static void completed(ReplyEnvelope& envelope) noexcept {
    auto& self = static_cast<PendingEnvelope&>(envelope);
    // Read first: once the state says Replied the waiting side may free us.
    WakeNode* node = self.node;
    switch (self.state.exchange(State::Replied, std::memory_order_acq_rel)) {
      case State::Pending:
        node->wake();
        break;
      case State::Abandoned:
        self.free();
        break;
      default:
        break;
    }
  }

  WakeNode* node = nullptr;
  std::atomic<State> state{State::Pending};
};

/// Awaits the answer of a message in memory of its own, with a limit or until cancelled.
template <class M>
class PendingWait : WakeNode, TimerNode, CancelNode {
  using State = typename PendingEnvelope<M>::State;

 public:
  using Answer = Result<MessageResult<M>>;

  PendingWait() noexcept : TimerNode(&expired), CancelNode(&cancelled) {}

  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { pool_free(memory, size); }

  bool start(Cell& cell, EnvelopeOp operation, M&& payload, std::optional<Duration> timeout,
             Unit& waiter, std::coroutine_handle<> caller, CancelScope& scope,
             bool system_lane = false) {
    unit = &waiter;
    handle = caller;
    if (scope.requested()) {
      outcome_.emplace(coerce::unexpected(ActorRefErr::Cancelled()));
      return false;
    }
    pending_ = PendingEnvelope<M>::make(operation, std::move(payload));
    pending_->node = this;
    started_ = now(*waiter.scheduler);
    const TimePoint deadline =
        set_origin(*pending_, waiter, timeout ? later(started_, *timeout) : TimePoint::max());
    if (deadline != TimePoint::max()) {
      timed_ = true;
      arm_timer(*waiter.scheduler, *this, deadline);
    }
    scope.add(*this);
    Pushed pushed = Pushed::Taken;
    if (!system_lane)
      pushed = cell.push(thread_state(), *pending_, true);
    else if (!cell.post(*pending_))
      pushed = Pushed::Refused;
    if (pushed != Pushed::Taken) {
      answer_refused<M>(*pending_, cell, pushed);
      PendingEnvelope<M>::completed(*pending_);
    }
    return true;
  }

  Answer finish() {
    CancelNode::unlink();
    if (pending_ == nullptr) return std::move(*outcome_);
    if (timed_) cancel_timer(*unit->scheduler, *this);
    PendingEnvelope<M>& pending = *std::exchange(pending_, nullptr);
    std::optional<Answer> answer;
    if (EnvelopeMetadata* facts = pending.metadata())
      facts->given_up.store(true, std::memory_order_relaxed);
    if (pending.state.load(std::memory_order_acquire) == State::Replied &&
        !left_.load(std::memory_order_relaxed))
      answer = std::move(pending.answer);
    else
      answer.emplace(
          coerce::unexpected(cancelled_ ? ActorRefErr::Cancelled()
                                        : ActorRefErr::Timeout(now(*unit->scheduler) - started_)));
    if (pending.state.exchange(State::Abandoned, std::memory_order_acq_rel) == State::Replied)
      pending.free();
    return std::move(*answer);
  }

 private:
  bool leave() noexcept {
    State pending = State::Pending;
    if (!pending_->state.compare_exchange_strong(pending, State::LeavingNow,
                                                 std::memory_order_acq_rel))
      return false;
    left_.store(true, std::memory_order_relaxed);
    wake();
    return true;
  }
  // Runs while the wheel is locked, and finish() disarms before it frees: the envelope is there.
  static void expired(TimerNode& node) noexcept { static_cast<PendingWait&>(node).leave(); }
  static void cancelled(CancelNode& node) noexcept {
    auto& self = static_cast<PendingWait&>(node);
    self.cancelled_ = self.leave();
  }

  PendingEnvelope<M>* pending_ = nullptr;
  std::optional<Answer> outcome_;
  TimePoint started_{};
  std::atomic<bool> left_{false};
  bool timed_ = false;
  bool cancelled_ = false;
};

/// `co_await ref.send(m)`: the message lies in the sender's frame. Below an abandonable scope it
/// moves into memory of its own first.
template <class M>
class SendAwaiter : SendEnvelope<M> {
 public:
  using Answer = Result<MessageResult<M>>;

  template <class... Args>
  SendAwaiter(Cell& cell, EnvelopeOp operation, Args&&... args)
      : SendEnvelope<M>(operation, Completion::Wake, std::forward<Args>(args)...), cell_(&cell) {}
  /// Only before it is awaited. The new one keeps the actor referenced.
  SendAwaiter(SendAwaiter&& other)
      : SendEnvelope<M>(other.op, Completion::Wake, std::move(other.payload)),
        cell_(other.cell_),
        keep_(*other.cell_) {}
  ~SendAwaiter() {
    if (pending_ != nullptr) delete pending_;
  }

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    PromiseBase& promise = caller.promise();
    if (promise.unit == cell_) [[unlikely]] {
      this->answer.emplace(coerce::unexpected(waits_for_itself(*cell_, type_name_of<M>())));
      return false;
    }
    if (promise.scope->abandonable()) [[unlikely]] {
      pending_ = new PendingWait<M>();
      return pending_->start(*cell_, this->op, std::move(this->payload), std::nullopt,
                             *promise.unit, caller, *promise.scope);
    }
    this->waiter = promise.unit;
    this->handle = caller;
    const Pushed pushed = cell_->push(thread_state(), *this, true);
    if (pushed != Pushed::Taken) [[unlikely]] {
      answer_refused<M>(*this, *cell_, pushed);
      return false;
    }
    return true;
  }
  Answer await_resume() {
    if (pending_ != nullptr) [[unlikely]]
      return pending_->finish();
    return std::move(*this->answer);
  }
  operator Task<Answer>() && { return as_task(std::move(*this)); }

 private:
  Cell* cell_;
  Keep keep_;
  PendingWait<M>* pending_ = nullptr;
};

/// `co_await ref.send(m, timeout)`.
template <class M>
class TimedSendAwaiter {
 public:
  using Answer = Result<MessageResult<M>>;

  template <class... Args>
  TimedSendAwaiter(Cell& cell, Duration timeout, EnvelopeOp operation, Args&&... args)
      : payload_(std::forward<Args>(args)...),
        cell_(&cell),
        operation_(operation),
        timeout_(timeout) {}
  TimedSendAwaiter(TimedSendAwaiter&& other)
      : payload_(std::move(other.payload_)),
        cell_(other.cell_),
        keep_(*other.cell_),
        operation_(other.operation_),
        timeout_(other.timeout_) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    PromiseBase& promise = caller.promise();
    if (promise.unit == cell_) {
      refused_.emplace(coerce::unexpected(waits_for_itself(*cell_, type_name_of<M>())));
      return false;
    }
    return wait_.start(*cell_, operation_, std::move(payload_), timeout_, *promise.unit, caller,
                       *promise.scope);
  }
  Answer await_resume() { return refused_ ? std::move(*refused_) : wait_.finish(); }
  operator Task<Answer>() && { return as_task(std::move(*this)); }

 private:
  M payload_;
  Cell* cell_;
  Keep keep_;
  EnvelopeOp operation_;
  Duration timeout_;
  std::optional<Answer> refused_;
  PendingWait<M> wait_;
};

/// A question to the system lane, awaited in the asker's frame.
template <class Answer>
class SystemAwaiter : protected ReplyEnvelope {
 public:
  SystemAwaiter(Cell& cell, EnvelopeOp operation) noexcept
      : ReplyEnvelope(operation, Completion::Wake), cell_(&cell) {}
  SystemAwaiter(SystemAwaiter&& other) noexcept
      : ReplyEnvelope(other.op, Completion::Wake), cell_(other.cell_), keep_(*other.cell_) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    waiter = caller.promise().unit;
    handle = caller;
    return start();
  }
  Answer await_resume() noexcept { return std::move(answer_); }
  operator Task<Answer>() && { return as_task(std::move(*this)); }

 protected:
  bool start() noexcept {
    if (waiter == cell_) {
      answer_ = coerce::unexpected(waits_for_itself(*cell_, "system message"));
      return false;
    }
    if (cell_->post(*this)) return true;
    answer_ = coerce::unexpected(invalid_ref(*cell_));
    return false;
  }

  Cell* cell_;
  Keep keep_;
  Answer answer_{};
};

class StatusAwaiter : public SystemAwaiter<Result<ActorStatus>> {
 public:
  explicit StatusAwaiter(Cell& cell) noexcept : SystemAwaiter(cell, &answer_status) {}

 private:
  static bool answer_status(Envelope& envelope, Unit& unit, Op op, void*);
};

class StopAwaiter : public SystemAwaiter<Result<void>> {
 public:
  explicit StopAwaiter(Cell& cell) noexcept : SystemAwaiter(cell, &take_stop) {}

 private:
  static bool take_stop(Envelope& envelope, Unit& unit, Op op, void*);
};

/// A message whose answer goes to a function.
template <class M, class Sender>
struct DeliverEnvelope : SendEnvelope<M> {
  template <class T>
  DeliverEnvelope(EnvelopeOp operation, T&& message, Sender&& to)
      : SendEnvelope<M>(operation, Completion::Custom, std::forward<T>(message)),
        sender(std::move(to)) {
    this->complete = &completed;
  }
  static void completed(ReplyEnvelope& envelope) noexcept {
    auto* self = static_cast<DeliverEnvelope*>(&envelope);
    self->sender(std::move(*self->answer));
    self->drop_metadata();
    delete self;
  }
  Sender sender;
};

template <class M, class T, class Sender>
void deliver(Cell& cell, EnvelopeOp op, T&& message, Sender sender) {
  using Delivery = DeliverEnvelope<M, Sender>;
  auto* envelope = new Delivery(op, std::forward<T>(message), std::move(sender));
  const Pushed pushed = cell.push(thread_state(), *envelope);
  if (pushed == Pushed::Taken) return;
  answer_refused<M>(*envelope, cell, pushed);
  Delivery::completed(*envelope);
}

/// Blocks the calling outside thread.
void block_until_done(Cell& cell, Task<void> task);

template <class Awaiter, class Answer>
Task<void> collect(Awaiter awaiter, std::optional<Answer>& answer) {
  answer.emplace(co_await std::move(awaiter));
}

template <class M, class T>
Result<MessageResult<M>> send_blocking(Cell& cell, EnvelopeOp op, T&& message,
                                       std::optional<Duration> timeout) {
  if (auto refused = refuse_blocking(cell)) return coerce::unexpected(std::move(*refused));
  std::optional<Result<MessageResult<M>>> answer;
  if (timeout) {
    TimedSendAwaiter<M> awaiter(cell, *timeout, op, std::forward<T>(message));
    block_until_done(cell, collect(std::move(awaiter), answer));
  } else {
    SendAwaiter<M> awaiter(cell, op, std::forward<T>(message));
    block_until_done(cell, collect(std::move(awaiter), answer));
  }
  return std::move(*answer);
}

}  // namespace coerce::detail
