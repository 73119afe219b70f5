/// \file
/// Where SystemEvents come from.

#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <coerce/pubsub/system_topic.hpp>

namespace coerce::detail {

/// Makes events of what the node learns of its cluster, and the present view of new subscribers.
/// Thread-safe. What it calls is called under its lock, so that everybody sees the same order.
class ClusterNews {
 public:
  using Publish = std::function<void(SystemEvent event)>;
  /// `self`: this node, as it is at the moment.
  ClusterNews(std::size_t least_members, std::function<NodeDescription()> self, Publish publish)
      : least_members_(least_members), self_(std::move(self)), publish_(std::move(publish)) {}

  // ---- what the node learns, in this order
  void added(const NodeDescription& node);
  void removed(const NodeDescription& node);
  void lead_by(std::optional<NodeId> leader);

  /// Calls `begin` with the events that lead to the present view; what follows is published.
  void begin(const std::function<void(std::vector<SystemEvent> present)>& begin) const;

 private:
  // Under the lock.
  void look_whether_up();
  MemberUp member_up() const;

  const std::size_t least_members_;
  const std::function<NodeDescription()> self_;
  const Publish publish_;

  mutable std::mutex mutex_;
  std::map<NodeId, NodeDescription> others_;
  std::optional<NodeId> leader_;
  bool is_up_ = false;
};

}  // namespace coerce::detail
