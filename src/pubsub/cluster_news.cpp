#include "pubsub/cluster_news.hpp"

namespace coerce::detail {

namespace {

RemoteNodeState state_of(const NodeDescription& node, NodeStatus status) {
  RemoteNodeState state;
  state.id = node.id;
  state.addr = node.address;
  state.tag = node.tag;
  state.version = node.version;
  state.status = status;
  state.attributes = node.attributes;
  state.roles = node.roles;
  state.started_at = node.started_at();
  return state;
}

}  // namespace

void ClusterNews::added(const NodeDescription& node) {
  const std::lock_guard guard(mutex_);
  others_.insert_or_assign(node.id, node);
  publish_(NodeAdded{state_of(node, NodeStatus::Healthy)});
  look_whether_up();
}

void ClusterNews::removed(const NodeDescription& node) {
  const std::lock_guard guard(mutex_);
  const auto place = others_.find(node.id);
  if (place == others_.end() || place->second.incarnation != node.incarnation) return;
  others_.erase(place);
  publish_(NodeRemoved{state_of(node, NodeStatus::Terminated)});
}

// That there is none is no event: the cluster goes on to have the last one for its subscribers
// until there is another.
void ClusterNews::lead_by(std::optional<NodeId> leader) {
  const std::lock_guard guard(mutex_);
  if (!leader || leader == leader_) return;
  leader_ = leader;
  publish_(LeaderChanged{*leader});
  look_whether_up();
}

void ClusterNews::begin(const std::function<void(std::vector<SystemEvent> present)>& begin) const {
  const std::lock_guard guard(mutex_);
  std::vector<SystemEvent> present;
  for (const auto& [id, node] : others_)
    present.emplace_back(NodeAdded{state_of(node, NodeStatus::Healthy)});
  if (leader_) present.emplace_back(LeaderChanged{*leader_});
  if (is_up_) present.emplace_back(member_up());
  begin(std::move(present));
}

void ClusterNews::look_whether_up() {
  if (is_up_ || !leader_ || others_.size() + 1 < least_members_) return;
  is_up_ = true;
  publish_(member_up());
}

MemberUp ClusterNews::member_up() const {
  std::map<NodeId, NodeDescription> members = others_;
  const NodeDescription self = self_();
  members.insert_or_assign(self.id, self);
  MemberUp event{*leader_, {}};
  for (const auto& [id, node] : members) event.nodes.push_back(state_of(node, NodeStatus::Healthy));
  return event;
}

}  // namespace coerce::detail
