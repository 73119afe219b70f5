/// \file
/// The actor behind a probe.

#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include <coerce/actor/system.hpp>

namespace coerce::testkit::detail {

using coerce::detail::Envelope;
using coerce::detail::Op;
using coerce::detail::SendEnvelope;

/// A duration for people.
std::string words(Duration duration);

/// A sender that waits. Whoever drops it unanswered answers ResultChannelClosed.
template <class M>
class Ask {
 public:
  using Answer = Result<MessageResult<M>>;

  Ask() noexcept = default;
  /// Takes the completion of an envelope that is being handled, so that it outlives its handling.
  explicit Ask(SendEnvelope<M>& envelope) noexcept
      : envelope_(&envelope),
        completion_(std::exchange(envelope.completion, coerce::detail::Completion::Static)) {}
  Ask(Ask&& other) noexcept
      : envelope_(std::exchange(other.envelope_, nullptr)), completion_(other.completion_) {}
  Ask& operator=(Ask&&) = delete;
  ~Ask() {
    if (is_open()) answer(coerce::unexpected(ActorRefErr::ResultChannelClosed()));
  }

  bool is_open() const noexcept { return envelope_ != nullptr; }
  void answer(Answer answer) {
    SendEnvelope<M>& envelope = *std::exchange(envelope_, nullptr);
    envelope.answer.emplace(std::move(answer));
    envelope.completion = completion_;
    coerce::detail::complete_slow(coerce::detail::thread_state(), envelope);
  }

 private:
  SendEnvelope<M>* envelope_ = nullptr;
  coerce::detail::Completion completion_{};
};

template <class M>
struct Received {
  M message;
  Ask<M> ask;
};

/// What a probe and its actor share. Used by the thread that drives the system alone.
template <class... M>
class ProbeState {
 public:
  using Item = std::variant<Received<M>...>;
  template <class T>
  using Answer = std::function<Result<MessageResult<T>>(const T&)>;

  std::size_t waiting() const noexcept { return items_.size(); }
  /// \pre waiting() != 0
  Item take_next() {
    Item item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  template <class T>
  void add(T&& message, Ask<T> ask) {
    if (!closed_) items_.push_back(Received<T>{std::move(message), std::move(ask)});
  }
  template <class T, class F>
  void answer_with(F&& function) {
    std::get<Answer<T>>(answers_) = std::forward<F>(function);
  }
  template <class T>
  const Answer<T>& answer_of() const noexcept {
    return std::get<Answer<T>>(answers_);
  }
  bool is_closed() const noexcept { return closed_; }
  /// Makes this the message that reply() is for. Who waits for an earlier one goes on waiting.
  template <class T>
  void set_last(Ask<T>&& ask) {
    if (last.index() != 0) held_.push_back(std::move(last));
    last.template emplace<Ask<T>>(std::move(ask));
  }
  /// Nobody looks any more: senders that wait are told.
  void close() noexcept {
    closed_ = true;
    forget_asks();
    items_.clear();
  }
  /// The actor has ended: nobody can be answered any more; what came can still be looked at.
  void actor_ended() noexcept {
    forget_asks();
    for (Item& item : items_)
      std::visit([](auto& received) { auto dropped = std::move(received.ask); }, item);
  }

  using AnyAsk = std::variant<std::monostate, Ask<M>...>;
  AnyAsk last;  ///< of the message received last

 private:
  void forget_asks() noexcept {
    last.template emplace<0>();
    held_.clear();
  }

  std::deque<Item> items_;
  std::deque<AnyAsk> held_;
  std::tuple<Answer<M>...> answers_;
  bool closed_ = false;
};

/// By which the probe's actor handles an M: only messages that nobody waits for come this way.
template <class Probe, class M>
struct ProbeHandler {
  MessageResult<M> handle(M message, ActorContext&) {
    static_cast<Probe&>(*this).state->add(std::move(message), Ask<M>());
    if constexpr (!std::is_void_v<MessageResult<M>>)
      throw std::logic_error("coerce: a probe gives its answers otherwise");
  }
};

template <class... M>
class ProbeActor : public Actor, public ProbeHandler<ProbeActor<M...>, M>... {
 public:
  static constexpr std::string_view type_name = "TestProbe";

