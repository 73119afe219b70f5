/// \file
/// Publishing messages on topics, and subscribing to them, across nodes.

#pragma once

#include <concepts>
#include <utility>

#include <coerce/actor/context.hpp>
#include <coerce/pubsub/detail/calls.hpp>

namespace coerce {

/// Limits of a subscription to a topic.
struct TopicSubscribeOptions {
  /// Messages of the subscription that may wait for its actor at a time; those beyond are lost, and
  /// told as TopicLagged. A bound on the actor's mailbox holds besides. \pre not 0
  std::size_t capacity = 65'536;
};
static_assert(std::is_trivially_destructible_v<TopicSubscribeOptions>);

/// The Result of publish_locally(), which did its work before it returned. May be awaited too, like
/// what publish() gives.
class [[nodiscard]] LocallyPublished : public Result<void> {
 public:
  explicit LocallyPublished(Result<void> result) : Result<void>(std::move(result)) {}
  bool await_ready() const noexcept { return true; }
  template <class Handle>
  void await_suspend(Handle) const noexcept {}
  Result<void> await_resume() { return std::move(*this); }
};

/// Publish and subscribe, on all nodes of a cluster; a system that never listens is a cluster of
/// one. Thread-safe.
///
/// A message goes to the nodes that have subscribers, and there to each of them. Messages of one
/// publisher (an actor or task that awaits each publish() before the next one) arrive in their
/// order; between publishers there is none. At most once: what a full mailbox, a full queue to
/// another node or a broken link has lost is lost, but not silently (TopicLagged).
class PubSub {
 public:
  /// The actor gets a Receive<T> for each message that is published on the topic from now on, on
  /// whatever node. `actor` is a LocalActorRef, or a Receiver<Receive<T>>, whose actor is never
  /// told of lag: that is logged and counted. The subscription holds a counted reference; it ends
  /// with the object that is given, or with its actor.
  ///
  /// Returns when every node that is Healthy at the call knows of it: what is published there after
  /// that arrives, and so does what joining nodes publish. Errors: NotSupported (a name or key that
  /// is too long, or a name that another class has here), Overloaded (RemoteLimits::max_topics,
  /// max_subscriptions), Timeout: one of the nodes has not said so within 5 s. The actor is
  /// subscribed all the same, and that node is told for as long as it takes; to subscribe the actor
  /// to the topic once more gives the object that ends it.
  template <int = 0, class T, class A>
    requires Topic<std::remove_cvref_t<T>> && Handler<A, Receive<std::remove_cvref_t<T>>>
  static Task<Result<Subscription>> subscribe(T&& topic, const LocalActorRef<A>& actor,
                                              const RemoteActorSystem& node,
                                              TopicSubscribeOptions options = {}) {
    detail::refuse_awaited_temporary<T>();
    using Plain = std::remove_cvref_t<T>;
    return subscribed<Plain>(topic, detail::port_of_actor<Plain, A>(actor), node, options);
  }
  template <int = 0, class T>
    requires Topic<std::remove_cvref_t<T>>
  static Task<Result<Subscription>> subscribe(T&& topic,
                                              Receiver<Receive<std::remove_cvref_t<T>>> receiver,
                                              const RemoteActorSystem& node,
                                              TopicSubscribeOptions options = {}) {
    detail::refuse_awaited_temporary<T>();
    using Plain = std::remove_cvref_t<T>;
    return subscribed<Plain>(topic, detail::port_of_receiver<Plain>(receiver), node, options);
  }
  /// The same inside an actor of class A, for itself: `PubSub::subscribe<A>(topic, ctx)`. The
  /// subscription does not keep the actor from ending, so the actor may keep it. NotSupported also
  /// if its system is no node.
  template <class A, class T>
    requires Topic<std::remove_cvref_t<T>> && Handler<A, Receive<std::remove_cvref_t<T>>>
  static Task<Result<Subscription>> subscribe(T&& topic, ActorContext& ctx,
                                              TopicSubscribeOptions options = {}) {
    detail::refuse_awaited_temporary<T>();
    using Plain = std::remove_cvref_t<T>;
    auto node = detail::node_of(ctx);
    if (!node) return refused(std::move(node).error());
    return subscribed<Plain>(topic, detail::port_of_self<Plain, A>(ctx), *node, options);
  }

