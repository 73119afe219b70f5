/// \file
/// The nodes that this one has been linked to.

#pragma once

#include <deque>
#include <map>
#include <mutex>

#include "remote/node_name.hpp"
#include "remote/node_world.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

/// One Peer for each node, of its latest incarnation. Thread-safe.
class PeerTable {
 public:
  PeerTable(const NodeWorld& world, PeerHost& host, PeerOptions options)
      : world_(world), host_(host), options_(options) {}

  /// Null if there is none.
  std::shared_ptr<Peer> find(NodeId id) const;
  std::vector<std::shared_ptr<Peer>> all() const;
  /// A link of the node begins, let_go() ends it. The peer of this incarnation, made if it is not
  /// there; one of another incarnation is retired.
  std::shared_ptr<Peer> of(const NodeDescription& node);
  /// The node is being told to others: from now on its peer stays until the node has ended. False:
  /// it has ended already.
  bool keep(const Peer& peer);
  /// A link has ended. With its last one goes a peer that was never kept. True: it is kept, and its
  /// node has not ended.
  bool let_go(const std::shared_ptr<Peer>& peer);
  bool is_current(const Peer& peer) const;

  /// Numbers of links grow with each link of a pair. Of two that are dialled at the same time, and
  /// so perhaps numbered alike, the one that the lower node id dials has the higher number.
  std::uint64_t next_generation(NodeId self, const NodeDescription& dialler);

  /// The node has ended: nothing goes to it any more.
  void retire(const NodeDescription& node, std::string_view why);

  NetworkCounters counters() const;
  NetworkCounters counters(NodeId id) const;
  std::size_t inflight_requests() const;

 private:
  struct Drawn {
    Incarnation incarnation;
    std::uint64_t round = 0;
  };
  struct Present {
    std::shared_ptr<Peer> peer;
    std::size_t links = 0;  ///< from of() to let_go()
    bool is_kept = false;
  };
  Present* find_current(const Peer& peer);  ///< under the lock
  void keep_ended(std::shared_ptr<Peer> peer);

  const NodeWorld& world_;
  PeerHost& host_;
  const PeerOptions options_;

  mutable std::mutex mutex_;
  std::map<NodeId, Present> peers_;
  std::map<NodeId, Drawn> drawn_;
  std::deque<std::shared_ptr<Peer>> ended_;  ///< retired, but perhaps not done with counting
  NetworkCounters past_;                     ///< of those that are not kept any more
};

}  // namespace coerce::detail
