/// \file
/// The first words on a connection: who are you, and can you prove it?

#pragma once

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
  /// Is a node with this description welcome? An error is told to the peer by its kind, and logged.
  std::function<Result<void>(const NodeDescription& peer)> admit;
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
