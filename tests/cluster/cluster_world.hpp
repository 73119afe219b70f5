/// \file
/// Nodes that agree on who is in their cluster, and laws that hold of them at every moment.

#pragma once

#include <map>
#include <set>
#include <vector>

#include <coerce/testkit/simulation.hpp>

#include "cluster/cluster_membership.hpp"
#include "remote/core.hpp"
#include "remote/node_support.hpp"

namespace coerce::test {

/// Nodes of a simulation, each with a list of seeds that it keeps through all its lives. Whatever
/// time passes through it, the laws of views are checked in it:
/// - one number of one lineage stands for one view, wherever and whenever it is seen;
/// - what a node knows of one lineage only gets newer;
/// - an incarnation that was removed never comes back into the lineage that removed it;
/// - of one lineage at most one node acts as the leader, whatever views they know.
class ClusterWorld {
 public:
  using Setup = std::function<void(RemoteActorSystemBuilder&, NodeId)>;
  using Lists = std::map<NodeId, std::vector<std::string>>;

  explicit ClusterWorld(testkit::Simulation& simulation, Setup setup = {});

  /// Every node is told of every one, itself too, in an order drawn for each.
  Lists equal_lists();
  void use(Lists lists) { lists_ = std::move(lists); }
  void limit_joining(Duration timeout) { join_timeout_ = timeout; }

  void start(NodeId id);
  void start_all();
  void crash(NodeId id, testkit::CrashKind kind = testkit::CrashKind::Process);
  void restart(NodeId id);
  /// It begins to leave. It is over when it has crashed.
  void leave(NodeId id);

  RemoteActorSystem& remote(NodeId id) { return *nodes_.at(id).remote; }
  const Starting& starting(NodeId id) { return *nodes_.at(id).starting; }
  detail::View view(NodeId id) const;
  detail::ClusterState state(NodeId id) const;
  bool acts_as_leader(NodeId id) const;
  /// The nodes that are alive and started, paused ones too.
  std::set<NodeId> living() const;

  /// Are exactly these in one cluster, and do all of them know it, and may they act?
  bool is_cluster(const std::set<NodeId>& ids) const;
  bool is_whole() const { return is_cluster(living()); }
  void expect_cluster(const std::set<NodeId>& ids, Duration within);
  void expect_whole(Duration within) { expect_cluster(living(), within); }

  void pass(Duration time) {
    (void)until([] { return false; }, time);
  }
  bool until(const std::function<bool()>& done, Duration within);

  /// So many lineages have been seen by now.
  std::size_t lineages() const;
  /// So many times another node has begun to act as the leader.
  std::size_t leader_changes() const noexcept { return leader_changes_; }
  std::string describe() const;

  testkit::Simulation& sim;

 private:
  struct Node {
    std::optional<RemoteActorSystem> remote;
    std::shared_ptr<Starting> starting;
    bool is_alive = false;
    detail::View seen;
  };
  struct Removed {
    std::set<std::pair<NodeId, std::uint64_t>> names;
    std::uint64_t newest = 0;
  };

  const detail::ClusterMembership& membership(NodeId id) const;
  void check_laws();
  void check_view(NodeId id, Node& node);
  void check_leaders();

  Setup setup_;
  Lists lists_;
  Duration join_timeout_ = std::chrono::seconds(300);
  std::map<NodeId, Node> nodes_;
  std::map<std::pair<detail::Lineage, std::uint64_t>, detail::View> views_;
  Duration checked_{-1};
  std::optional<NodeId> leader_;
  std::size_t leader_changes_ = 0;
};

/// A time between these two, drawn in milliseconds.
Duration draw_time(testkit::Simulation& sim, Duration least, Duration most);
NodeId draw_node(testkit::Simulation& sim);
/// Every node on a side that was drawn for it; neither side is empty. \pre at least two nodes
std::pair<std::vector<NodeId>, std::vector<NodeId>> draw_sides(testkit::Simulation& sim);

}  // namespace coerce::test
