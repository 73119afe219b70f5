/// \file
/// Classes with to_json and from_json (nlohmann) are transmittable. Opt-in: link
/// nlohmann_json::nlohmann_json yourself.

#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
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

/// Why the text of it could not be decoded to the same again, or null: it is nested deeper than
/// `depth`, or holds what JSON has no words for.
inline const char* why_not_json(const nlohmann::json& json, std::size_t depth) {
  using Kind = nlohmann::json::value_t;
  switch (json.type()) {
    case Kind::number_float:
      return std::isfinite(json.get_ref<const double&>()) ? nullptr
                                                          : "JSON has no infinities and no NaN";
    case Kind::binary:
    case Kind::discarded:
      return "JSON has no such value";
    case Kind::array:
    case Kind::object:
      if (depth == 0) return "nested deeper than the limit";
      for (const nlohmann::json& part : json)
        if (const char* why = why_not_json(part, depth - 1)) return why;
      return nullptr;
    default:
      return nullptr;
  }
}

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

/// JSON without blanks, keys sorted. Texts must be UTF-8. JSON has no infinities, no NaN and no
/// binary values: encoding them is an error. Of the limits, elements are those of an array or an
/// object.
template <detail::JsonSerialisable T>
struct Codec<T> {
  static Result<void> encode(const T& value, Bytes& out) {
    return detail::guarded_write(out, [&]() -> Result<void> {
      const auto& json = detail::json_of(value);
      if (const char* why = detail::why_not_json(json, detail::encoding_depth_left()))
        return unexpected(ActorRefErr::Serialisation(why));
      const std::string text = json.dump();
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
