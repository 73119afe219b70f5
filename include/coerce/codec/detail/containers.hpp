/// \file
/// Codecs of what has parts: optional, expected, variant, pair, tuple, array and vector.

#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <coerce/codec/detail/scalars.hpp>

// Values are built inside of their Result where they can be: GCC 12 takes a variant that is moved
// there for one that may be uninitialised.

namespace coerce {
namespace detail {

/// Reads into `part` unless something went wrong before; false if it has by now.
template <class T>
bool read_part(Reader& reader, std::optional<T>& part, std::optional<ActorRefErr>& error) {
  auto read = read_field<T>(reader);
  if (read)
    part.emplace(std::move(*read));
  else
    error.emplace(std::move(read).error());
  return !error.has_value();
}

/// Writes values one after the other.
template <class... Ts>
Result<void> write_parts(Bytes& out, const Ts&... parts) {
  Result<void> done;
  (void)((done = write_field(parts, out)) && ...);
  return done;
}

/// Reads values one after the other and makes `Whole` of them.
template <class Whole, class... Ts>
Result<Whole> read_parts(Reader& reader) {
  std::tuple<std::optional<Ts>...> parts;
  std::optional<ActorRefErr> error;
  std::apply([&](auto&... part) { (void)(read_part(reader, part, error) && ...); }, parts);
  if (error) return unexpected(std::move(*error));
  return std::apply([](auto&... part) { return Result<Whole>(tl::in_place, std::move(*part)...); },
                    parts);
}

}  // namespace detail

/// A truth value: is there one? Then the value.
template <Transmittable T>
  requires std::is_object_v<T>
struct Codec<std::optional<T>> : detail::SelfDelimiting<std::optional<T>> {
  static Result<void> write(const std::optional<T>& value, Bytes& out) {
    detail::write_integer<std::uint8_t>(value ? 1 : 0, out);
    if (!value) return {};
    return detail::write_field(*value, out);
  }
  static Result<std::optional<T>> read(detail::Reader& reader) {
    const auto there = Codec<bool>::read(reader);
    if (!there) return unexpected(there.error());
    if (!*there) return std::optional<T>();
    auto value = detail::read_field<T>(reader);
    if (!value) return unexpected(std::move(value).error());
    return Result<std::optional<T>>(tl::in_place, std::in_place, std::move(*value));
  }
};

/// A truth value: is it a value? Then the value (nothing for void) or the error.
template <Transmittable T, Transmittable E>
struct Codec<tl::expected<T, E>> : detail::SelfDelimiting<tl::expected<T, E>> {
  using Value = tl::expected<T, E>;

  static Result<void> write(const Value& value, Bytes& out) {
    detail::write_integer<std::uint8_t>(value ? 1 : 0, out);
    if (!value) return detail::write_field(value.error(), out);
    if constexpr (std::is_void_v<T>)
      return {};
    else
      return detail::write_field(*value, out);
  }
  static Result<Value> read(detail::Reader& reader) {
    const auto is_value = Codec<bool>::read(reader);
    if (!is_value) return unexpected(is_value.error());
    if (!*is_value) {
      auto error = detail::read_field<E>(reader);
      if (!error) return unexpected(std::move(error).error());
      return Result<Value>(tl::in_place, tl::unexpected<E>(std::move(*error)));
    }
    if constexpr (std::is_void_v<T>) {
      return Result<Value>(tl::in_place);
    } else {
      auto value = detail::read_field<T>(reader);
      if (!value) return unexpected(std::move(value).error());
      return Result<Value>(tl::in_place, tl::in_place, std::move(*value));
    }
  }
};

/// The number of the alternative, from 0, then its value.
template <Transmittable... Ts>
struct Codec<std::variant<Ts...>> : detail::SelfDelimiting<std::variant<Ts...>> {
  using Value = std::variant<Ts...>;

  static Result<void> write(const Value& value, Bytes& out) {
    if (value.valueless_by_exception())
      return unexpected(ActorRefErr::Serialisation("a variant holds nothing"));
    detail::write_varint(value.index(), out);
    return std::visit([&](const auto& held) { return detail::write_field(held, out); }, value);
  }
  static Result<Value> read(detail::Reader& reader) {
    const auto index = reader.varint();
    if (!index) return unexpected(index.error());
    if (*index >= sizeof...(Ts))
      return unexpected(detail::malformed("a variant has no such alternative"));
    return read_alternative(reader, static_cast<std::size_t>(*index),
                            std::index_sequence_for<Ts...>());
  }

