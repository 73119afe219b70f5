/// \file
/// The part of a node that knows who is subscribed to what.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "pubsub/cluster_news.hpp"
#include "pubsub/heard_numbers.hpp"
#include "pubsub/local_topics.hpp"
#include "pubsub/other_nodes.hpp"
#include "remote/core.hpp"

namespace coerce::detail {

class PubSubNode;

/// By which subscriptions, which may outlive their node, end.
class PubSubHandle {
 public:
  explicit PubSubHandle(PubSubNode& node) noexcept : node_(&node) {}
  void end(const TopicSubscriptionRef& subscription) noexcept;
  void close() noexcept;

 private:
  std::mutex mutex_;
  PubSubNode* node_;
};

/// Thread-safe. Lives as long as its node: its tasks refer to it.
class PubSubNode {
 public:
  explicit PubSubNode(RemoteCore& core);
  ~PubSubNode();

  /// See PubSub.
  Task<Result<Subscription>> subscribe(SubscriptionRequest request);
  Task<Result<void>> publish(Publication publication);
  Result<void> publish_locally(const Publication& publication);
  std::uint64_t lost_count() const noexcept { return lost_.load(std::memory_order_relaxed); }
  std::size_t subscription_count() const { return topics_.size(); }

 private:
  friend class PubSubHandle;

  Subscription handle_of(TopicSubscriptionRef subscription);
  TopicSubscriptionRef adopt(const SubscriptionRequest& request);
  Result<TopicSubscriptionRef> add(SubscriptionRequest request);
  void remove(const TopicSubscriptionRef& subscription) noexcept;
  void give(TopicView name, const PublishedPtr& published);
  void conclude(const TopicSubscriptionRef& subscription,
                const TopicSubscription::Outcome& outcome);
  Result<void> take(const NodeDescription& from, std::uint64_t number, BytesView bytes);
  void note_gap();
  Result<void> add_to_news(const TopicSubscriptionRef& subscription);
  void publish_news(SystemEvent event);
  void end_hearing(const NodeDescription& node);
  void changed(NodeChange change, const NodeDescription& node);
  void tell_later(const TopicSubscriptionRef& subscription);
  static Task<void> tell_lagging(PubSubNode& self);

  RemoteCore& core_;
  const std::shared_ptr<PubSubHandle> handle_ = std::make_shared<PubSubHandle>(*this);
  LocalTopics topics_;
  OtherNodes others_;
  HeardNumbers heard_;
  ClusterNews news_;
  std::atomic<std::uint64_t> numbers_{0};
  std::atomic<std::uint64_t> lost_{0};

  std::mutex mutex_;
  std::vector<TopicSubscriptionRef> lagging_;  ///< have to tell their actors of lag
  bool is_telling_ = false;                    ///< a task does that
};

}  // namespace coerce::detail
