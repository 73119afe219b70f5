/// \file
/// Classes with to_json and from_json (nlohmann) are transmittable. Opt-in: link
/// nlohmann_json::nlohmann_json yourself.

#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <coerce/codec/codec.hpp>
#include <coerce/codec/detail/json_shape.hpp>

namespace google::protobuf {
class MessageLite;
}

namespace coerce {

namespace detail {

template <class T>
concept WritesJson = requires(nlohmann::json& json, const T& value) {
  nlohmann::adl_serializer<T>::to_json(json, value);
};
template <class T>
concept FillsFromJson =
    std::default_initializable<T> && requires(const nlohmann::json& json, T& value) {
      nlohmann::adl_serializer<T>::from_json(json, value);
    };
template <class T>
concept MadeFromJson = requires(const nlohmann::json& json) {
  { nlohmann::adl_serializer<T>::from_json(json) } -> std::same_as<T>;
};

/// Classes only: numbers, enumerations, texts and containers keep the built-in format, whether this
/// header is included or not.
template <class T>
concept JsonSerialisable =
    (std::is_class_v<T> || std::is_union_v<T>) && std::same_as<T, std::remove_cv_t<T>> &&
    refuse_incomplete_value<T>() && !std::is_base_of_v<google::protobuf::MessageLite, T> &&
    (std::same_as<T, nlohmann::json> || (WritesJson<T> && (FillsFromJson<T> || MadeFromJson<T>)));

template <class T>
nlohmann::json json_of(const T& value) {
  nlohmann::json json;
  nlohmann::adl_serializer<T>::to_json(json, value);
  return json;
}
inline const nlohmann::json& json_of(const nlohmann::json& value) { return value; }

template <class T>
T value_of(nlohmann::json json) {
  if constexpr (std::same_as<T, nlohmann::json>) {
    return json;
  } else if constexpr (MadeFromJson<T>) {
    return nlohmann::adl_serializer<T>::from_json(std::as_const(json));
  } else {
    T value{};
    nlohmann::adl_serializer<T>::from_json(std::as_const(json), value);
    return value;
  }
}

}  // namespace detail

/// JSON without blanks, keys sorted. Texts must be UTF-8. JSON has no infinities and no NaN: they
/// become null, which no number is decoded from. Of the limits, elements are those of an array or
/// an object.
template <detail::JsonSerialisable T>
struct Codec<T> {
  static Result<void> encode(const T& value, Bytes& out) {
    return detail::guarded_write(out, [&]() -> Result<void> {
      const std::string text = detail::json_of(value).dump();
      out.insert(out.end(), text.begin(), text.end());
      return {};
    });
  }

  static Result<T> decode(BytesView bytes, const CodecLimits& limits = {}) {
    if (auto fits = detail::check_json_shape(bytes, limits); !fits)
      return unexpected(std::move(fits).error());
    return detail::guarded_read<T>([&]() -> Result<T> {
      return detail::value_of<T>(nlohmann::json::parse(bytes.begin(), bytes.end()));
    });
  }
};

}  // namespace coerce
