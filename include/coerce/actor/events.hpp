/// \file
/// What happens in a system, told to whoever subscribes.

#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <coerce/actor/node_id.hpp>
#include <coerce/actor/ref.hpp>

namespace coerce {

/// An actor's started() has completed.
struct ActorStarted {
  ActorId id;
  ActorPath path;  ///< full
  std::string actor_type;
};

/// An actor has ended; also one whose start failed, which no ActorStarted came before.
struct ActorStopped {
  ActorId id;
  ActorPath path;  ///< full
  std::string actor_type;
  StopReason reason;
};

/// An actor had accepted a message that nobody waits for, and ended without handling it. A notify
/// to an ended actor is no dead letter: its sender gets the error.
struct DeadLetter {
  ActorPath path;  ///< full
  std::string actor_type;
  std::string message_type;
};

/// A handler or hook threw.
struct HandlerFailure {
  ActorPath path;  ///< full
  std::string actor_type;
  /// The message that the actor took last; "started" for its start; "spawned task", "pipe_to" or
  /// "stream" for what ran beside it.
  std::string message_type;
  std::string text;
};

/// A handler or hook keeps its worker for longer than ActorSystemBuilder::slow_handler allows. Told
/// once for each turn of an actor, while it lasts.
struct SlowHandler {
  ActorPath path;  ///< full
  std::string actor_type;
  /// The message that the actor took last; "started" for its start; "spawned task", "pipe_to" or
  /// "stream" for what ran beside it.
  std::string message_type;
  Duration running_for{};  ///< since a peer first saw it
};

/// The link to another node has ended, and nobody knows what became of the last messages on it:
/// perhaps they were handled, perhaps not. The senders of the requests among them are told too
/// (Unreachable, outcome unknown).
struct MessagesUnconfirmed {
  NodeId node;
  std::uint64_t count;
};

/// A subscription took events more slowly than they came, and lost some.
struct Lagged {
  std::uint64_t count;  ///< lost in one go
};

/// Two nodes of a cluster have an actor with one id: both of these nodes are told. Both actors
/// stay; who looks for the id finds the older one. Told once for each pair, as far as the latest
/// 1024 of a node reach.
struct DuplicateActorId {
  ActorId id;
  NodeId older = 0;
  NodeId younger = 0;
};

using Event = std::variant<ActorStarted, ActorStopped, DeadLetter, HandlerFailure, SlowHandler,
                           DuplicateActorId, MessagesUnconfirmed, Lagged>;

namespace detail {
class EventHub;
class Subscriber;

template <class E, class Variant>
inline constexpr std::size_t kEventIndex = std::variant_npos;
template <class E, class... Rest>
inline constexpr std::size_t kEventIndex<E, std::variant<E, Rest...>> = 0;
template <class E, class First, class... Rest>
inline constexpr std::size_t kEventIndex<E, std::variant<First, Rest...>> =
    kEventIndex<E, std::variant<Rest...>> == std::variant_npos
        ? std::variant_npos
        : 1 + kEventIndex<E, std::variant<Rest...>>;

template <class E>
concept EventType = kEventIndex<E, Event> != std::variant_npos;
}  // namespace detail

/// Limits of a subscription.
struct SubscribeOptions {
  std::size_t capacity = 1024;  ///< events that may wait for the callback; at least 1
};

/// Something that goes on until this object is destroyed or end() is called.
///
/// After that nothing is delivered any more: if a callback runs on another thread just then, its
/// end is waited for, so it must not wait for the caller. A callback may end its own subscription.
/// Not thread-safe itself; may be used on any thread, and may outlive the system.
class Subscription {
 public:
  Subscription() noexcept = default;
  explicit Subscription(std::function<void()> end) noexcept : end_(std::move(end)) {}
  Subscription(Subscription&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      end();
      end_ = std::exchange(other.end_, nullptr);
    }
    return *this;
  }
  ~Subscription() { end(); }

  void end() noexcept {
    if (auto ending = std::exchange(end_, nullptr)) ending();
  }

 private:
  std::function<void()> end_;
};

/// The events of one system; thread-safe. Copies refer to the same stream.
///
/// Each subscription hears of events in the order in which they were published, one at a time, on a
/// worker of the system: never inside the handler that caused them, and never under a lock. Order
/// between subscriptions is unspecified. A callback must not block; what it throws is logged. One
/// that is too slow loses the newest events: they are counted, and told to those who subscribe to
/// Lagged; the first loss of a subscription is logged. What still waits when the system's threads
/// end is not delivered.
class EventStream {
 public:
  /// Calls `callback(const E&)` for every E from now on.
  template <detail::EventType E, class F>
    requires std::invocable<std::remove_cvref_t<F>&, const E&> &&
             std::copy_constructible<std::remove_cvref_t<F>>
  [[nodiscard]] Subscription subscribe(F&& callback, SubscribeOptions options = {}) const {
    detail::refuse_awaited_temporary<F>();
    return add(
        detail::kEventIndex<E, Event>,
        [function = std::remove_cvref_t<F>(std::forward<F>(callback))](const Event& event) mutable {
          function(*std::get_if<E>(&event));
        },
        options);
  }
  /// Notifies an actor of every E from now on. The subscription holds a counted reference.
  template <detail::EventType E>
  [[nodiscard]] Subscription subscribe(Receiver<E> receiver, SubscribeOptions options = {}) const {
    return add(
        detail::kEventIndex<E, Event>,
        [to = std::move(receiver)](const Event& event) {
          (void)to.notify(*std::get_if<E>(&event));  // an ended actor misses nothing
        },
        options);
  }

  /// Events that subscriptions lost.
  std::uint64_t lost_count() const noexcept;

  explicit EventStream(std::shared_ptr<detail::EventHub> hub) noexcept : hub_(std::move(hub)) {}

 private:
  Subscription add(std::size_t kind, std::function<void(const Event&)> deliver,
                   SubscribeOptions options) const;

  std::shared_ptr<detail::EventHub> hub_;
};

}  // namespace coerce
