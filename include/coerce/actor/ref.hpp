/// \file
/// References to actors: how messages are sent.

#pragma once

#include <functional>
#include <optional>
#include <utility>

#include <coerce/actor/describe.hpp>
#include <coerce/actor/detail/foreign.hpp>
#include <coerce/actor/detail/refusal.hpp>
#include <coerce/actor/detail/send.hpp>
#include <coerce/runtime/detail/guard.hpp>

namespace coerce {

class ScheduledNotify;

/// Where an answer goes that is not awaited. Called once, on a worker or on the thread that finds
/// the actor ended; it must not block or throw.
template <class R>
using ResultSender = std::function<void(Result<R>)>;

namespace detail {

template <class A, class F>
struct Exec {
  using Result = std::remove_cvref_t<std::invoke_result_t<F&, A&>>;
  static constexpr std::string_view type_name = "Exec";
  explicit Exec(F f) : function(std::move(f)) {}
  F function;
};

/// Handles Exec messages: the cell calls the closure with the actor.
template <class A, class F>
bool exec_op(Envelope& envelope, Unit& unit, Op op, void* argument);

}  // namespace detail

/// A counted reference to an actor of this process or of another node, whatever its type.
/// Thread-safe like a shared_ptr.
class BoxedActorRef {
 public:
  explicit BoxedActorRef(detail::CellRef cell) noexcept : cell_(std::move(cell)) {}

  ActorId actor_id() const { return cell_->id(); }
  ActorPath actor_path() const { return cell_->container_path(); }
  std::string_view actor_type() const noexcept { return detail::actor_type_of(*cell_); }
  bool is_valid() const noexcept {
    return cell_->status.load(std::memory_order_acquire) < ActorStatus::Stopping;
  }
  /// The typed reference, if the actor is an A of this process.
  template <class A>
  std::optional<LocalActorRef<A>> as_actor() const {
    if (cell_->type != &detail::ActorCell<A>::kType) return std::nullopt;
    return LocalActorRef<A>(cell_);
  }

  /// See LocalActorRef.
  Task<Result<ActorStatus>> status() const { return detail::status_of(cell_); }
  Task<Result<void>> stop() const { return detail::stop_of(cell_); }
  Result<void> notify_stop() const { return detail::notify_stop(*cell_); }
  Task<DescribeResult> describe(DescribeOptions options = {}) const {
    return detail::describe_cell(cell_, options);
  }

  friend bool operator==(const BoxedActorRef& a, const BoxedActorRef& b) noexcept {
    return detail::is_same_actor(*a.cell_, *b.cell_);
  }
  const detail::CellRef& cell() const noexcept { return cell_; }

 private:
  detail::CellRef cell_;
};

namespace detail {

/// The verbs that take a message. `Route` says how a message gets to the actor: see LocalRoute.
template <class A, class Route>
class TypedRef : Refusing<A> {
 public:
  using Refusing<A>::async_send, Refusing<A>::deliver, Refusing<A>::notify,
      Refusing<A>::notify_from, Refusing<A>::scheduled_notify, Refusing<A>::send,
      Refusing<A>::send_blocking, Refusing<A>::send_for;

  ActorId actor_id() const { return cell_->id(); }
  ActorPath actor_path() const { return cell_->container_path(); }
  std::string_view actor_type() const noexcept { return type_name_of<A>(); }
  bool is_valid() const noexcept {
    return cell_->status.load(std::memory_order_acquire) < ActorStatus::Stopping;
  }

  /// Hands the message over and goes on; never waits. Error: InvalidRef.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Result<void> notify(M&& message) const {
    refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return Route::template notify<Plain>(*cell_, std::forward<M>(message));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  Result<void> notify(Args&&... args) const {
    refuse_awaited_temporary<Args...>();
    return Route::template notify<M>(*cell_, std::forward<Args>(args)...);
  }

  /// The same from inside a handler, whose actor the receiver then sees as ctx.sender().
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Result<void> notify_from(ActorContext& sender, M&& message) const {
    refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return Route::template notify_from<Plain>(cell_of(sender), *cell_, std::forward<M>(message));
  }