  explicit ProbeActor(std::shared_ptr<ProbeState<M...>> shared) : state(std::move(shared)) {}
  ProbeActor(ProbeActor&&) noexcept = default;
  ~ProbeActor() {
    if (state != nullptr) state->actor_ended();
  }

  using ProbeHandler<ProbeActor, M>::handle...;
  void started(ActorContext& own) { context = &own; }

  std::shared_ptr<ProbeState<M...>> state;
  ActorContext* context = nullptr;  ///< for exec
};

/// A message for a probe: it is kept, and so is who waits for the answer.
template <class P, class M, bool Waited>
bool probe_op(Envelope& envelope, coerce::detail::Unit& unit, Op op, void* argument) {
  if (op > Op::Collect) return coerce::detail::message_unhandled<M>(envelope, unit, op, argument);
  auto& state = *coerce::detail::ActorCell<P>::of(coerce::detail::cell_of(unit)).state;
  if constexpr (!Waited) {
    auto& notice = static_cast<coerce::detail::NotifyEnvelope<M>&>(envelope);
    state.add(std::move(notice.payload), Ask<M>());
    std::destroy_at(&notice.payload);
  } else {
    auto& question = static_cast<SendEnvelope<M>&>(envelope);
    if (state.is_closed()) {
      question.answer.emplace(coerce::unexpected(ActorRefErr::ResultChannelClosed()));
    } else if (const auto& answer = state.template answer_of<M>()) {
      // An answer that is there now goes the usual way, when the envelope has left the lane.
      try {
        question.answer.emplace(answer(std::as_const(question.payload)));
      } catch (const std::exception& error) {
        question.answer.emplace(coerce::unexpected(ActorRefErr::HandlerFailed(error.what())));
      }
      state.add(std::move(question.payload), Ask<M>());
    } else if (question.answers_for == &question) {
      question.answer.emplace(coerce::unexpected(ActorRefErr::ResultChannelClosed()));
      state.add(std::move(question.payload), Ask<M>());
    } else {
      state.add(std::move(question.payload), Ask<M>(question));
    }
  }
  return true;
}

template <class... M>
LocalActorRef<ProbeActor<M...>> start_probe(const ActorSystem& system, ActorId id,
                                            std::shared_ptr<ProbeState<M...>> state) {
  using Probe = ProbeActor<M...>;
  coerce::detail::Cell& cell = coerce::detail::make_cell<Probe>(
      system.core(), std::move(id), nullptr, ActorType::Anonymous, std::move(state));
  if (auto error = coerce::detail::launch_deferred(cell))
    throw std::logic_error(error->to_string());
  return LocalActorRef<Probe>(coerce::detail::CellRef(&cell));
}

/// The type whose messages a predicate judges.
template <class F, class First, class... Rest>
struct JudgedBy {
  using type = First;
};
template <class F, class First, class... Rest>
  requires(!std::predicate<F&, const First&>)
struct JudgedBy<F, First, Rest...> : JudgedBy<F, Rest...> {};
template <class F, class... M>
using Judged = typename JudgedBy<F, M...>::type;

/// Does a function give the answer to an M?
template <class F, class M>
concept AnswersTo = requires(F& function, const M& message) {
  { function(message) } -> std::convertible_to<Result<MessageResult<M>>>;
};
template <class F, class M>
inline constexpr bool kAnswersTo = AnswersTo<F, M>;
template <class F, class... M>
inline constexpr int kAnswers = (int{kAnswersTo<F, M>} + ...);
template <class F, class First, class... Rest>
struct AnsweredBy {
  using type = First;
};
template <class F, class First, class... Rest>
  requires(!kAnswersTo<F, First>)
struct AnsweredBy<F, First, Rest...> : AnsweredBy<F, Rest...> {};
template <class F, class... M>
using Answered = typename AnsweredBy<F, M...>::type;

}  // namespace coerce::testkit::detail

namespace coerce::detail {

template <class M, class... Of>
inline constexpr EnvelopeOp kNotifyOp<testkit::detail::ProbeActor<Of...>, M> =
    &testkit::detail::probe_op<testkit::detail::ProbeActor<Of...>, M, false>;
template <class M, class... Of>
inline constexpr EnvelopeOp kSendOp<testkit::detail::ProbeActor<Of...>, M> =
    &testkit::detail::probe_op<testkit::detail::ProbeActor<Of...>, M, true>;

}  // namespace coerce::detail
