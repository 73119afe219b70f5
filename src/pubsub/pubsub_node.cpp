#include "pubsub/pubsub_node.hpp"

#include <coerce/runtime/sleep.hpp>

#include "coerce/pubsub/v1/topics.pb.h"
#include "remote/names.hpp"
#include "remote/parts.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kFirstRest = std::chrono::milliseconds(1);
constexpr Duration kLongestRest = std::chrono::milliseconds(256);
constexpr Duration kAcknowledgeLimit = std::chrono::seconds(5);

const ModuleOfNodes kModule([](RemoteCore& core) {
  core.keep(std::make_shared<PubSubNode>(core));
});

Bytes publication_bytes(TopicView name, BytesView message) {
  pubsub::v1::Publication publication;
  publication.set_topic(name.topic.data(), name.topic.size());
  publication.set_key(name.key.data(), name.key.size());
  publication.set_message(message.data(), message.size());
  return to_bytes(publication);
}

Result<void> check_length(const TopicType& type, const std::string& key) {
  if (type.name.empty() || type.name.size() > kLongestTopicName)
    return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "a topic's name has 1 to 255 bytes"));
  if (key.size() > kLongestTopicKey)
    return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "a topic's key has at most 1 KiB"));
  return {};
}

bool goes_between_nodes(const TopicType& type) noexcept { return type.encode != nullptr; }

Result<void> check_publishable(const Publication& publication) {
  if (!goes_between_nodes(*publication.type))
    return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "only the node itself publishes on this topic"));
  return check_length(*publication.type, publication.key);
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
      topics_(core.settings().limits.max_topics, core.settings().limits.max_subscriptions),
      others_(core),
      news_(
          core.settings().heartbeat.minimum_cluster_size.value_or(1),
          [this] { return core_.self(); },
          [this](SystemEvent event) { publish_news(std::move(event)); }) {
  core.serve(InternalKind::Subscriptions, [this](const NodeDescription& from, Bytes message) {
    return others_.take(from, std::move(message));
  });
  core.serve_in_order(InternalKind::Publication,
                      [this](const NodeDescription& from, std::uint64_t number, BytesView bytes) {
                        return take(from, number, bytes);
                      });
  core.on_node([this](NodeChange change, const NodeDescription& node) { changed(change, node); });
  core.on_cluster([this](const ClusterState& state) { news_.lead_by(state.leader); });
  core.on_link([this](const std::shared_ptr<Peer>& peer) {
    heard_.begin(peer->node());
    others_.linked(*peer);
  });
  core.on_unlink([this](const std::shared_ptr<Peer>& peer, bool goodbye) {
    heard_.end_link(peer->node(), goodbye);
    if (!core_.membership().is_member(peer->node_id(), peer->node().incarnation))
      end_hearing(peer->node());
  });
}

PubSubNode::~PubSubNode() { handle_->close(); }

// ---- subscriptions ------------------------------------------------------------------------------

Subscription PubSubNode::handle_of(TopicSubscriptionRef subscription) {
  return Subscription([handle = handle_, ended = std::move(subscription)] { handle->end(ended); });
}

void PubSubNode::remove(const TopicSubscriptionRef& subscription) noexcept {
  if (topics_.remove(*subscription) && goes_between_nodes(subscription->type()))
    others_.end(subscription->name());
}

// That which an actor was left with when its subscribe() ended with Timeout.
TopicSubscriptionRef PubSubNode::adopt(const SubscriptionRequest& request) {
  for (const auto& subscription : topics_.find({request.type->name, request.key}))
    if (&subscription->type() == request.type && subscription->is_of(request) &&
        subscription->is_left().exchange(false))
      return subscription;
  return nullptr;
}

Result<TopicSubscriptionRef> PubSubNode::add(SubscriptionRequest request) {
  if (auto left = adopt(request)) return left;
  auto subscription = std::make_shared<TopicSubscription>(
      std::move(request), numbers_.fetch_add(1, std::memory_order_relaxed));
  const bool is_shared = goes_between_nodes(subscription->type());
  auto added = is_shared ? topics_.add(subscription) : add_to_news(subscription);
  if (!added) return coerce::unexpected(std::move(added).error());
  if (is_shared) others_.begin(subscription->name());
  return subscription;
}

