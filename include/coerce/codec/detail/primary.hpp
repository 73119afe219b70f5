/// \file
/// What a codec is. Include <coerce/codec/codec.hpp>, which has the built-in ones besides: without
/// them the answers of Transmittable would be wrong.

#pragma once

#include <concepts>
#include <type_traits>

#include <coerce/actor/error.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/codec/limits.hpp>

namespace coerce {

/// Turns values of type T into bytes and back. Specialise it for a type of yours:
///
///     template <>
///     struct coerce::Codec<Money> {
///       static coerce::Result<void> encode(const Money& value, coerce::Bytes& out);
///       static coerce::Result<Money> decode(coerce::BytesView bytes, coerce::CodecLimits limits =
///       {});
///     };
///
/// `encode` appends, and leaves `out` as it was if it fails. `decode` takes all of the bytes or
/// fails; it must be ready for any bytes whatsoever. Its second parameter may be left out; a codec
/// of a recursive type needs it and passes it on. Both may be called from any thread.
///
/// The first of these that fits makes the codec: your own specialisation; a protobuf message, if
/// <coerce/codec/protobuf.hpp> is included; a class with `to_json` and `from_json`, if
/// <coerce/codec/json.hpp> is included; the built-in ones (docs/reference/codec.md has the bytes of
/// each). Include the header that makes the codec of a type wherever its codec is asked for, best
/// of all in the header of the type.
template <class T>
struct Codec;

namespace detail {

/// For an incomplete type the answer would be no, and stay no when the type is there.
template <class T>
consteval bool refuse_incomplete_value() {
  static_assert(
      std::is_void_v<T> || requires { sizeof(T); },
      "coerce: Transmittable is asked of a type that is not complete here; include or finish its "
      "definition first");
  return true;
}

template <class T>
concept HasCodec = requires(const T& value, Bytes& out, BytesView bytes) {
  { Codec<T>::encode(value, out) } -> std::same_as<Result<void>>;
  { Codec<T>::decode(bytes) } -> std::same_as<Result<T>>;
};

}  // namespace detail

/// There is a codec for T. So it is for void, the answer that says nothing. To ask it of an
/// incomplete type is an error.
template <class T>
concept Transmittable =
    std::is_void_v<T> || (std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
                          detail::refuse_incomplete_value<T>() && detail::HasCodec<T>);

}  // namespace coerce
