/// \file
/// The messages of the hello as bytes, and what may be in them.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/error.hpp>
#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/node.hpp>

namespace coerce::detail {

inline constexpr std::uint64_t kHelloMagic = 0x3145'4352'454f'43ff;  ///< "\xffCOERCE1" on the wire
inline constexpr std::uint32_t kOldestProtocol = 1;
inline constexpr std::uint32_t kNewestProtocol = 1;
inline constexpr std::size_t kNonceSize = 32;
inline constexpr std::size_t kMaxHostIdentity = 64;
inline constexpr std::size_t kMaxProof = 2 * 1024;
/// A node that cannot take as much is of no use to others.
inline constexpr std::size_t kSmallestMaxFrame = 4 * 1024;

struct Hello {
  std::uint64_t magic = kHelloMagic;
  std::uint32_t protocol_min = kOldestProtocol;
  std::uint32_t protocol_max = kNewestProtocol;
  std::string cluster;
  NodeDescription node;
  std::uint64_t max_frame = 0;
  Bytes nonce;
  std::string authenticator;  ///< empty: none
  HelloFacts::Role role = HelloFacts::Role::Dial;
  std::string host;  ///< Transport::host_identity()
};

/// Error: Serialisation, if it is longer than a hello may be.
Result<Bytes> encode_hello(const Hello& hello);
/// Whatever came as such. Errors: Deserialisation, NotSupported (it is none of this protocol).
Result<Hello> decode_hello(BytesView bytes);

/// Could `peer`, in the other role, and `self` talk to each other? Looks at nothing that has to be
/// proven. Errors: NotSupported, AlreadyExists, Unauthorised, Deserialisation.
Result<void> check_hello(const Hello& self, const Hello& peer, std::optional<NodeId> expected);
/// Does the certificate of the other side allow it to be this node? Error: Unauthorised.
Result<void> check_names(const std::vector<std::string>& names, NodeId claimed);

Bytes encode_accept(std::uint64_t generation);
std::optional<std::uint64_t> decode_accept(BytesView bytes);

/// What the peer may know of a refusal: the kind of error, and `text` if it says nothing of us.
Bytes encode_refusal(ActorRefErrKind kind, std::string_view text);
/// The peer's refusal as an error of ours; it has words of the peer in it, made fit to print.
ActorRefErr decode_refusal(BytesView bytes);

}  // namespace coerce::detail
