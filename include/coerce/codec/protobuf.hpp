/// \file
/// Protobuf messages are transmittable. Opt-in: link protobuf (protobuf::libprotobuf or -lite)
/// yourself.

#pragma once

#include <algorithm>
#include <climits>
#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include <coerce/codec/codec.hpp>

namespace coerce {

namespace detail {

template <class T>
concept ProtobufMessage =
    std::derived_from<T, google::protobuf::MessageLite> && std::default_initializable<T>;

/// None: the bytes are no such message, or one that is nested deeper than `max_depth`.
template <ProtobufMessage T>
std::optional<T> parse_protobuf(BytesView bytes, std::size_t max_depth) {
  google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(static_cast<int>(std::min<std::size_t>(max_depth, INT_MAX)));
  std::optional<T> value(std::in_place);
  if (!value->MergePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    value.reset();
  return value;
}

}  // namespace detail

/// The message's own bytes; its map fields are sorted, so that equal messages give equal bytes as
/// long as the protobuf library is the same. Of the limits, bytes and depth hold; protobuf does not
/// count elements, but takes no more memory than a multiple of the bytes. A message of proto2 that
/// lacks required fields is an error both ways, and so are texts of proto3 that are not UTF-8: what
/// is encoded is parsed once, as protobuf itself would write it.
template <detail::ProtobufMessage T>
struct Codec<T> {
  static Result<void> encode(const T& value, Bytes& out) {
    return detail::guarded_write(out, [&]() -> Result<void> {
      if (!value.IsInitialized())
        return unexpected(ActorRefErr::Serialisation("protobuf: a required field is missing"));
      const std::size_t size = value.ByteSizeLong();
      if (size > INT_MAX)
        return unexpected(ActorRefErr::Serialisation("protobuf: more than 2 GiB"));
      const std::size_t before = out.size();
      out.resize(before + size);
      google::protobuf::io::ArrayOutputStream array(out.data() + before, static_cast<int>(size));
      google::protobuf::io::CodedOutputStream stream(&array);
      stream.SetSerializationDeterministic(true);
      value.SerializeWithCachedSizes(&stream);
      if (stream.HadError())
        return unexpected(
            ActorRefErr::Serialisation("protobuf: the message was changed meanwhile"));
      // Protobuf writes what it does not read: texts that are not UTF-8, messages of any depth.
      const BytesView written = BytesView(out).subspan(before);
      if (!detail::parse_protobuf<T>(written, detail::encoding_depth_left()))
        return unexpected(ActorRefErr::Serialisation(
            "protobuf: a text is not UTF-8, or nested deeper than the limit"));
      return {};
    });
  }

  static Result<T> decode(BytesView bytes, const CodecLimits& limits = {}) {
    if (bytes.size() > limits.max_bytes || bytes.size() > INT_MAX)
      return unexpected(detail::too_many_bytes(bytes.size(), limits.max_bytes));
    return detail::guarded_read<T>([&]() -> Result<T> {
      auto value = detail::parse_protobuf<T>(bytes, limits.max_depth);
      if (!value)
        return unexpected(
            detail::malformed("protobuf: no such message, or nested deeper than the limit"));
      if (!value->IsInitialized())
        return unexpected(detail::malformed("protobuf: a required field is missing"));
      return std::move(*value);
    });
  }
};

}  // namespace coerce