  template <int = 0, class T, auto because = detail::kReasonOf<detail::ActorClassUnnamed>>
    requires Topic<std::remove_cvref_t<T>>
  static Task<Result<Subscription>> subscribe(T&& topic, ActorContext& ctx,
                                              TopicSubscribeOptions options = {}) = delete;

  /// Gives the message to all subscribers of the topic. Returns when it is in their mailboxes here,
  /// and on its way to the other nodes that have subscribers. Errors: Serialisation (nobody gets
  /// it), NotSupported (as subscribe()), Overloaded and Unreachable: to one node at least it could
  /// not go, whose subscribers will be told so; the others get it.
  template <int = 0, class T, class M>
    requires Topic<std::remove_cvref_t<T>> &&
             std::same_as<std::remove_cvref_t<M>, typename std::remove_cvref_t<T>::Message>
  static Task<Result<void>> publish(T&& topic, M&& message, const RemoteActorSystem& node) {
    detail::refuse_awaited_temporary<T, M>();
    return detail::publish(node,
                           publication<std::remove_cvref_t<T>>(topic, std::forward<M>(message)));
  }
  /// The same, the message built in place: `publish<T>(topic, node, args…)`.
  template <Topic T, class... Args>
    requires std::constructible_from<typename T::Message, Args...>
  static Task<Result<void>> publish(const T& topic, const RemoteActorSystem& node, Args&&... args) {
    detail::refuse_awaited_temporary<Args...>();
    return detail::publish(node, publication<T>(topic, std::forward<Args>(args)...));
  }

  /// Gives the message to the subscribers of this node alone, at once. Error: NotSupported.
  template <int = 0, class T, class M>
    requires Topic<std::remove_cvref_t<T>> &&
             std::same_as<std::remove_cvref_t<M>, typename std::remove_cvref_t<T>::Message>
  static LocallyPublished publish_locally(T&& topic, M&& message, const RemoteActorSystem& node) {
    detail::refuse_awaited_temporary<T, M>();
    return LocallyPublished(detail::publish_locally(
        node, publication<std::remove_cvref_t<T>>(topic, std::forward<M>(message))));
  }
  template <Topic T, class... Args>
    requires std::constructible_from<typename T::Message, Args...>
  static LocallyPublished publish_locally(const T& topic, const RemoteActorSystem& node,
                                          Args&&... args) {
    detail::refuse_awaited_temporary<Args...>();
    return LocallyPublished(
        detail::publish_locally(node, publication<T>(topic, std::forward<Args>(args)...)));
  }

  /// Messages that subscriptions of this node have lost because their actors were too slow.
  static std::uint64_t lost_count(const RemoteActorSystem& node) noexcept {
    return detail::lost_topic_messages(node);
  }
  /// Of this node. That of an actor that has ended is counted until something is published on its
  /// topic, or until its object ends it.
  static std::size_t subscription_count(const RemoteActorSystem& node) {
    return detail::topic_subscriptions(node);
  }

 private:
  template <class T, class... Args>
  static detail::Publication publication(const T& topic, Args&&... args) {
    using Shared = detail::Published<typename T::Message>;
    return {&detail::TopicTypeOf<T>::value, key_of(topic),
            std::make_shared<const Shared>(key_of(topic), std::forward<Args>(args)...)};
  }
  template <class T>
  static Task<Result<Subscription>> subscribed(const T& topic, detail::SubscriberPort port,
                                               const RemoteActorSystem& node,
                                               TopicSubscribeOptions options) {
    return detail::subscribe(
        node, {&detail::TopicTypeOf<T>::value, key_of(topic), std::move(port), options.capacity});
  }
  static Task<Result<Subscription>> refused(ActorRefErr why) {
    co_return coerce::unexpected(std::move(why));
  }
};

}  // namespace coerce
