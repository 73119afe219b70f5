/// \file
/// What the templates of PubSub call.

#pragma once

#include <functional>
#include <string>
#include <utility>

#include <coerce/actor/events.hpp>
#include <coerce/actor/ref.hpp>
#include <coerce/pubsub/topic.hpp>
#include <coerce/remote/system.hpp>

namespace coerce::detail {

/// Why subscribe() refuses a context alone.
struct ActorClassUnnamed {
  static consteval Sentence sentence() {
    return Sentence(
        "coerce: a context does not know the class of its actor: write "
        "PubSub::subscribe<YourActor>(topic, ctx)");
  }
};

/// What became of a message that an actor was offered.
enum class Offered : std::uint8_t {
  Taken,
  Full,   ///< its mailbox has no room
  Ended,  ///< so has the actor
};

/// The actor behind a subscription.
struct SubscriberPort {
  std::function<Offered(const PublishedPtr& published, Place place)> offer;
  std::function<Offered(std::uint64_t count)> tell_lagged;  ///< none: the actor does not handle it
  const void* cell = nullptr;  ///< of the actor, if it is known; only its address is used
  ActorId actor;
};

struct SubscriptionRequest {
  const TopicType* type;
  std::string key;
  SubscriberPort port;
  std::size_t capacity;
};

struct Publication {
  const TopicType* type;
  std::string key;
  PublishedPtr published;
};

/// PubSub::subscribe.
Task<Result<Subscription>> subscribe(RemoteActorSystem node, SubscriptionRequest request);
/// The node of an actor. Error: NotSupported.
Result<RemoteActorSystem> node_of(const ActorContext& context);
/// PubSub::publish.
Task<Result<void>> publish(RemoteActorSystem node, Publication publication);
Result<void> publish_locally(const RemoteActorSystem& node, const Publication& publication);
std::uint64_t lost_topic_messages(const RemoteActorSystem& node) noexcept;
std::size_t topic_subscriptions(const RemoteActorSystem& node);

inline Offered offered(const Result<void>& notified) noexcept {
  if (notified) return Offered::Taken;
  return notified.error().kind() == ActorRefErrKind::MailboxFull ? Offered::Full : Offered::Ended;
}

template <class T>
Receive<T> received(const PublishedPtr& published, Place place) {
  return Receive<T>(std::static_pointer_cast<const Published<typename T::Message>>(published),
                    std::move(place));
}

/// `lock()` gives something with notify(), or nothing if the actor has ended.
template <class T, bool kHandlesLag, class Lock>
SubscriberPort port_of(Lock lock) {
  SubscriberPort port;
  port.offer = [lock](const PublishedPtr& published, Place place) {
    const auto actor = lock();
    return actor ? offered(actor->notify(received<T>(published, std::move(place))))
                 : Offered::Ended;
  };
  if constexpr (kHandlesLag)
    port.tell_lagged = [lock](std::uint64_t count) {
      const auto actor = lock();
      return actor ? offered(actor->notify(TopicLagged<T>{count})) : Offered::Ended;
    };
  return port;
}

template <class T, class A>
SubscriberPort port_of_actor(const LocalActorRef<A>& actor) {
  auto port = port_of<T, Handler<A, TopicLagged<T>>>(
      [ref = std::optional(actor)]() -> const auto& { return ref; });
  port.cell = actor.cell().get();
  port.actor = actor.actor_id();
  return port;
}
template <class T, class A>
SubscriberPort port_of_self(ActorContext& ctx) {
  auto port =
      port_of<T, Handler<A, TopicLagged<T>>>([weak = ctx.weak_ref<A>()] { return weak.lock(); });
  port.cell = &cell_of(ctx);
  port.actor = ctx.id();
  return port;
}
template <class T>
SubscriberPort port_of_receiver(const Receiver<Receive<T>>& receiver) {
  auto port = port_of<T, false>([ref = std::optional(receiver)]() -> const auto& { return ref; });
  port.actor = receiver.actor_id();
  return port;
}

}  // namespace coerce::detail
