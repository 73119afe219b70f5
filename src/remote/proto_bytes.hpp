/// \file
/// Messages of protobuf as bytes, and back.

#pragma once

#include <optional>
#include <string_view>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <coerce/actor/error.hpp>
#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

inline Bytes to_bytes(const google::protobuf::MessageLite& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(bytes.data());
  return bytes;
}
/// Of one with maps in it, which would be written in an order of their own.
inline Bytes to_ordered_bytes(const google::protobuf::MessageLite& message) {
  Bytes bytes(message.ByteSizeLong());
  google::protobuf::io::ArrayOutputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedOutputStream out(&array);
  out.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&out);
  return bytes;
}

/// Without a word of protobuf's own: it would write a line for each text that is not UTF-8, as many
/// as a peer likes.
template <class P>
bool parse(P& message, BytesView bytes) {
  const google::protobuf::LogSilencer silenced;
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

/// Error: Deserialisation.
template <class P>
Result<P> from_bytes(BytesView bytes) {
  P message;
  if (parse(message, bytes)) return message;
  return coerce::unexpected(ActorRefErr::Deserialisation("this is no such question or answer"));
}

/// A duration on the wire. What is too long becomes the longest one.
inline std::uint64_t to_microseconds(Duration duration) noexcept {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}
inline Duration from_microseconds(std::uint64_t count, Duration longest) noexcept {
  const auto most = to_microseconds(longest);
  return std::chrono::microseconds(static_cast<std::int64_t>(count < most ? count : most));
}

}  // namespace coerce::detail
