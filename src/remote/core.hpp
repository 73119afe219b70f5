/// \file
/// The node: everything remote of one actor system.

#pragma once

#include <coerce/actor/extension.hpp>

#include "remote/membership.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

/// The extension of a system that makes it a node. The parts of the module (registry, deployment,
/// operations on references) attach to it while it is built, and find others through it.
class RemoteCore : public SystemExtension, public PeerHost {
 public:
  const NodeDescription& self() const noexcept;
  Membership& membership() noexcept;
  Transport& transport() noexcept;
  /// A node that has been linked once in its present incarnation; null if there is none.
  std::shared_ptr<Peer> peer(NodeId node) const;
  std::vector<std::shared_ptr<Peer>> peers() const;

  /// Asks a member, this node too (then served here). Errors: Unreachable, Timeout, Overloaded,
  /// and what the handler says.
  Task<Result<Bytes>> ask(NodeId node, InternalKind kind, Bytes payload, Duration timeout);
  Result<void> tell(NodeId node, InternalKind kind, Bytes payload);
  /// While the node is built only.
  void serve(InternalKind kind, InternalHandler handler);
  void on_node(NodeListener listener);
};

}  // namespace coerce::detail