  /// Delivers the message after `delay` of the system's clock (resolution a millisecond, never
  /// early; at once if it is not above zero). Until then the reference counts, so an anonymous
  /// actor lives. The message becomes a dead letter if the actor has ended or its mailbox is full
  /// when it is due, if the system ends before, or at once if the system has as many timers as
  /// ActorSystemBuilder::max_timers allows. Defined in <coerce/actor/scheduled_notify.hpp>.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  ScheduledNotify scheduled_notify(M&& message, Duration delay) const;
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  ScheduledNotify scheduled_notify(Duration delay, Args&&... args) const;

  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  Result<void> notify_from(ActorContext& sender, Args&&... args) const {
    refuse_awaited_temporary<Args...>();
    return Route::template notify_from<M>(cell_of(sender), *cell_, std::forward<Args>(args)...);
  }

  /// `co_await ref.send(m)` waits for the answer: Result<R>. Without a limit it ends when the actor
  /// answers, fails (HandlerFailed) or stops (ResultChannelClosed, InvalidRef). Inside when_any or
  /// with_timeout it also ends when they cancel it (Cancelled). NotSupported for a message to
  /// oneself. The reference must live until the awaiter is awaited.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  auto send(M&& message) const {
    refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return SendAwaiter<Plain>(*cell_, Route::template send_op<Plain>(*cell_),
                              std::forward<M>(message));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  auto send(Args&&... args) const {
    refuse_awaited_temporary<Args...>();
    return SendAwaiter<M>(*cell_, Route::template send_op<M>(*cell_), std::forward<Args>(args)...);
  }
  /// The same with a limit: Timeout (outcome Unknown) when there is no answer by then.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  auto send(M&& message, Duration timeout) const {
    refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return TimedSendAwaiter<Plain>(*cell_, timeout, Route::template send_op<Plain>(*cell_),
                                   std::forward<M>(message));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  auto send_for(Duration timeout, Args&&... args) const {
    refuse_awaited_temporary<Args...>();
    return TimedSendAwaiter<M>(*cell_, timeout, Route::template send_op<M>(*cell_),
                               std::forward<Args>(args)...);
  }
  /// From an outside thread: blocks it. NotSupported on a worker.
  template <class M>
    requires Handler<A, std::remove_cvref_t<M>>
  auto send_blocking(M&& message, std::optional<Duration> timeout = {}) const {
    using Plain = std::remove_cvref_t<M>;
    return detail::send_blocking<Plain>(*cell_, Route::template send_op<Plain>(*cell_),
                                        std::forward<M>(message), timeout);
  }

  /// Hands the message over with a place for the answer: a ResultSender of its Result, or what
  /// converts to one. It is called exactly once, also with an error.
  template <class M, class S>
    requires Handler<A, std::remove_cvref_t<M>> &&
             std::convertible_to<S, ResultSender<MessageResult<std::remove_cvref_t<M>>>>
  void deliver(M&& message, S&& sender) const {
    using Plain = std::remove_cvref_t<M>;
    refuse_awaited_temporary<M, S>();
    detail::deliver<Plain>(*cell_, Route::template send_op<Plain>(*cell_), std::forward<M>(message),
                           std::forward<S>(sender));
  }

  /// The same with an Asio completion token for `void(Result<R>)`; include <coerce/actor/asio.hpp>.
  template <class M, class Token>
    requires Handler<A, std::remove_cvref_t<M>>
  auto async_send(M&& message, Token&& token) const;

  operator BoxedActorRef() const { return BoxedActorRef(cell_); }
  const CellRef& cell() const noexcept { return cell_; }

 protected:
  explicit TypedRef(CellRef cell) noexcept : cell_(std::move(cell)) {}

