#include "remote/hello.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "coerce/remote/v1/control.pb.h"
#include "remote/certified_node.hpp"
#include "remote/frame.hpp"
#include "remote/node_message.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

using Role = HelloFacts::Role;

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestRefusal = 200;

// Stable: they are on the wire. Zero: something that is not in the list.
constexpr std::array<ActorRefErrKind, 9> kReasons = {
    ActorRefErrKind::Unreachable,     ActorRefErrKind::NotSupported,
    ActorRefErrKind::Unauthorised,    ActorRefErrKind::AlreadyExists,
    ActorRefErrKind::Deserialisation, ActorRefErrKind::Fenced,
    ActorRefErrKind::Overloaded,      ActorRefErrKind::ActorUnavailable,
    ActorRefErrKind::Timeout,
};

ActorRefErr error_of(ActorRefErrKind kind, std::string_view text) {
  return ErrorAccess::restore(kind, ActorRefErrOutcome::NotDelivered, {}, {}, {}, text, {});
}
ActorRefErr garbage(std::string_view what) { return ActorRefErr::Deserialisation(what); }
ActorRefErr not_supported(std::string_view what) {
  return ActorRefErr::NotSupported({}, {}, {}, what);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

std::string printable(std::string_view text) {
  std::string copy(text.substr(0, kLongestRefusal));
  std::ranges::replace_if(copy, [](char c) { return c < ' ' || c > '~'; }, '?');
  return copy;
}

Result<void> check_content(const Hello& hello) {
  const NodeDescription& node = hello.node;
  if (node.id == 0 || node.id > kMaxNodeId)
    return coerce::unexpected(garbage(fmt::format("{} is no id of a node", node.id)));
  if (node.incarnation == Incarnation{})
    return coerce::unexpected(garbage("the hello names no incarnation"));
  if (node.address.size() > kLongestName || node.tag.size() > kLongestName ||
      node.version.size() > kLongestName)
    return coerce::unexpected(garbage("the hello has too long a text"));
  if (!is_printable(node.address))
    return coerce::unexpected(garbage("the node's address is no plain text"));
  if (hello.host.size() > kMaxHostIdentity)
    return coerce::unexpected(garbage("the hello has too long a name of the host"));
  if (hello.nonce.size() != kNonceSize)
    return coerce::unexpected(garbage(fmt::format("the nonce has {} bytes", hello.nonce.size())));
  if (hello.max_frame < kSmallestMaxFrame)
    return coerce::unexpected(
        not_supported(fmt::format("frames of at most {} bytes are too small", hello.max_frame)));
  return {};
}

}  // namespace

Result<Bytes> encode_hello(const Hello& hello) {
  remote::v1::Hello message;
  message.set_magic(hello.magic);
  message.set_protocol_min(hello.protocol_min);
  message.set_protocol_max(hello.protocol_max);
  message.set_cluster(hello.cluster);
  write(hello.node, *message.mutable_node());
  message.set_max_frame(hello.max_frame);
  message.set_nonce(hello.nonce.data(), hello.nonce.size());
  message.set_authenticator(hello.authenticator);
  message.set_role(static_cast<std::uint32_t>(hello.role));
  message.set_host(hello.host);
  if (message.ByteSizeLong() > kMaxHelloFrame)
    return coerce::unexpected(ActorRefErr::Serialisation(
        fmt::format("the description of this node takes {} bytes, more than the {} of a hello",
                    message.ByteSizeLong(), kMaxHelloFrame)));
  return to_ordered_bytes(message);
}

Result<Hello> decode_hello(BytesView bytes) {
  remote::v1::Hello message;
  if (bytes.size() > kMaxHelloFrame || !parse(message, bytes))
    return coerce::unexpected(garbage("that is no hello"));
  if (message.magic() != kHelloMagic)
    return coerce::unexpected(not_supported("that is no node of coerce"));
  if (message.role() > 1) return coerce::unexpected(garbage("the hello has an unknown role"));
  Hello hello;
  hello.protocol_min = message.protocol_min();
  hello.protocol_max = message.protocol_max();
  hello.cluster = message.cluster();
  hello.node = read(message.node());
  hello.max_frame = message.max_frame();
  hello.nonce = bytes_of(message.nonce());
  hello.authenticator = message.authenticator();
  hello.role = static_cast<Role>(message.role());
  hello.host = message.host();
  return hello;
}

Result<void> check_hello(const Hello& self, const Hello& peer, std::optional<NodeId> expected) {
  if (std::max(peer.protocol_min, self.protocol_min) >
      std::min(peer.protocol_max, self.protocol_max))
    return coerce::unexpected(not_supported(
        fmt::format("it speaks protocol {} to {}, this node {} to {}", peer.protocol_min,
                    peer.protocol_max, self.protocol_min, self.protocol_max)));
  if (peer.cluster != self.cluster)
    return coerce::unexpected(not_supported("it belongs to another cluster"));
  if (auto sound = check_content(peer); !sound) return sound;
  if (peer.role == self.role || peer.nonce == self.nonce)
    return coerce::unexpected(ActorRefErr::Unauthorised("it sends back this node's own hello"));
  if (peer.authenticator != self.authenticator)
    return coerce::unexpected(ActorRefErr::Unauthorised("it wants other proofs than this node"));
  if (peer.node.id == self.node.id && peer.node.incarnation == self.node.incarnation)
    return coerce::unexpected(error_of(ActorRefErrKind::AlreadyExists, "it is this node itself"));
  if (peer.node.id == self.node.id)
    return coerce::unexpected(not_supported("another process uses the id of this node"));
  if (expected && peer.node.id != *expected)
    return coerce::unexpected(not_supported(
        fmt::format("it is node {} where node {} was expected", peer.node.id, *expected)));
  return {};
}

Result<void> check_names(const std::vector<std::string>& names, NodeId claimed) {
  bool names_another = false;
  for (const std::string& name : names) {
    const auto node = certified_node(name);
    if (node == claimed) return {};
    names_another = names_another || node.has_value();
  }
  if (!names_another) return {};
  return coerce::unexpected(ActorRefErr::Unauthorised(
      fmt::format("it says that it is node {}, its certificate is of another", claimed)));
}

Bytes encode_accept(std::uint64_t generation) {
  remote::v1::Accept message;
  message.set_generation(generation);
  return to_ordered_bytes(message);
}

std::optional<std::uint64_t> decode_accept(BytesView bytes) {
  remote::v1::Accept message;
  if (!parse(message, bytes)) return std::nullopt;
  return message.generation();
}

Bytes encode_refusal(ActorRefErrKind kind, std::string_view text) {
  remote::v1::Refuse message;
  const auto reason = std::ranges::find(kReasons, kind);
  if (reason != kReasons.end())
    message.set_reason(static_cast<std::uint32_t>(reason - kReasons.begin()));
  message.set_text(printable(text));
  return to_ordered_bytes(message);
}

ActorRefErr decode_refusal(BytesView bytes) {
  remote::v1::Refuse message;
  if (!parse(message, bytes)) return garbage("a refusal that cannot be read");
  const auto kind = message.reason() < kReasons.size() ? kReasons[message.reason()] : kReasons[0];
  const std::string text =
      fmt::format("refused by the peer ({}): {}", to_string(kind), printable(message.text()));
  return error_of(kind, text);
}

}  // namespace coerce::detail
