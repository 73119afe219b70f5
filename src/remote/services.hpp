/// \file
/// What a node answers other nodes, besides users' messages.

#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "remote/internals.hpp"
#include "remote/node_world.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

/// Runs handlers, each in a task of its own, a bounded number at a time, of which no node has more
/// than its share. Filled while the node is built, then thread-safe.
class Services {
 public:
  Services(NodeWorld& world, std::size_t most) noexcept
      : world_(world), most_(most), most_of_one_(std::max(kLeastShare, most / 4)) {}

  /// Throws std::logic_error if the kind has a handler already.
  void add(InternalKind kind, InternalHandler handler);
  void add_in_order(InternalKind kind, InOrderHandler handler);
  void take_in_order(const NodeDescription& from, InternalKind kind, std::uint64_t number,
                     BytesView payload);
  /// For a peer: an Ask is answered, whatever happens.
  void serve(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
             std::optional<std::uint64_t> ask);
  bool knows(InternalKind kind) const { return services_.contains(kind); }
  /// How many of a kind others have asked or told so far, those that were refused too.
  std::uint64_t asked(InternalKind kind) const;
  /// For this node itself. Errors besides the handler's: NotSupported, Timeout.
  Task<Result<Bytes>> serve_here(NodeDescription self, InternalKind kind, Bytes payload,
                                 Duration timeout);

 private:
  static constexpr std::size_t kLeastShare = 16;

  struct Service {
    InternalHandler handler;
    std::atomic<std::uint64_t> asked{0};
  };

  /// False: as many are being answered as may be.
  bool begin(NodeId from);
  void end(NodeId from);
  Task<void> run(std::shared_ptr<Peer> peer, const InternalHandler& handler, InternalKind kind,
                 Bytes payload, std::optional<std::uint64_t> ask);
  void conclude(Peer& peer, InternalKind kind, std::optional<std::uint64_t> ask,
                Result<Bytes> answer);

  NodeWorld& world_;
  const std::size_t most_;
  const std::size_t most_of_one_;
  std::map<InternalKind, Service> services_;
  std::map<InternalKind, InOrderHandler> in_order_;

  std::mutex mutex_;
  std::size_t running_ = 0;
  std::map<NodeId, std::size_t> running_of_;  ///< none of them is 0
};

}  // namespace coerce::detail