  CellRef cell_;
};

/// To an actor of this process, whose type is known.
template <class A>
struct LocalRoute {
  template <class M>
  static EnvelopeOp notify_op(Cell&) noexcept {
    return kNotifyOp<A, M>;
  }
  template <class M>
  static EnvelopeOp send_op(Cell&) noexcept {
    return kSendOp<A, M>;
  }
  template <class M, class... Args>
  [[gnu::always_inline]] static Result<void> notify(Cell& cell, Args&&... args) {
    return notify_cell<M>(cell, kNotifyOp<A, M>, std::forward<Args>(args)...);
  }
  template <class M, class... Args>
  static Result<void> notify_from(Cell& sender, Cell& cell, Args&&... args) {
    return notify_cell_from<M>(sender, cell, kNotifyOp<A, M>, std::forward<Args>(args)...);
  }
};

/// To an actor of this process or of another node.
template <class A>
struct AnyRoute {
  template <class M>
  static EnvelopeOp notify_op(Cell& cell) noexcept {
    return as_foreign(cell) != nullptr ? &foreign_op<M, false> : kNotifyOp<A, M>;
  }
  template <class M>
  static EnvelopeOp send_op(Cell& cell) noexcept {
    return as_foreign(cell) != nullptr ? &foreign_op<M, true> : kSendOp<A, M>;
  }
  template <class M, class... Args>
  static Result<void> notify(Cell& cell, Args&&... args) {
    if (ForeignCell* foreign = as_foreign(cell))
      return notify_foreign<M>(*foreign, nullptr, std::forward<Args>(args)...);
    return notify_cell<M>(cell, kNotifyOp<A, M>, std::forward<Args>(args)...);
  }
  template <class M, class... Args>
  static Result<void> notify_from(Cell& sender, Cell& cell, Args&&... args) {
    if (ForeignCell* foreign = as_foreign(cell))
      return notify_foreign<M>(*foreign, &sender, std::forward<Args>(args)...);
    return notify_cell_from<M>(sender, cell, kNotifyOp<A, M>, std::forward<Args>(args)...);
  }
};

}  // namespace detail

/// A counted reference to an actor of this process.
///
/// Copies share the count; an anonymous actor ends when the last one goes. All functions may be
/// called from any thread. Messages from one sender to one actor are handled in the order in which
/// they were sent. After the actor has ended they give InvalidRef; what it had accepted and did not
/// handle gives ResultChannelClosed to a sender, and is counted as a dead letter otherwise.
template <class A>
class LocalActorRef : public detail::TypedRef<A, detail::LocalRoute<A>> {
 public:
  explicit LocalActorRef(detail::CellRef cell) noexcept
      : detail::TypedRef<A, detail::LocalRoute<A>>(std::move(cell)) {}

  /// Runs `function(A&)` inside the actor, in its turn; `co_await` gives Result of what it returns.
  template <class F>
    requires std::invocable<std::remove_cvref_t<F>&, A&>
  auto exec(F&& function) const {
    detail::refuse_awaited_temporary<F>();
    using Plain = std::remove_cvref_t<F>;
    return detail::SendAwaiter<detail::Exec<A, Plain>>(*this->cell_, &detail::exec_op<A, Plain>,
                                                       std::forward<F>(function));
  }
  template <class F>
    requires std::invocable<std::remove_cvref_t<F>&, A&>
  Result<void> notify_exec(F&& function) const {
    detail::refuse_awaited_temporary<F>();
    using Plain = std::remove_cvref_t<F>;
    return detail::notify_cell<detail::Exec<A, Plain>>(*this->cell_, &detail::exec_op<A, Plain>,
                                                       std::forward<F>(function));
  }
  template <class F>
    requires std::invocable<std::remove_cvref_t<F>&, A&>
  auto exec_blocking(F&& function, std::optional<Duration> timeout = {}) const {
    using Plain = std::remove_cvref_t<F>;
    return detail::send_blocking<detail::Exec<A, Plain>>(*this->cell_, &detail::exec_op<A, Plain>,
                                                         std::forward<F>(function), timeout);
  }

  /// `co_await` gives Result<ActorStatus>; overtakes messages. InvalidRef when the actor has ended.
  detail::StatusAwaiter status() const noexcept { return detail::StatusAwaiter(*this->cell_); }
  /// Stops the actor after its present handler and waits until it has ended; what waits in its
  /// mailbox is rejected. `co_await` gives Result<void>: InvalidRef when it had ended before,
  /// NotSupported from inside the actor.
  detail::StopAwaiter stop() const noexcept { return detail::StopAwaiter(*this->cell_); }
  Result<void> stop_blocking() const { return detail::stop_blocking(*this->cell_); }
  Result<void> notify_stop() const { return detail::notify_stop(*this->cell_); }
  Task<DescribeResult> describe(DescribeOptions options = {}) const {
    return detail::describe_cell(this->cell_, options);
  }

