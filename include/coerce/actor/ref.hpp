/// \file
/// References to actors: how messages are sent.

#pragma once

#include <functional>
#include <optional>
#include <utility>

#include <coerce/actor/describe.hpp>
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

/// A counted reference to an actor of this process, whatever its type. Thread-safe like a
/// shared_ptr.
class BoxedActorRef {
 public:
  explicit BoxedActorRef(detail::CellRef cell) noexcept : cell_(std::move(cell)) {}

  ActorId actor_id() const { return cell_->id(); }
  ActorPath actor_path() const { return cell_->container_path(); }
  std::string_view actor_type() const noexcept { return cell_->type->name; }
  bool is_valid() const noexcept {
    return cell_->status.load(std::memory_order_acquire) < ActorStatus::Stopping;
  }
  /// The typed reference, if the actor is an A.
  template <class A>
  std::optional<LocalActorRef<A>> as_actor() const {
    if (cell_->type != &detail::ActorCell<A>::kType) return std::nullopt;
    return LocalActorRef<A>(cell_);
  }

  /// See LocalActorRef.
  detail::StatusAwaiter status() const noexcept { return detail::StatusAwaiter(*cell_); }
  detail::StopAwaiter stop() const noexcept { return detail::StopAwaiter(*cell_); }
  Result<void> notify_stop() const { return detail::notify_stop(*cell_); }
  Task<DescribeResult> describe(DescribeOptions options = {}) const {
    return detail::describe_cell(cell_, options);
  }

  friend bool operator==(const BoxedActorRef& a, const BoxedActorRef& b) noexcept {
    return a.cell_.get() == b.cell_.get();
  }
  const detail::CellRef& cell() const noexcept { return cell_; }

 private:
  detail::CellRef cell_;
};

/// A counted reference to an actor of this process.
///
/// Copies share the count; an anonymous actor ends when the last one goes. All functions may be
/// called from any thread. Messages from one sender to one actor are handled in the order in which
/// they were sent. After the actor has ended they give InvalidRef; what it had accepted and did not
/// handle gives ResultChannelClosed to a sender, and is counted as a dead letter otherwise.
template <class A>
class LocalActorRef : detail::Refusing<A> {
  using Refusing = detail::Refusing<A>;

 public:
  using Refusing::async_send, Refusing::deliver, Refusing::notify, Refusing::notify_from,
      Refusing::scheduled_notify, Refusing::send, Refusing::send_blocking, Refusing::send_for;

  explicit LocalActorRef(detail::CellRef cell) noexcept : cell_(std::move(cell)) {}

  ActorId actor_id() const { return cell_->id(); }
  ActorPath actor_path() const { return cell_->container_path(); }
  std::string_view actor_type() const noexcept { return cell_->type->name; }
  bool is_valid() const noexcept {
    return cell_->status.load(std::memory_order_acquire) < ActorStatus::Stopping;
  }

