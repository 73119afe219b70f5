/// \file
/// InternalKind::Members as bytes.

#pragma once

#include <optional>
#include <vector>

#include <coerce/codec/bytes.hpp>
#include <coerce/remote/node.hpp>

namespace coerce::detail {

struct NodeName {
  NodeId id = 0;
  Incarnation incarnation;

  friend bool operator==(const NodeName&, const NodeName&) = default;
};

struct MembersMessage {
  std::vector<NodeDescription> members;
  std::vector<NodeName> ended;
  bool leaving = false;
  bool partial = false;  ///< the sender knows more than it has told so far
};

/// In pieces of about 32 KiB: each is a message of its own, all but the last one partial.
std::vector<Bytes> encode_members(const MembersMessage& message);
/// None: that is no such message, or a node in it is none (its id, or longer than a hello may be).
std::optional<MembersMessage> decode_members(BytesView bytes);

}  // namespace coerce::detail
