/// \file
/// The first words on a connection: who are you, and can you prove it?

#pragma once

#include <functional>

#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/transport.hpp>

#include "remote/frame.hpp"

namespace coerce::detail {

struct HelloSettings {
  NodeDescription self;
  std::string cluster;
  std::size_t max_frame = kDefaultMaxFrame;
  std::shared_ptr<Authenticator> authenticator;  ///< or none
  WallTime now{};
  /// Is a node with this description welcome? Asked on both sides, once the peer has proven itself.
  /// An error is told to the peer by its kind, and logged; there shake_hands ends with that kind.
  /// Fenced: that incarnation was removed from the cluster, it has to come back as a new one.
  std::function<Result<void>(const NodeDescription& peer)> admit;
  /// The listener draws the generation of the new link to `peer` with this, just before it accepts.
  std::function<std::uint64_t(const NodeDescription& peer)> next_generation;
};

/// What both sides agreed on.
struct LinkTerms {
  NodeDescription peer;
  std::size_t max_frame = 0;     ///< of the smaller side
  std::uint64_t generation = 0;  ///< grows with every link of the pair; drawn by the listener
  HelloFacts::Role role{};       ///< ours
  HelloFacts facts;              ///< for proving again later
  Bytes early;                   ///< bytes that came behind the peer's Accept
};

/// Does the whole hello (Transport::secure has been called). The caller bounds it in time and
/// closes the connection after an error. Errors: Unauthorised, NotSupported (protocol, cluster,
/// another node than expected), AlreadyExists (that is ourselves), Deserialisation (garbage),
/// Unreachable. `expected`: the node that must be at the other end, if that is known.
Task<Result<LinkTerms>> shake_hands(Connection& connection, Transport& transport,
                                    HelloSettings settings, HelloFacts::Role role,
                                    std::optional<NodeId> expected);

}  // namespace coerce::detail
