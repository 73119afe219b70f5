/// \file
/// What the other nodes are subscribed to.

#pragma once

#include <map>
#include <set>
#include <vector>

#include <coerce/actor/error.hpp>
#include <coerce/remote/node.hpp>

#include "pubsub/topic_name.hpp"

namespace coerce::detail {

/// What a node tells of its subscriptions at a time; see proto/coerce/pubsub/v1/topics.proto.
struct SubscriptionNews {
  struct Change {
    TopicView name;
    bool ended = false;
  };
  std::uint64_t number = 0;
  bool anew = false;
  bool complete = false;
  std::vector<Change> changes;
};

/// Takes what nodes tell of their subscriptions; bounded for each of them. Not thread-safe.
class Interests {
 public:
  explicit Interests(std::size_t max_topics) noexcept : max_topics_(max_topics) {}

  /// Errors: Overloaded (as many topics of the node as may be: the rest was not taken, so the node
  /// has to say everything anew), Deserialisation. What comes too late is no error.
  Result<void> take(const NodeDescription& from, const SubscriptionNews& news);
  /// Forgets an incarnation.
  void clear(const NodeDescription& node);
  /// Has the node told everything once?
  bool is_complete(const NodeDescription& node) const;
  /// In the order of their ids.
  const std::vector<NodeId>& nodes_of(TopicView name) const;

 private:
  struct OfNode {
    Incarnation incarnation;
    std::uint64_t number = 0;
    bool is_complete = false;
    std::set<TopicName, TopicOrder> topics;
  };

  void forget_all(NodeId node, OfNode& of_node);
  void remove(NodeId node, TopicView name);

  const std::size_t max_topics_;
  std::map<NodeId, OfNode> nodes_;
  std::map<TopicName, std::vector<NodeId>, TopicOrder> topics_;
};

}  // namespace coerce::detail