Task<Result<Subscription>> PubSubNode::subscribe(SubscriptionRequest request) {
  if (auto refused = check_length(*request.type, request.key); !refused)
    co_return coerce::unexpected(std::move(refused).error());
  const auto added = add(std::move(request));
  if (!added) co_return coerce::unexpected(added.error());
  if (!goes_between_nodes((*added)->type())) co_return handle_of(*added);
  const auto acknowledged = others_.acknowledged((*added)->name());
  auto waiting = pause_unless(acknowledged->done, kAcknowledgeLimit);
  const bool passed = co_await waiting;  // or not: it is done, or the task is to stop
  if (acknowledged->done.is_set()) co_return handle_of(*added);
  if (!passed) {
    handle_->end(*added);
    co_return coerce::unexpected(ActorRefErr::Cancelled());
  }
  (*added)->is_left().store(true);
  co_return coerce::unexpected(ActorRefErr::Timeout(kAcknowledgeLimit));
}

// ---- messages -----------------------------------------------------------------------------------

Result<void> PubSubNode::publish_locally(const Publication& publication) {
  if (auto refused = check_publishable(publication); !refused) return refused;
  if (auto refused = topics_.check(*publication.type); !refused) return refused;
  give({publication.type->name, publication.key}, publication.published);
  return {};
}

Task<Result<void>> PubSubNode::publish(Publication publication) {
  if (auto refused = check_publishable(publication); !refused) co_return refused;
  auto knowing = others_.know_all();
  co_await knowing;
  const TopicView name{publication.type->name, publication.key};
  const bool is_wanted = others_.has_subscribers(name);
  Bytes bytes;
  if (is_wanted) {
    auto message = publication.type->encode(publication.published.get());
    if (!message) co_return coerce::unexpected(std::move(message).error());
    bytes = publication_bytes(name, *message);
  }
  if (auto refused = publish_locally(publication); !refused) co_return refused;
  if (!is_wanted) co_return Result<void>();
  co_return others_.publish(name, bytes);
}

void PubSubNode::give(TopicView name, const PublishedPtr& published) {
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
    core_.world().log_limited(LogSource::node(core_.self().id), LogLevel::Warn,
                              "actor {} takes messages of topic {} too slowly and has lost one",
                              subscription->actor().view(), printable(subscription->name().topic));
  if (outcome.is_waiting) tell_later(subscription);
}

// ---- other nodes --------------------------------------------------------------------------------

Result<void> PubSubNode::take(const NodeDescription& from, std::uint64_t number, BytesView bytes) {
  if (heard_.take(from, number, !bytes.empty())) note_gap();
  if (bytes.empty()) return {};
  const auto publication = from_bytes<pubsub::v1::Publication>(bytes);
  if (!publication) return coerce::unexpected(publication.error());
  const TopicView name{publication->topic(), publication->key()};
  const TopicType* const type = topics_.type_of(name.topic);
  if (type == nullptr) return {};  // the last subscription has just ended
  if (!goes_between_nodes(*type))
    return coerce::unexpected(ActorRefErr::Unauthorised("that topic is the node's own"));
  auto published = type->decode(name.key, bytes_view(publication->message()));
  if (!published) return coerce::unexpected(std::move(published).error());
  give(name, *published);
  return {};
}

void PubSubNode::note_gap() {
  for (const TopicSubscriptionRef& subscription : topics_.all())
    if (goes_between_nodes(subscription->type())) conclude(subscription, subscription->note_gap());
}

// Whatever it published last may be missing.
void PubSubNode::end_hearing(const NodeDescription& node) {
  if (heard_.end(node)) note_gap();
}

void PubSubNode::changed(NodeChange change, const NodeDescription& node) {
  if (change == NodeChange::Up) {
    others_.members_changed();
    news_.added(node);
  } else {
    others_.lost(node);
    if (change == NodeChange::Lost) end_hearing(node);  // else it may still publish
    news_.removed(node);
  }
}

// ---- the cluster --------------------------------------------------------------------------------

namespace {

PublishedPtr shared(SystemEvent event) {
  return std::make_shared<const Published<SystemEvent>>(std::string(), std::move(event));
}

}  // namespace

Result<void> PubSubNode::add_to_news(const TopicSubscriptionRef& subscription) {
  Result<void> added;
  news_.begin([&](std::vector<SystemEvent> present) {
    added = topics_.add(subscription);
    if (!added) return;
    for (SystemEvent& event : present)
      conclude(subscription, subscription->give(shared(std::move(event))));
  });
  return added;
}

void PubSubNode::publish_news(SystemEvent event) {
  give({SystemTopic::topic_name, {}}, shared(std::move(event)));
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
