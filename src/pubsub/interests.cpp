#include "pubsub/interests.hpp"

#include <algorithm>

#include <coerce/pubsub/detail/published.hpp>

namespace coerce::detail {

Result<void> Interests::take(const NodeDescription& from, const SubscriptionNews& news) {
  OfNode& node = nodes_[from.id];
  if (node.incarnation != from.incarnation) {
    forget_all(from.id, node);
    node = OfNode{from.incarnation, 0, false, {}};
  }
  if (news.number <= node.number) return {};
  node.number = news.number;
  if (news.anew) forget_all(from.id, node);
  for (const auto& [name, ended] : news.changes) {
    if (name.topic.empty() || name.topic.size() > kLongestTopicName ||
        name.key.size() > kLongestTopicKey)
      return coerce::unexpected(ActorRefErr::Deserialisation("this is no name of a topic"));
    if (ended) {
      const auto place = node.topics.find(name);
      if (place == node.topics.end()) continue;
      node.topics.erase(place);
      remove(from.id, name);
      continue;
    }
    if (node.topics.contains(name)) continue;
    if (node.topics.size() >= max_topics_)
      return coerce::unexpected(
          ActorRefErr::Overloaded("as many topics of one node as max_topics allows"));
    node.topics.emplace(name);
    auto& nodes = topics_[TopicName(name)];
    nodes.insert(std::ranges::lower_bound(nodes, from.id), from.id);
  }
  if (news.complete) node.is_complete = true;
  return {};
}

void Interests::clear(const NodeDescription& node) {
  const auto place = nodes_.find(node.id);
  if (place == nodes_.end() || place->second.incarnation != node.incarnation) return;
  forget_all(node.id, place->second);
  nodes_.erase(place);
}

bool Interests::is_complete(const NodeDescription& node) const {
  const auto place = nodes_.find(node.id);
  return place != nodes_.end() && place->second.incarnation == node.incarnation &&
         place->second.is_complete;
}

const std::vector<NodeId>& Interests::nodes_of(TopicView name) const {
  static const std::vector<NodeId> none;
  const auto place = topics_.find(name);
  return place != topics_.end() ? place->second : none;
}

void Interests::forget_all(NodeId node, OfNode& of_node) {
  for (const TopicName& name : of_node.topics) remove(node, name);
  of_node.topics.clear();
}

void Interests::remove(NodeId node, TopicView name) {
  const auto place = topics_.find(name);
  if (place == topics_.end()) return;
  std::erase(place->second, node);
  if (place->second.empty()) topics_.erase(place);
}

}  // namespace coerce::detail