  WeakActorRef<A> weak() const { return WeakActorRef<A>(*this->cell_); }

  friend bool operator==(const LocalActorRef& a, const LocalActorRef& b) noexcept {
    return a.cell_.get() == b.cell_.get();
  }
};

/// A reference that does not keep an anonymous actor from ending. Thread-safe like a weak_ptr.
template <class A>
class WeakActorRef {
 public:
  explicit WeakActorRef(detail::Cell& cell) noexcept : cell_(&cell) { cell.retain_memory(); }
  WeakActorRef(const WeakActorRef& other) noexcept : WeakActorRef(*other.cell_) {}
  // Retains first, so it may be assigned to itself.
  // NOLINTNEXTLINE(bugprone-unhandled-self-assignment)
  WeakActorRef& operator=(const WeakActorRef& other) noexcept {
    other.cell_->retain_memory();
    std::exchange(cell_, other.cell_)->release_memory();
    return *this;
  }
  ~WeakActorRef() { cell_->release_memory(); }

  /// A counted reference, while the actor is not stopping.
  std::optional<LocalActorRef<A>> lock() const noexcept {
    if (cell_->status.load(std::memory_order_acquire) >= ActorStatus::Stopping) return std::nullopt;
    return LocalActorRef<A>(detail::CellRef::share(*cell_));
  }

 private:
  detail::Cell* cell_;
};

/// A counted reference to an actor of this process or of another node: the same verbs for both.
///
/// To another node: the message has to have a codec and a name there (RemoteHandlers), is turned
/// into bytes in the sender's thread, and goes at most once; messages from one thread or actor
/// arrive in the order in which they were sent. notify() gives an error at once if the message
/// cannot go: NotSupported, Serialisation, Unreachable (no link to the node), Overloaded (too much
/// waits for it). send() ends with an answer or an error by its deadline, 5 s (an option of the
/// node) if it has none: Unreachable as soon as the link ends, Timeout, NotFound (no such actor
/// there), and what the other node says. There is no exec(): code does not travel.
template <class A>
class ActorRef : public detail::TypedRef<A, detail::AnyRoute<A>> {
  using Base = detail::TypedRef<A, detail::AnyRoute<A>>;

 public:
  ActorRef(const LocalActorRef<A>& local) noexcept : Base(local.cell()) {}
  /// Of another node: for the module that knows it.
  explicit ActorRef(detail::CellRef foreign) noexcept : Base(std::move(foreign)) {}

  bool is_remote() const noexcept { return detail::as_foreign(*this->cell_) != nullptr; }
  bool is_local() const noexcept { return !is_remote(); }
  /// The other node; none for an actor of this process.
  std::optional<NodeId> node_id() const noexcept {
    const detail::ForeignCell* foreign = detail::as_foreign(*this->cell_);
    return foreign != nullptr ? std::optional(foreign->port->node_id()) : std::nullopt;
  }
  /// \pre is_local(). Throws std::logic_error otherwise.
  LocalActorRef<A> unwrap_local() const {
    detail::demand_local(*this->cell_);
    return LocalActorRef<A>(this->cell_);
  }

  /// See LocalActorRef. For an actor of another node also Unreachable and Timeout.
  Task<Result<ActorStatus>> status() const { return detail::status_of(this->cell_); }
  Task<Result<void>> stop() const { return detail::stop_of(this->cell_); }
  Result<void> stop_blocking() const { return detail::stop_blocking(*this->cell_); }
  Result<void> notify_stop() const { return detail::notify_stop(*this->cell_); }
  Task<DescribeResult> describe(DescribeOptions options = {}) const {
    return detail::describe_cell(this->cell_, options);
  }

  template <class F, auto because = detail::kReasonOf<detail::CodeDoesNotTravel>>
  Task<bool> exec(F&&) const = delete;
  template <class F, auto because = detail::kReasonOf<detail::CodeDoesNotTravel>>
  void notify_exec(F&&) const = delete;
  template <class F, auto because = detail::kReasonOf<detail::CodeDoesNotTravel>>
  void exec_blocking(F&&) const = delete;

  friend bool operator==(const ActorRef& a, const ActorRef& b) noexcept {
    return detail::is_same_actor(*a.cell_, *b.cell_);
  }
};

/// A counted reference to any actor that handles M.
template <class M>
class Receiver : detail::RefusingOthers<M> {
  using Refusing = detail::RefusingOthers<M>;