 private:
  template <std::size_t Index>
  static Result<Value> read_as(detail::Reader& reader) {
    auto held = detail::read_field<std::variant_alternative_t<Index, Value>>(reader);
    if (!held) return unexpected(std::move(held).error());
    return Result<Value>(tl::in_place, std::in_place_index<Index>, std::move(*held));
  }
  template <std::size_t... Indices>
  static Result<Value> read_alternative(detail::Reader& reader, std::size_t index,
                                        std::index_sequence<Indices...>) {
    static constexpr std::array<Result<Value> (*)(detail::Reader&), sizeof...(Ts)> kReaders{
        &read_as<Indices>...};
    return kReaders[index](reader);
  }
};

/// One after the other.
template <Transmittable A, Transmittable B>
struct Codec<std::pair<A, B>> : detail::SelfDelimiting<std::pair<A, B>> {
  static Result<void> write(const std::pair<A, B>& value, Bytes& out) {
    return detail::write_parts(out, value.first, value.second);
  }
  static Result<std::pair<A, B>> read(detail::Reader& reader) {
    return detail::read_parts<std::pair<A, B>, A, B>(reader);
  }
};

/// One after the other. (An empty tuple has no codec: std::monostate is the value that says
/// nothing.)
template <Transmittable... Ts>
  requires(sizeof...(Ts) > 0)
struct Codec<std::tuple<Ts...>> : detail::SelfDelimiting<std::tuple<Ts...>> {
  static Result<void> write(const std::tuple<Ts...>& value, Bytes& out) {
    return std::apply([&](const Ts&... parts) { return detail::write_parts(out, parts...); },
                      value);
  }
  static Result<std::tuple<Ts...>> read(detail::Reader& reader) {
    return detail::read_parts<std::tuple<Ts...>, Ts...>(reader);
  }
};

/// One after the other; how many is known.
template <Transmittable T, std::size_t N>
  requires(N > 0 && std::default_initializable<T> && std::movable<T>)
struct Codec<std::array<T, N>> : detail::SelfDelimiting<std::array<T, N>> {
  static Result<void> write(const std::array<T, N>& value, Bytes& out) {
    if constexpr (detail::Number<T>) {
      detail::write_numbers<T>(value, out);
    } else {
      for (const T& element : value)
        if (auto done = detail::write_field(element, out); !done) return done;
    }
    return {};
  }
  static Result<std::array<T, N>> read(detail::Reader& reader) {
    Result<std::array<T, N>> value(tl::in_place);
    if constexpr (detail::Number<T>) {
      const auto bytes = reader.take(sizeof(*value));
      if (!bytes) return unexpected(bytes.error());
      detail::read_numbers<T>(*bytes, *value);
    } else {
      for (T& element : *value) {
        auto read = detail::read_field<T>(reader);
        if (!read) return unexpected(std::move(read).error());
        element = std::move(*read);
      }
    }
    return value;
  }
};

/// How many, then one after the other. Bytes are a vector as any other.
template <Transmittable T, class Allocator>
  requires std::is_object_v<T>
struct Codec<std::vector<T, Allocator>> : detail::SelfDelimiting<std::vector<T, Allocator>> {
  using Value = std::vector<T, Allocator>;

  static Result<void> write(const Value& value, Bytes& out) {
    detail::write_varint(value.size(), out);
    if constexpr (detail::Number<T>) {
      detail::write_numbers<T>(value, out);
    } else {
      for (const auto& element : value)
        if (auto done = detail::write_field<T>(element, out); !done) return done;
    }
    return {};
  }
  static Result<Value> read(detail::Reader& reader) {
    const auto count = reader.count();
    if (!count) return unexpected(count.error());
    Value value;
    if constexpr (detail::Number<T>) {
      // No more than there are bytes left, so the product does not overflow.
      const auto bytes = reader.take(*count * sizeof(T));
      if (!bytes) return unexpected(bytes.error());
      if constexpr (sizeof(T) == 1) {
        value.assign(bytes->begin(), bytes->end());
      } else {
        value.resize(*count);
        detail::read_numbers<T>(*bytes, value);
      }
    } else {
      for (std::size_t i = 0; i < *count; ++i) {
        auto element = detail::read_field<T>(reader);
        if (!element) return unexpected(std::move(element).error());
        value.push_back(std::move(*element));
      }
    }
    return value;
  }
};

}  // namespace coerce
