/// \file
/// Nodes: who they are and how they are.

#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/node_id.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

enum class NodeStatus : std::uint8_t { Joining, Healthy, Unhealthy, Leaving, Terminated };
std::string_view to_string(NodeStatus status) noexcept;

/// One life of a node. A process that starts again with the same id is another incarnation; nothing
/// that was meant for the old one reaches the new one. Compared for equality only.
struct Incarnation {
  std::uint64_t started = 0;  ///< nanoseconds of its wall clock since 1970
  std::uint64_t random = 0;

  friend bool operator==(const Incarnation&, const Incarnation&) = default;
};

/// What a node says of itself when it meets another. Bounded: the whole fits into a hello.
struct NodeDescription {
  NodeId id = 0;
  Incarnation incarnation;
  std::string address;  ///< where others reach it, "host:port"; empty if it does not listen
  std::string tag;
  std::string version;  ///< of the application
  std::map<std::string, std::string> attributes;
  std::set<std::string> roles;

  WallTime started_at() const noexcept {
    return WallTime(Duration(static_cast<Duration::rep>(incarnation.started)));
  }
};

/// What a node can do for others.
struct SystemCapabilities {
  std::vector<std::string> actors;    ///< that can be deployed there; sorted
  std::vector<std::string> messages;  ///< that are handled there; sorted
};

/// A node as this one sees it.
struct RemoteNodeState {
  NodeId id = 0;
  std::string addr;
  std::string tag;
  std::string version;
  NodeStatus status = NodeStatus::Joining;
  std::map<std::string, std::string> attributes;
  std::set<std::string> roles;
  WallTime started_at{};
  std::optional<WallTime> last_heartbeat;  ///< by this node's clock
  std::optional<Duration> ping_latency;
};

}  // namespace coerce
