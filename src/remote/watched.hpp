/// \file
/// Actors of this node that are watched by other nodes.

#pragma once

#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "remote/core.hpp"
#include "remote/homes.hpp"
#include "remote/tracked_actors.hpp"

namespace coerce::detail {

/// Tells each node of the end of the actors that it watches, again and again until it has said that
/// it knows, or is lost. Bounded for each node by RemoteLimits::max_watched; thread-safe.
class Watched final : public TrackedObserver {
 public:
  Watched(RemoteCore& core, TrackedActors& tracked);

  void began(Cell&) noexcept override {}
  void ended(Cell& cell) noexcept override;
  /// Actors that somebody watches.
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  struct Ended {
    ActorId id;
    std::uint64_t context;
    StopReason reason;
  };
  /// A node that watches.
  struct Node {
    explicit Node(std::shared_ptr<Peer> its_peer) : peer(std::move(its_peer)) {}
    const std::shared_ptr<Peer> peer;
    std::set<ActorId> actors;   ///< that it watches
    std::deque<Ended> waiting;  ///< that it does not know of yet
    std::size_t weight = 0;     ///< of the ids of both
    bool busy = false;          ///< a task tells it
    bool gone = false;
  };
  using NodeRef = std::shared_ptr<Node>;
  using Key = std::tuple<NodeId, std::uint64_t, std::uint64_t>;
  struct Life {
    std::uint64_t context = 0;
    std::vector<NodeRef> watchers;
  };

  static Key key_of(const NodeDescription& node) noexcept {
    return {node.id, node.incarnation.started, node.incarnation.random};
  }
  Task<Result<Bytes>> take(NodeDescription from, Bytes question);
  bool has_room(const Node& node, const ActorId& id);
  /// Its life that is watched from now on; 0: it has ended.
  std::uint64_t watch(const NodeRef& node, const ActorId& id, std::uint64_t context);
  // Under the lock.
  void add(const NodeRef& node, const ActorId& id, std::uint64_t context);
  void remove(const NodeRef& node, const ActorId& id);
  void lose(const NodeDescription& node);
  static Task<void> tell(Watched& self, NodeRef node);

  RemoteCore& core_;
  std::mutex mutex_;
  std::map<Key, NodeRef> nodes_;
  std::unordered_map<ActorId, Life> actors_;
  std::atomic<std::size_t> size_{0};  ///< of actors_; written under the lock, by exchange alone
};

}  // namespace coerce::detail
