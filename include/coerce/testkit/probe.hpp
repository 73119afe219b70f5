/// \file
/// An actor that shows a test what it is sent.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <coerce/actor/watch.hpp>
#include <coerce/testkit/detail/probe_actor.hpp>
#include <coerce/testkit/test_system.hpp>

namespace coerce::testkit {

/// Shows a test the messages that an actor of its own is sent, in the order of their coming.
///
/// The expectations let the system run, and time go on, until a message is there. They throw
/// ExpectationFailed. A message whose sender waits for an answer is held until reply(), unless
/// answer_with() gave an answer beforehand; one that is never answered gets ResultChannelClosed
/// when the probe ends. Belongs to its TestSystem or Simulation, must not outlive it, and is for
/// the same thread. Its actor is anonymous: it ends when the probe and all other references have
/// gone.
template <Message... M>
  requires(sizeof...(M) > 0)
class TestProbe {
  using State = detail::ProbeState<M...>;
  using ProbeActor = detail::ProbeActor<M...>;
  using First = std::tuple_element_t<0, std::tuple<M...>>;
  template <class T>
  static constexpr bool kOneOfMine = (std::same_as<T, M> || ...);
  template <class F>
  static constexpr int kMatches = (int{std::predicate<F&, const M&>} + ...);

 public:
  TestProbe(TestProbe&&) noexcept = default;
  TestProbe& operator=(TestProbe&&) = delete;
  ~TestProbe() {
    if (state_ != nullptr) state_->close();
  }

  /// Also a Receiver<T> for each T of the probe's types.
  const LocalActorRef<ProbeActor>& ref() const noexcept { return ref_; }

  /// The next message.
  template <class T = First>
    requires kOneOfMine<T>
  T receive(Duration within = kDefaultWait) {
    return next<T>(std::string(type_name_of<T>()), within, [](const T&) { return true; });
  }
  /// The next message, which must be equal to `wanted`.
  template <class T>
    requires kOneOfMine<T> && std::equality_comparable<T>
  T expect(const T& wanted, Duration within = kDefaultWait) {
    return next<T>(describe(wanted), within, [&](const T& came) { return came == wanted; });
  }
  /// The next message, of which `predicate(const T&)` must be true. With several types whose
  /// messages it could judge, say which: `probe.expect<T>(predicate)`.
  template <class F>
    requires(kMatches<F> == 1)
  auto expect(F&& predicate, Duration within = kDefaultWait) {
    return expect<detail::Judged<F, M...>>(std::forward<F>(predicate), within);
  }
  template <class T, class F>
    requires kOneOfMine<T> && std::predicate<F&, const T&>
  T expect(F&& predicate, Duration within = kDefaultWait) {
    return next<T>(fmt::format("a fitting {}", type_name_of<T>()), within, predicate);
  }
  /// The first message of which `predicate(const T&)` is true; those before it are dropped.
  template <class F>
    requires(kMatches<F> == 1)
  auto fish_for(F&& predicate, Duration within = kDefaultWait) {
    return fish_for<detail::Judged<F, M...>>(std::forward<F>(predicate), within);
  }
  template <class T, class F>
    requires kOneOfMine<T> && std::predicate<F&, const T&>
  T fish_for(F&& predicate, Duration within = kDefaultWait) {
    const Duration end = test_->now() + within;
    for (std::size_t dropped = 0;; ++dropped) {
      if (!wait(end - test_->now()))
        test_->fail(fmt::format("expected a fitting {} within {}, but only {} others came",
                                type_name_of<T>(), detail::words(within), dropped));
      auto item = state_->take_next();
      auto* received = std::get_if<detail::Received<T>>(&item);
      if (received != nullptr && predicate(std::as_const(received->message)))
        return accept(std::move(*received));
    }
  }
  /// Nothing comes, now and within so much time.
  void expect_none(Duration within = Duration::zero()) {
    if (wait(within))
      test_->fail("expected no message, but " + came(state_->take_next()) + " came");
  }
  /// Messages that have come and were not looked at.
  std::size_t waiting() const noexcept { return state_->waiting(); }

  /// Answers the message that was received last, with a value or an error. ExpectationFailed if
  /// nobody waits for that answer.
  template <class R>
  void reply(R&& answer) {
    reply_to_last([&]<class T>(detail::Ask<T>& ask) {
      if constexpr (std::constructible_from<Result<MessageResult<T>>, R>) {
        ask.answer(Result<MessageResult<T>>(std::forward<R>(answer)));
        return true;
      } else {
        return false;
      }
    });
  }
  void reply() {
    reply_to_last([]<class T>(detail::Ask<T>& ask) {
      if constexpr (std::is_void_v<MessageResult<T>>) {
        ask.answer(Result<void>());
        return true;
      } else {
        return false;
      }
    });
  }
  /// From now on `function(const T&)` answers every T whose sender waits: with the answer's type,
  /// or a Result of it. They are shown to the test like all others.
  template <class F>
    requires(detail::kAnswers<F, M...> == 1)
  void answer_with(F&& function) {
    state_->template answer_with<detail::Answered<F, M...>>(std::forward<F>(function));
  }

  /// Asks to be sent an ActorTerminated when that actor has ended, or now if it has.
  void watch(const BoxedActorRef& actor)
    requires kOneOfMine<ActorTerminated>
  {
    const auto begin = [actor](ProbeActor& self) { (void)self.context->watch(actor); };
    (void)ref_.notify_exec(begin);
  }

 private:
  friend class TestSystem;
  friend class SimulatedNode;
  TestProbe(detail::Stage& test, LocalActorRef<ProbeActor> ref, std::shared_ptr<State> state)
      : test_(&test), ref_(std::move(ref)), state_(std::move(state)) {}

  bool wait(Duration within) {
    return test_->wait_for([this] { return state_->waiting() != 0; }, within);
  }

  static std::string came(const typename State::Item& item) {
    return std::visit([](const auto& received) { return describe(received.message); }, item);
  }

  template <class T, class F>
  T next(const std::string& wanted, Duration within, F&& is_wanted) {
    if (!wait(within))
      test_->fail(
          fmt::format("expected {} within {}, but nothing came", wanted, detail::words(within)));
    auto item = state_->take_next();
    auto* received = std::get_if<detail::Received<T>>(&item);
    if (received == nullptr || !is_wanted(std::as_const(received->message)))
      test_->fail(fmt::format("expected {}, but {} came", wanted, came(item)));
    return accept(std::move(*received));
  }

  template <class T>
  T accept(detail::Received<T> received) {
    state_->set_last(std::move(received.ask));
    return std::move(received.message);
  }

  template <class F>
  void reply_to_last(F&& answer) {
    const auto visitor = [&]<class A>(A& ask) {
      if constexpr (std::same_as<A, std::monostate>) {
        test_->fail("expected to have received a message before the reply");
      } else {
        if (!ask.is_open())
          test_->fail("expected a sender that waits for the reply, but nobody does");
        if (!answer(ask)) test_->fail("the reply is of another type than the message's answer");
      }
    };
    std::visit(visitor, state_->last);
  }

  detail::Stage* test_;
  LocalActorRef<ProbeActor> ref_;
  std::shared_ptr<State> state_;
};

template <Message... M>
  requires(sizeof...(M) > 0)
TestProbe<M...> TestSystem::probe(std::string_view id) {
  auto state = std::make_shared<detail::ProbeState<M...>>();
  auto ref = detail::start_probe<M...>(system(), probe_id(id), state);
  return TestProbe<M...>(*this, std::move(ref), std::move(state));
}

}  // namespace coerce::testkit