 public:
  using Refusing::notify, Refusing::notify_from, Refusing::send, Refusing::send_for;

  template <class A>
    requires Handler<A, M>
  Receiver(const LocalActorRef<A>& actor)
      : cell_(actor.cell()), notify_op_(detail::kNotifyOp<A, M>), send_op_(detail::kSendOp<A, M>) {}
  template <class A>
    requires Handler<A, M>
  Receiver(const ActorRef<A>& actor)
      : cell_(actor.cell()),
        notify_op_(detail::AnyRoute<A>::template notify_op<M>(*cell_)),
        send_op_(detail::AnyRoute<A>::template send_op<M>(*cell_)) {}
  // Explicit, so that overloads for Receivers of different messages can still be told apart.
  template <class A, auto because = detail::kReason<A, M>>
    requires(!Handler<A, M>)
  explicit Receiver(const LocalActorRef<A>&) = delete;

  ActorId actor_id() const { return cell_->id(); }

  /// See LocalActorRef.
  template <int = 0, class T>
    requires std::same_as<std::remove_cvref_t<T>, M>
  Result<void> notify(T&& message) const {
    detail::refuse_awaited_temporary<T>();
    return detail::notify_anywhere<M>(*cell_, notify_op_, std::forward<T>(message));
  }
  /// The same, built in place.
  template <class T, class... Args>
    requires std::same_as<T, M> && std::constructible_from<M, Args...>
  Result<void> notify(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::notify_anywhere<M>(*cell_, notify_op_, std::forward<Args>(args)...);
  }
  template <class T>
    requires std::same_as<std::remove_cvref_t<T>, M>
  Result<void> notify_from(ActorContext& sender, T&& message) const {
    detail::refuse_awaited_temporary<T>();
    if (detail::ForeignCell* foreign = detail::as_foreign(*cell_))
      return detail::notify_foreign<M>(*foreign, &detail::cell_of(sender),
                                       std::forward<T>(message));
    return detail::notify_cell_from<M>(detail::cell_of(sender), *cell_, notify_op_,
                                       std::forward<T>(message));
  }
  template <int = 0, class T>
    requires std::same_as<std::remove_cvref_t<T>, M>
  auto send(T&& message) const {
    detail::refuse_awaited_temporary<T>();
    return detail::SendAwaiter<M>(*cell_, send_op_, std::forward<T>(message));
  }
  template <class T, class... Args>
    requires std::same_as<T, M> && std::constructible_from<M, Args...>
  auto send(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::SendAwaiter<M>(*cell_, send_op_, std::forward<Args>(args)...);
  }
  template <class T, class... Args>
    requires std::same_as<T, M> && std::constructible_from<M, Args...>
  auto send_for(Duration timeout, Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::TimedSendAwaiter<M>(*cell_, timeout, send_op_, std::forward<Args>(args)...);
  }
  template <int = 0, class T>
    requires std::same_as<std::remove_cvref_t<T>, M>
  auto send(T&& message, Duration timeout) const {
    detail::refuse_awaited_temporary<T>();
    return detail::TimedSendAwaiter<M>(*cell_, timeout, send_op_, std::forward<T>(message));
  }

 private:
  detail::CellRef cell_;
  detail::EnvelopeOp notify_op_;
  detail::EnvelopeOp send_op_;
};

namespace detail {

template <class A, class F>
bool exec_op(Envelope& envelope, Unit& unit, Op op, void* argument) {
  using M = Exec<A, F>;
  using R = typename M::Result;
  if (op > Op::Collect) return message_unhandled<M>(envelope, unit, op, argument);
  Cell& cell = cell_of(unit);
  F& function = envelope.completion == Completion::Pooled
                    ? static_cast<NotifyEnvelope<M>&>(envelope).payload.function
                    : static_cast<SendEnvelope<M>&>(envelope).payload.function;
  try {
    answer_with<M>(envelope, to_answer<R>([&] { return function(ActorCell<A>::of(cell)); }));
  } catch (...) {
    message_failed<M>(envelope, cell, std::current_exception());
  }
  return true;
}

}  // namespace detail
}  // namespace coerce
