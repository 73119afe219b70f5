#include "remote/members_message.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "coerce/remote/v1/members.pb.h"
#include "remote/address.hpp"
#include "remote/frame.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kPiece = 32 * 1024;

void write(const Incarnation& from, remote::v1::Incarnation& to) {
  to.set_started(from.started);
  to.set_random(from.random);
}

Incarnation read(const remote::v1::Incarnation& from) { return {from.started(), from.random()}; }

void write(const NodeDescription& from, remote::v1::NodeDescription& to) {
  to.set_id(from.id);
  write(from.incarnation, *to.mutable_incarnation());
  to.set_address(from.address);
  to.set_tag(from.tag);
  to.set_version(from.version);
  for (const auto& [name, value] : from.attributes) (*to.mutable_attributes())[name] = value;
  for (const auto& role : from.roles) to.add_roles(role);
}

NodeDescription read(const remote::v1::NodeDescription& from) {
  NodeDescription to;
  to.id = from.id();
  to.incarnation = read(from.incarnation());
  to.address = from.address();
  to.tag = from.tag();
  to.version = from.version();
  for (const auto& [name, value] : from.attributes()) to.attributes.emplace(name, value);
  to.roles.insert(from.roles().begin(), from.roles().end());
  return to;
}

bool is_sound(const remote::v1::NodeDescription& node) {
  return node.id() != 0 && node.id() <= kMaxNodeId && node.ByteSizeLong() <= kMaxHelloFrame &&
         (node.address().empty() || parse_address(node.address()));
}

Bytes bytes_of(const remote::v1::Members& message) {
  Bytes bytes(message.ByteSizeLong());
  google::protobuf::io::ArrayOutputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedOutputStream out(&array);
  out.SetSerializationDeterministic(true);  // or maps are written in an order of their own
  message.SerializeWithCachedSizes(&out);
  return bytes;
}

}  // namespace

std::vector<Bytes> encode_members(const MembersMessage& message) {
  std::vector<Bytes> pieces;
  remote::v1::Members piece;
  piece.set_leaving(message.leaving);
  for (const NodeName& name : message.ended) {
    auto& ended = *piece.add_ended();
    ended.set_id(name.id);
    write(name.incarnation, *ended.mutable_incarnation());
  }
  for (const NodeDescription& node : message.members) {
    if (piece.members_size() > 0 && piece.ByteSizeLong() >= kPiece) {
      piece.set_partial(true);
      pieces.push_back(bytes_of(piece));
      piece.Clear();
      piece.set_leaving(message.leaving);
    }
    write(node, *piece.add_members());
  }
  piece.set_partial(message.partial);
  pieces.push_back(bytes_of(piece));
  return pieces;
}

std::optional<MembersMessage> decode_members(BytesView bytes) {
  remote::v1::Members message;
  if (!parse(message, bytes)) return std::nullopt;
  MembersMessage to;
  to.leaving = message.leaving();
  to.partial = message.partial();
  for (const auto& node : message.members()) {
    if (!is_sound(node)) return std::nullopt;
    to.members.push_back(read(node));
  }
  for (const auto& ended : message.ended())
    to.ended.push_back({ended.id(), read(ended.incarnation())});
  return to;
}

}  // namespace coerce::detail
