/// \file
/// The frames of a link: their header, and cutting a stream of bytes into them.

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

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
  InOrder = 22,    ///< `type_id` is an InternalKind, `request_id` a number of the sender's; nobody
                   ///< waits; keeps its place among users' messages, but is not counted as one

  // Control lane: passes between the chunks of user frames.
  Ping = 32,       ///< protobuf Ping
  Pong = 33,       ///< protobuf Pong
  Ask = 34,        ///< `type_id` is an InternalKind; `request_id` names the answer
  Tell = 35,       ///< `type_id` is an InternalKind; nobody waits
  Answer = 36,     ///< to an Ask
  AskFailed = 37,  ///< to an Ask: an ActorRefErr
  Goodbye =
      38,  ///< protobuf Goodbye: this side has nothing more to say; the link ends once both have
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

constexpr bool is_control(FrameKind kind) noexcept { return kind >= FrameKind::Ping; }
/// What may come before the link is accepted, and proofs afterwards.
constexpr bool is_hello(FrameKind kind) noexcept {
  return kind >= FrameKind::Hello && kind <= FrameKind::Refuse;
}
constexpr bool is_known(FrameKind kind) noexcept {
  return is_hello(kind) || (kind >= FrameKind::Notify && kind <= FrameKind::InOrder) ||
         (kind >= FrameKind::Ping && kind <= FrameKind::Challenge);
}

/// `length` instead of that of the header, which is small but costly to copy just after it was
/// written member by member: the processor has to wait for all of them.
inline void write_header(const FrameHeader& header, std::uint32_t length,
                         std::uint8_t* out) noexcept {
  static_assert(std::endian::native == std::endian::little, "the wire is little-endian");
  std::memcpy(out, &length, 4);
  out[4] = static_cast<std::uint8_t>(header.kind);
  out[5] = header.flags;
  std::memcpy(out + 6, &header.type_id, 2);
  std::memcpy(out + 8, &header.target_id, 4);
  std::memcpy(out + 12, &header.request_id, 8);
}
inline void write_header(const FrameHeader& header, std::uint8_t* out) noexcept {
  write_header(header, header.length, out);
}

inline FrameHeader read_header(const std::uint8_t* in) noexcept {
  FrameHeader header;
  std::memcpy(&header.length, in, 4);
  header.kind = static_cast<FrameKind>(in[4]);
  header.flags = in[5];
  std::memcpy(&header.type_id, in + 6, 2);
  std::memcpy(&header.target_id, in + 8, 4);
  std::memcpy(&header.request_id, in + 12, 8);
  return header;
}

/// One frame as it came; the payload belongs to whoever read it.
struct Frame {
  FrameHeader header;
  BytesView payload;
};

}  // namespace coerce::detail
