/// \file
/// What happens to the cluster, told to whoever subscribes.

#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include <coerce/pubsub/topic.hpp>
#include <coerce/remote/node.hpp>

namespace coerce {

/// Another node has become a member.
struct NodeAdded {
  RemoteNodeState node;
};
/// Another node is no member any more: it has left, or was lost. That life of it never comes back.
struct NodeRemoved {
  RemoteNodeState node;  ///< Terminated
};
/// Another node leads the cluster from now on, or this one.
struct LeaderChanged {
  NodeId node_id = 0;
};
/// The cluster has a leader, and for the first time as many members as
/// HeartbeatOptions::minimum_cluster_size demands. Once in the life of a node.
struct MemberUp {
  NodeId leader_id = 0;
  std::vector<RemoteNodeState> nodes;  ///< all members, this one too, in the order of their ids
};

using SystemEvent = std::variant<NodeAdded, NodeRemoved, LeaderChanged, MemberUp>;

/// The topic of SystemEvents. Each node publishes on its own, as it sees the cluster, and nothing
/// of it goes from node to node; users cannot publish on it.
///
/// A new subscriber first gets the present view, as events: a NodeAdded for each other member, the
/// leader, MemberUp if it has been; then what follows, in its order, and nothing twice. So it sees
/// the same whenever it subscribes. After a TopicLagged it may subscribe anew.
struct SystemTopic {
  using Message = SystemEvent;
  static constexpr std::string_view topic_name = "coerce";
};

namespace detail {

template <>
struct TopicTypeOf<SystemTopic> {
  static constexpr TopicType value{SystemTopic::topic_name, nullptr, nullptr};
};

}  // namespace detail
}  // namespace coerce
