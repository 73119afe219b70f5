/// \file
/// Protobuf messages are transmittable. Opt-in: link protobuf (protobuf::libprotobuf or -lite)
/// yourself.

#pragma once

#include <climits>
#include <concepts>
#include <limits>
#include <type_traits>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include <coerce/codec/codec.hpp>

namespace coerce {

namespace detail {

template <class T>
concept ProtobufMessage =
    std::derived_from<T, google::protobuf::MessageLite> && std::default_initializable<T>;

}  // namespace detail

/// The message's own bytes; its map fields are sorted, so that equal messages give equal bytes as
/// long as the protobuf library is the same. Of the limits, bytes and depth hold; protobuf does not
/// count elements, but takes no more memory than a multiple of the bytes. A message of proto2 that
/// lacks required fields is an error both ways.
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
      return {};
    });
  }

  static Result<T> decode(BytesView bytes, const CodecLimits& limits = {}) {
    if (bytes.size() > limits.max_bytes || bytes.size() > INT_MAX)
      return unexpected(detail::too_many_bytes(bytes.size(), limits.max_bytes));
    return detail::guarded_read<T>([&]() -> Result<T> {
      google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
      stream.SetRecursionLimit(limits.max_depth > INT_MAX ? INT_MAX
                                                          : static_cast<int>(limits.max_depth));
      T value;
      if (!value.MergePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
        return unexpected(
            detail::malformed("protobuf: no such message, or nested deeper than the limit"));
      if (!value.IsInitialized())
        return unexpected(detail::malformed("protobuf: a required field is missing"));
      return value;
    });
  }
};

}  // namespace coerce
