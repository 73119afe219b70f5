/// \file
/// The part of a node that knows where singletons are.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "remote/core.hpp"
#include "singleton/host_news.hpp"
#include "singleton/keeper.hpp"
#include "singleton/node_proxy.hpp"

namespace coerce::detail {

/// Thread-safe. Lives as long as its node: its tasks refer to it.
class SingletonNode final : private KeeperListener {
 public:
  explicit SingletonNode(RemoteCore& core);

  /// See SingletonBuilder::build.
  Result<SingletonProxyRef> build(SingletonSetup setup);

 private:
  struct Entry {
    RefType type;
    std::string role;
    std::shared_ptr<NodeProxy> proxy;
    std::shared_ptr<SingletonKeeper> keeper;     ///< null: it is never run here
    std::pair<NodeId, std::uint64_t> failure{};  ///< the one that was told last, and whose it was
  };
  /// What another node has told.
  struct Report {
    NodeName node;
    std::uint64_t number = 0;
    HostedSingletons hosted;
  };

  // ---- KeeperListener
  void hosts(const std::string& name, const CellRef& actor, std::uint64_t view) override;
  void hosts_no_more(const std::string& name) override;
  void start_failed(const std::string& name, std::uint64_t view, std::string why) override;

  // Under the lock.
  void lead(const std::string& name);
  void lead_all();
  std::optional<SingletonRoute> route_to(const Entry& entry, const std::string& name, NodeId node,
                                         std::uint64_t view) const;

  void changed(const ClusterState& state);
  void lost(const NodeDescription& node);
  Task<Result<Bytes>> answer_claim(NodeDescription from, Bytes question);
  Task<Result<Bytes>> take_hosts(NodeDescription from, Bytes message);
  Task<void> hand_over(TimePoint until);

  RemoteCore& core_;
  HostNews news_;

  std::mutex mutex_;
  ClusterStateRef state_ = std::make_shared<const ClusterState>();
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, CellRef, std::less<>> actors_;  ///< that run here
  HostedSingletons hosted_;                             ///< here
  std::uint64_t failures_ = 0;
  std::map<NodeId, Report> reports_;
};

}  // namespace coerce::detail
