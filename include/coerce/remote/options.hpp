/// \file
/// Settings of a node.

#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <type_traits>

#include <coerce/actor/id.hpp>
#include <coerce/actor/node_id.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

/// How a node finds out that others are gone. All times are above zero, and interval <
/// unhealthy_node_heartbeat_timeout < terminated_node_heartbeat_timeout.
struct HeartbeatOptions {
  /// Between two pings of a link.
  Duration interval = std::chrono::milliseconds(500);
  /// An answer that took longer does not count.
  Duration ping_timeout = std::chrono::seconds(3);
  /// A node that has not answered for so long is Unhealthy until it answers. Half-way from here to
  /// its loss a link on which nothing has come is given up and made anew: perhaps only the link is
  /// dead, and nobody was told.
  Duration unhealthy_node_heartbeat_timeout = std::chrono::milliseconds(1500);
  /// A node that has not answered for so long is lost, for good.
  Duration terminated_node_heartbeat_timeout = std::chrono::seconds(6);
  /// ClusterWorkerBuilder::start() waits until so many nodes are Healthy, this one among them.
  std::optional<std::size_t> minimum_cluster_size{};
};
static_assert(std::is_trivially_destructible_v<HeartbeatOptions>);

/// How much of each a node may have.
struct RemoteLimits {
  /// Bytes of one message, all its chunks together; of two nodes the smaller limit holds.
  std::size_t max_frame = std::size_t{4} << 20;
  /// Bytes that may wait for one node's link; more: Overloaded.
  std::size_t high_water = std::size_t{1} << 20;
  /// Requests to one node that may wait for an answer; more: Overloaded.
  std::size_t max_requests = 1'000'000;
  /// Requests of one node that may be under way here; more: Overloaded, told to the asker.
  std::size_t max_inbound_requests = 64 * 1024;
  /// Of a request that has no deadline.
  Duration request_timeout = std::chrono::seconds(5);
  /// A link whose peer takes nothing for so long ends.
  Duration write_deadline = std::chrono::seconds(10);
  /// Connections that have not proven yet who they are; one address may have half of them. One more
  /// takes the place of the oldest that has not said a whole hello, of the address that has most;
  /// if there is none of those it is closed at once.
  std::size_t max_half_open = 256;
  /// From the beginning of a connection until both sides have accepted it.
  Duration handshake_timeout = std::chrono::seconds(5);
  /// Of one try to find the addresses behind the name of a seed or node; the next one follows.
  Duration resolve_timeout = std::chrono::seconds(5);
  /// Nodes known at a time; more are refused.
  std::size_t max_nodes = 1024;
  /// Questions of other nodes, besides users' messages, that are being answered; more: Overloaded.
  /// One node may have a quarter of them, or 16. As many actors may be deployed here at a time.
  std::size_t max_questions = 4096;
  /// Actors of others that this node keeps track of, so that they are found by asking two nodes;
  /// those beyond are found by asking all. Long ids count several times.
  std::size_t max_located_actors = 1'000'000;
  /// Pairs of a watching actor here and a watched one elsewhere; more: Overloaded. As many actors
  /// here may be watched from one other node. Long ids count several times.
  std::size_t max_watched = 1'000'000;
  /// Topics that actors here are subscribed to, each key of one counted; more: Overloaded. So many
  /// of each other node are kept.
  std::size_t max_topics = 65'536;
  /// Subscriptions of actors here to topics; more: Overloaded.
  std::size_t max_subscriptions = 1'000'000;
  /// How long what waits for a link may still be written when this node leaves.
  Duration drain_timeout = std::chrono::seconds(5);
  /// For so long an ended node stays in get_nodes().
  Duration ended_nodes_listed = std::chrono::minutes(1);
  /// For so long an incarnation that was removed is refused by those who remember it, of which
  /// there are 4096 at most.
  Duration removed_nodes_remembered = std::chrono::hours(24);
};
static_assert(std::is_trivially_destructible_v<RemoteLimits>);

/// How leases of a store are held. All nodes must have the same.
struct LeaseOptions {
  /// After so long without a renewal another node may take over.
  Duration ttl = std::chrono::seconds(6);
  /// A holder renews so often, and four times as often while the store does not answer.
  Duration renewal = std::chrono::seconds(2);
  /// A holder stops acting so much before `ttl` has passed since it asked: for clocks that do not
  /// run alike, and for what is on its way.
  Duration margin = std::chrono::milliseconds(500);
};
static_assert(std::is_trivially_destructible_v<LeaseOptions>);

/// Where and how an actor is deployed.
class DeployOptions {
 public:
  DeployOptions() {}

  /// Of the actor. Default: a new UUID.
  DeployOptions& id(ActorId value) {
    id_ = std::move(value);
    return *this;
  }
  /// Default: this one.
  DeployOptions& node(NodeId value) {
    node_ = value;
    return *this;
  }
  /// For all of it. Default: 5 s.
  DeployOptions& timeout(Duration value) {
    timeout_ = value;
    return *this;
  }

  const std::optional<ActorId>& id() const noexcept { return id_; }
  const std::optional<NodeId>& node() const noexcept { return node_; }
  Duration timeout() const noexcept { return timeout_; }

 private:
  std::optional<ActorId> id_;
  std::optional<NodeId> node_;
  Duration timeout_ = std::chrono::seconds(5);
};

}  // namespace coerce
