#include "pubsub/pubsub_node.hpp"

#include <coerce/runtime/sleep.hpp>

#include "remote/parts.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kFirstRest = std::chrono::milliseconds(1);
constexpr Duration kLongestRest = std::chrono::milliseconds(256);

const ModuleOfNodes kModule([](RemoteCore& core) {
  core.keep(std::make_shared<PubSubNode>(core));
});

Result<void> check_length(const TopicType& type, const std::string& key) {
  if (type.name.empty() || type.name.size() > kLongestTopicName)
    return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "a topic's name has 1 to 255 bytes"));
  if (key.size() > kLongestTopicKey)
    return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "a topic's key has at most 1 KiB"));
  return {};
}

}  // namespace

void PubSubHandle::end(const TopicSubscriptionRef& subscription) noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (node_ != nullptr) node_->remove(subscription);
  }
  subscription->end();
}

void PubSubHandle::close() noexcept {
  const std::lock_guard guard(mutex_);
  node_ = nullptr;
}

PubSubNode::PubSubNode(RemoteCore& core)
    : core_(core),
      topics_(core.settings().limits.max_topics, core.settings().limits.max_subscriptions) {}

PubSubNode::~PubSubNode() { handle_->close(); }

// ---- subscriptions ------------------------------------------------------------------------------

Subscription PubSubNode::handle_of(TopicSubscriptionRef subscription) {
  return Subscription([handle = handle_, ended = std::move(subscription)] { handle->end(ended); });
}

void PubSubNode::remove(const TopicSubscriptionRef& subscription) noexcept {
  (void)topics_.remove(*subscription);
}

Task<Result<Subscription>> PubSubNode::subscribe(SubscriptionRequest request) {
  if (auto refused = check_length(*request.type, request.key); !refused)
    co_return coerce::unexpected(std::move(refused).error());
  const auto subscription = std::make_shared<TopicSubscription>(
      std::move(request), numbers_.fetch_add(1, std::memory_order_relaxed));
  auto added = topics_.add(subscription);
  if (!added) co_return coerce::unexpected(std::move(added).error());
  co_return handle_of(subscription);
}

// ---- messages -----------------------------------------------------------------------------------

Result<void> PubSubNode::publish_locally(const Publication& publication) {
  if (auto refused = check_length(*publication.type, publication.key); !refused) return refused;
  if (auto refused = topics_.check(*publication.type); !refused) return refused;
  give(TopicName({publication.type->name, publication.key}), publication.published);
  return {};
}

Task<Result<void>> PubSubNode::publish(Publication publication) {
  co_return publish_locally(publication);
}

void PubSubNode::give(const TopicName& name, const PublishedPtr& published) {
  for (const TopicSubscriptionRef& subscription : topics_.find(name))
    conclude(subscription, subscription->give(published));
}

void PubSubNode::conclude(const TopicSubscriptionRef& subscription,
                          const TopicSubscription::Outcome& outcome) {
  if (outcome.ended) {
    remove(subscription);
    return;
  }
  if (outcome.lost > 0) lost_.fetch_add(outcome.lost, std::memory_order_relaxed);
  if (outcome.untold > 0)
    core_.world().log_limited(LogLevel::Warn,
                              "actor {} takes messages of topic {} too slowly and has lost one",
                              subscription->actor().view(), printable(subscription->name().topic));
  if (outcome.is_waiting) tell_later(subscription);
}

// ---- lag ----------------------------------------------------------------------------------------

// Perhaps no message comes any more with which the actor could be told.
void PubSubNode::tell_later(const TopicSubscriptionRef& subscription) {
  if (subscription->is_listed().exchange(true)) return;
  const std::lock_guard guard(mutex_);
  lagging_.push_back(subscription);
  if (!is_telling_) is_telling_ = core_.world().spawn(tell_lagging(*this));
}

Task<void> PubSubNode::tell_lagging(PubSubNode& self) {
  for (Duration rest = kFirstRest;; rest = std::min(2 * rest, kLongestRest)) {
    const bool slept = co_await sleep_for(rest);
    std::vector<TopicSubscriptionRef> lagging;
    {
      const std::lock_guard guard(self.mutex_);
      if (!slept || self.lagging_.empty()) {
        self.is_telling_ = false;
        co_return;
      }
      lagging.swap(self.lagging_);
    }
    for (const TopicSubscriptionRef& subscription : lagging) {
      subscription->is_listed().store(false);
      self.conclude(subscription, subscription->tell_lag());
    }
  }
}

// ---- what the templates call --------------------------------------------------------------------

namespace {

PubSubNode& pubsub_of(const RemoteActorSystem& node) { return *node.core().part<PubSubNode>(); }

}  // namespace

Task<Result<Subscription>> subscribe(RemoteActorSystem node, SubscriptionRequest request) {
  auto subscribing = pubsub_of(node).subscribe(std::move(request));
  auto subscription = co_await subscribing;
  co_return subscription;
}

Result<RemoteActorSystem> node_of(const ActorContext& context) {
  auto node = RemoteActorSystem::of(context.system());
  if (!node)
    return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "the actor's system is no node"));
  return std::move(*node);
}

Task<Result<void>> publish(RemoteActorSystem node, Publication publication) {
  auto publishing = pubsub_of(node).publish(std::move(publication));
  auto published = co_await publishing;
  co_return published;
}

Result<void> publish_locally(const RemoteActorSystem& node, const Publication& publication) {
  return pubsub_of(node).publish_locally(publication);
}

std::uint64_t lost_topic_messages(const RemoteActorSystem& node) noexcept {
  return pubsub_of(node).lost_count();
}

std::size_t topic_subscriptions(const RemoteActorSystem& node) {
  return pubsub_of(node).subscription_count();
}

}  // namespace coerce::detail
