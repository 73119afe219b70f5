/// \file
/// How two nodes prove to each other that they belong together.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <coerce/actor/error.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/remote/node.hpp>

namespace coerce {

/// Everything that a proof is bound to: it is worth nothing on any other connection.
struct HelloFacts {
  enum class Role : std::uint8_t { Dial, Listen };

  Role prover;  ///< which side proves
  std::string cluster;
  NodeId prover_id = 0, verifier_id = 0;
  Incarnation prover_incarnation, verifier_incarnation;
  Bytes prover_nonce, verifier_nonce;    ///< 32 bytes each, drawn for this connection
  Bytes transcript;                      ///< SHA-256 of both hellos, the dialler's first
  std::optional<Bytes> channel_binding;  ///< of TLS
  WallTime now{};
};

/// Makes and checks proofs. Thread-safe; does not block. The listener proves first, so that a
/// dialler hands nothing to a stranger.
class Authenticator {
 public:
  Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;
  virtual ~Authenticator() = default;

  /// Both sides of a link must use the same; told in the hello, e.g. "jwt-HS256".
  virtual std::string name() const = 0;
  /// At most 2 KiB. Error: Unauthorised.
  virtual Result<Bytes> prove(const HelloFacts& facts) = 0;
  /// Error: Unauthorised, with a reason for this node's log; the peer learns only that it failed.
  virtual Result<void> verify(const HelloFacts& facts, BytesView proof) = 0;
  /// A link that is older proves itself again or ends; less than a second counts as one.
  virtual std::optional<Duration> max_link_age() const { return std::nullopt; }
  /// Why this must not be used where others may listen (a short secret, no TLS); none: it may.
  virtual std::optional<std::string> weakness() const { return std::nullopt; }
};

}  // namespace coerce
