/// \file
/// The first words on a connection: who are you, and can you prove it?

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/transport.hpp>

#include "remote/frame.hpp"

namespace coerce::detail {

/// The hellos that this node says as a dialler just now, so that it knows its own when it hears it:
/// anybody can say that it is this node, but only who has heard the hello knows its nonce.
/// Thread-safe.
class OwnHellos {
 public:
  void begin(const Bytes& nonce);
  /// Gives whether this node has heard it.
  bool end(const Bytes& nonce);
  /// Is it one of this node's? Then it has heard it.
  bool hear(const Bytes& nonce);

 private:
  std::mutex mutex_;
  std::map<Bytes, bool> under_way_;  ///< nonce: has it been heard?
};

struct HelloSettings {
  NodeDescription self;
  std::string cluster;
  std::size_t max_frame = kDefaultMaxFrame;
  std::shared_ptr<Authenticator> authenticator;  ///< or none
  std::function<WallTime()> now;                 ///< the node's wall clock
  std::shared_ptr<OwnHellos> own_hellos;         ///< null: nobody can turn out to be this node
  /// The peer has said a whole hello that fits; called before any proof.
  std::function<void()> met;
  /// Is a node with this description welcome? Asked on both sides, once the peer has proven itself.
  /// An error is told to the peer by its kind, and logged; there shake_hands ends with that kind.
  /// Fenced: that incarnation was removed from the cluster, it has to come back as a new one.
  std::function<Result<void>(const NodeDescription& peer)> admit;
  /// The peer, which has proven itself, says that this node was removed from the cluster.
  std::function<void(const NodeDescription& peer)> fenced;
  /// The listener draws the generation of the new link to `peer` with this, just before it accepts.
  std::function<std::uint64_t(const NodeDescription& peer)> next_generation;
};

/// What both sides agreed on.
struct LinkTerms {
  NodeDescription peer;
  std::size_t max_frame = 0;     ///< of the smaller side
  bool is_on_one_host = false;   ///< both say that they have the same host below them
  std::uint64_t generation = 0;  ///< grows with every link of the pair; drawn by the listener
  HelloFacts::Role role{};       ///< ours
  HelloFacts facts;              ///< for proving again later
  Bytes early;                   ///< bytes that came behind the peer's Accept
};

/// Does the whole hello (Transport::secure has been called):
/// ```
/// dialler                              listener
/// Hello              ->                              nothing is said to a stranger
///                    <-                Hello, Proof  the listener proves first
/// Proof, Accept      ->                              the dialler asks `admit` before
///                    <-                Accept        the listener asks `admit` before
/// ```
/// Each side that does not go on says Refuse with a kind of error and few words; a dialler that was
/// told by `admit` not to go on proves first that it is the one who says so. Without an
/// authenticator there are no proofs. An error has the peer's address in it, and its id if it told
/// that, and what is not for the peer.
///
/// The caller bounds it in time and closes the connection after an error. Errors: Unauthorised,
/// NotSupported (protocol, cluster, another node than expected), AlreadyExists (that is ourselves,
/// beyond doubt), Deserialisation (garbage), Unreachable. `expected`: the node that must be at the
/// other end, if that is known.
Task<Result<LinkTerms>> shake_hands(Connection& connection, Transport& transport,
                                    HelloSettings settings, HelloFacts::Role role,
                                    std::optional<NodeId> expected);

/// A link that goes on for long is proven anew: one side sends FrameKind::Challenge with 32 new
/// random bytes, the other answers with FrameKind::Proof and what this gives for them. The rest of
/// the facts is that of the hello, so the proof is worth nothing on another link, nor when it is
/// sent back. Error: Unauthorised.
Result<Bytes> prove_again(Authenticator& authenticator, const LinkTerms& terms, BytesView nonce,
                          WallTime now);
/// Checks the answer to a challenge of ours. `nonce`: the one that was sent, which is used once.
/// Error: Unauthorised; then the link ends.
Result<void> verify_again(Authenticator& authenticator, const LinkTerms& terms, BytesView nonce,
                          BytesView proof, WallTime now);

}  // namespace coerce::detail