  /// Hands the message over and goes on; never waits. Error: InvalidRef.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Result<void> notify(M&& message) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return detail::notify_cell<Plain>(*cell_, detail::kNotifyOp<A, Plain>,
                                      std::forward<M>(message));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  Result<void> notify(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::notify_cell<M>(*cell_, detail::kNotifyOp<A, M>, std::forward<Args>(args)...);
  }

  /// The same from inside a handler, whose actor the receiver then sees as ctx.sender().
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Result<void> notify_from(ActorContext& sender, M&& message) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return detail::notify_cell_from<Plain>(detail::cell_of(sender), *cell_,
                                           detail::kNotifyOp<A, Plain>, std::forward<M>(message));
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
    detail::refuse_awaited_temporary<Args...>();
    return detail::notify_cell_from<M>(detail::cell_of(sender), *cell_, detail::kNotifyOp<A, M>,
                                       std::forward<Args>(args)...);
  }

  /// `co_await ref.send(m)` waits for the answer: Result<R>. Without a limit it ends when the actor
  /// answers, fails (HandlerFailed) or stops (ResultChannelClosed, InvalidRef). Inside when_any or
  /// with_timeout it also ends when they cancel it (Cancelled). NotSupported for a message to
  /// oneself. The reference must live until the awaiter is awaited.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  auto send(M&& message) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return detail::SendAwaiter<Plain>(*cell_, detail::kSendOp<A, Plain>, std::forward<M>(message));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  auto send(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::SendAwaiter<M>(*cell_, detail::kSendOp<A, M>, std::forward<Args>(args)...);
  }
  /// The same with a limit: Timeout (outcome Unknown) when there is no answer by then.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  auto send(M&& message, Duration timeout) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return detail::TimedSendAwaiter<Plain>(*cell_, timeout, detail::kSendOp<A, Plain>,
                                           std::forward<M>(message));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  auto send_for(Duration timeout, Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::TimedSendAwaiter<M>(*cell_, timeout, detail::kSendOp<A, M>,
                                       std::forward<Args>(args)...);
  }
  /// From an outside thread: blocks it. NotSupported on a worker.
  template <class M>
    requires Handler<A, std::remove_cvref_t<M>>
  auto send_blocking(M&& message, std::optional<Duration> timeout = {}) const {
    using Plain = std::remove_cvref_t<M>;
    return detail::send_blocking<Plain>(*cell_, detail::kSendOp<A, Plain>, std::forward<M>(message),
                                        timeout);
  }

  /// Hands the message over with a place for the answer: a ResultSender of its Result, or what
  /// converts to one. It is called exactly once, also with an error.
  template <class M, class S>
    requires Handler<A, std::remove_cvref_t<M>> &&
             std::convertible_to<S, ResultSender<MessageResult<std::remove_cvref_t<M>>>>
  void deliver(M&& message, S&& sender) const {
    using Plain = std::remove_cvref_t<M>;
    detail::refuse_awaited_temporary<M, S>();
    detail::deliver<Plain>(*cell_, detail::kSendOp<A, Plain>, std::forward<M>(message),
                           std::forward<S>(sender));
  }

  /// The same with an Asio completion token for `void(Result<R>)`; include <coerce/actor/asio.hpp>.
  template <class M, class Token>
    requires Handler<A, std::remove_cvref_t<M>>
  auto async_send(M&& message, Token&& token) const;

  /// Runs `function(A&)` inside the actor, in its turn; `co_await` gives Result of what it returns.
  template <class F>
    requires std::invocable<std::remove_cvref_t<F>&, A&>
  auto exec(F&& function) const {
    detail::refuse_awaited_temporary<F>();
    using Plain = std::remove_cvref_t<F>;
    return detail::SendAwaiter<detail::Exec<A, Plain>>(*cell_, &detail::exec_op<A, Plain>,
                                                       std::forward<F>(function));
  }
  template <class F>
    requires std::invocable<std::remove_cvref_t<F>&, A&>
  Result<void> notify_exec(F&& function) const {
    detail::refuse_awaited_temporary<F>();
    using Plain = std::remove_cvref_t<F>;
    return detail::notify_cell<detail::Exec<A, Plain>>(*cell_, &detail::exec_op<A, Plain>,
                                                       std::forward<F>(function));
  }
  template <class F>
    requires std::invocable<std::remove_cvref_t<F>&, A&>
  auto exec_blocking(F&& function, std::optional<Duration> timeout = {}) const {
    using Plain = std::remove_cvref_t<F>;
    return detail::send_blocking<detail::Exec<A, Plain>>(*cell_, &detail::exec_op<A, Plain>,
                                                         std::forward<F>(function), timeout);
  }

  /// `co_await` gives Result<ActorStatus>; overtakes messages. InvalidRef when the actor has ended.
  detail::StatusAwaiter status() const noexcept { return detail::StatusAwaiter(*cell_); }
  /// Stops the actor after its present handler and waits until it has ended; what waits in its
  /// mailbox is rejected. `co_await` gives Result<void>: InvalidRef when it had ended before,
  /// NotSupported from inside the actor.
  detail::StopAwaiter stop() const noexcept { return detail::StopAwaiter(*cell_); }
  Result<void> stop_blocking() const { return detail::stop_blocking(*cell_); }
  Result<void> notify_stop() const { return detail::notify_stop(*cell_); }
  Task<DescribeResult> describe(DescribeOptions options = {}) const {
    return detail::describe_cell(cell_, options);
  }

  WeakActorRef<A> weak() const { return WeakActorRef<A>(*cell_); }
  operator BoxedActorRef() const { return BoxedActorRef(cell_); }

  friend bool operator==(const LocalActorRef& a, const LocalActorRef& b) noexcept {
    return a.cell_.get() == b.cell_.get();
  }
  const detail::CellRef& cell() const noexcept { return cell_; }

 private:
  detail::CellRef cell_;
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

/// A reference to an actor, here or on another node; in this release all are here.
template <class A>
class ActorRef : public LocalActorRef<A> {
 public:
  ActorRef(LocalActorRef<A> local) noexcept : LocalActorRef<A>(std::move(local)) {}
  bool is_local() const noexcept { return true; }
  bool is_remote() const noexcept { return false; }
  const LocalActorRef<A>& unwrap_local() const noexcept { return *this; }
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
    return detail::notify_cell<M>(*cell_, notify_op_, std::forward<T>(message));
  }
  /// The same, built in place.
  template <class T, class... Args>
    requires std::same_as<T, M> && std::constructible_from<M, Args...>
  Result<void> notify(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::notify_cell<M>(*cell_, notify_op_, std::forward<Args>(args)...);
  }
  template <class T>
    requires std::same_as<std::remove_cvref_t<T>, M>
  Result<void> notify_from(ActorContext& sender, T&& message) const {
    detail::refuse_awaited_temporary<T>();
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
