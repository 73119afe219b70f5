/// \file
/// The frames of a link: their header, and cutting a stream of bytes into them.

#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

/// Before a link is accepted only Hello, Proof, Accept and Refuse may come.
enum class FrameKind : std::uint8_t {
  Hello = 1,   ///< protobuf Hello
  Proof = 2,   ///< an Authenticator's bytes
  Accept = 3,  ///< protobuf Accept
  Refuse = 4,  ///< protobuf Refuse: why, as far as the peer may know

  Notify = 16,     ///< a user's message; nobody waits
  Request = 17,    ///< a user's message; `request_id` names the answer
  Reply = 18,      ///< the answer
  Error = 19,      ///< the answer is an ActorRefErr (its Codec)
  NameActor = 20,  ///< `target_id` stands for the actor id in the payload from now on
  NameType = 21,   ///< `type_id` stands for the handler name in the payload from now on

  // Control lane: passes between the chunks of user frames.
  Ping = 32,       ///< protobuf Ping
  Pong = 33,       ///< protobuf Pong
  Ask = 34,        ///< `type_id` is an InternalKind; `request_id` names the answer
  Tell = 35,       ///< `type_id` is an InternalKind; nobody waits
  Answer = 36,     ///< to an Ask
  AskFailed = 37,  ///< to an Ask: an ActorRefErr
  Goodbye = 38,    ///< protobuf Goodbye: this side ends the link; nothing follows
  Challenge = 39,  ///< protobuf Challenge: prove yourself again
};

namespace frame_flag {
inline constexpr std::uint8_t kMore = 1;  ///< the payload goes on in the next frame of the lane
inline constexpr std::uint8_t kExtensions = 2;  ///< the payload begins with an extension block
inline constexpr std::uint8_t kInline = 4;      ///< the payload names actor and handler as text
inline constexpr std::uint8_t kKnown = kMore | kExtensions | kInline;
}  // namespace frame_flag

/// Little-endian on the wire, in this order, 20 bytes.
struct FrameHeader {
  std::uint32_t length = 0;  ///< of the payload, without this header
  FrameKind kind{};
  std::uint8_t flags = 0;
  std::uint16_t type_id = 0;
  std::uint32_t target_id = 0;
  std::uint64_t request_id = 0;
};
inline constexpr std::size_t kFrameHeaderSize = 20;
inline constexpr std::size_t kMaxChunk = 64 * 1024;        ///< payload of one frame on the wire
inline constexpr std::size_t kMaxHelloFrame = 4 * 1024;    ///< payload, until the link is accepted
inline constexpr std::size_t kDefaultMaxFrame = 4u << 20;  ///< a message, all its chunks together

}  // namespace coerce::detail
