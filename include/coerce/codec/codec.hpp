/// \file
/// Values to bytes and back: the built-in codecs, and the question whether a type has one.

#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#include <coerce/actor/message.hpp>
#include <coerce/codec/detail/actor_ref_err.hpp>
#include <coerce/codec/detail/containers.hpp>
#include <coerce/codec/detail/primary.hpp>
#include <coerce/codec/detail/scalars.hpp>
#include <coerce/codec/detail/sorted.hpp>

namespace coerce {

namespace detail {

ActorRefErr not_transmittable(ActorRefErrKind kind, std::string_view type_name);

/// Where a codec is demanded, not asked for.
template <class T>
consteval void demand_codec() {
  static_assert(Transmittable<T>,
                "coerce: this type has no codec; specialise coerce::Codec for it, or give it "
                "to_json and from_json and include <coerce/codec/json.hpp>, or make it a protobuf "
                "message and include <coerce/codec/protobuf.hpp>");
}

}  // namespace detail

/// Encodes a message or an answer of any type. Errors: Serialisation, with what the codec says or
/// throws, also if values are nested deeper than `max_depth`, which no decoder with that limit
/// would take; if the type has no codec is_not_transmittable() tells.
template <class M>
Result<Bytes> encode_message(const M& message, std::size_t max_depth = CodecLimits().max_depth) {
  if constexpr (Transmittable<M>) {
    const detail::EncodingDepth granted(max_depth);
    Bytes bytes;
    auto done = detail::guarded_write(bytes, [&] { return Codec<M>::encode(message, bytes); });
    if (!done) return unexpected(std::move(done).error());
    return bytes;
  } else {
    return unexpected(detail::not_transmittable(ActorRefErrKind::Serialisation, type_name_of<M>()));
  }
}

/// Decodes a message or an answer of any type, void too. Takes all of `bytes`, which may come from
/// anywhere. Errors: Deserialisation, with what is wrong; if the type has no codec
/// is_not_transmittable() tells.
template <class M>
Result<M> decode_message(BytesView bytes, const CodecLimits& limits = {}) {
  if constexpr (Transmittable<M>) {
    return detail::guarded_read<M>([&] { return detail::decode_whole<M>(bytes, limits); });
  } else {
    return unexpected(
        detail::not_transmittable(ActorRefErrKind::Deserialisation, type_name_of<M>()));
  }
}

/// The error says that a type has no codec, so that no other value of it will do better.
bool is_not_transmittable(const ActorRefErr& error) noexcept;

}  // namespace coerce
