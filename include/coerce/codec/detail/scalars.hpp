/// \file
/// Codecs of what has no parts: truth values, numbers, enumerations, texts, durations, ids,
/// nothing.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <variant>

#include <coerce/actor/id.hpp>
#include <coerce/codec/detail/wire.hpp>

namespace coerce {

/// The first and the last enumerator, between which every value is one. See enum_range.
template <class E>
struct EnumRange {
  E first;
  E last;
};

/// What values of an enumeration are accepted from outside; by default all that its underlying type
/// holds:
///
///     template <>
///     inline constexpr coerce::EnumRange coerce::enum_range<Colour>{Colour::Red, Colour::Blue};
///
/// An unscoped enumeration without a `: type` has a codec only if its range is given.
template <class E>
inline constexpr auto enum_range = std::monostate();

namespace detail {

/// wchar_t has no size of its own.
template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, wchar_t> &&
                  std::same_as<T, std::remove_cv_t<T>>;
template <class T>
concept Floating = std::same_as<T, float> || std::same_as<T, double>;

template <class E>
inline constexpr bool has_enum_range =
    !std::same_as<std::remove_cv_t<decltype(enum_range<E>)>, std::monostate>;
/// Only then is each value of the underlying type one of the enumeration.
template <class E>
concept FixedEnum = requires { E{std::underlying_type_t<E>{}}; };
template <class E>
concept Enumeration = std::is_enum_v<E> && std::same_as<E, std::remove_cv_t<E>> &&
                      (FixedEnum<E> || has_enum_range<E>);

template <Integer T>
void write_integer(T value, Bytes& out) {
  using Unsigned = std::make_unsigned_t<T>;
  std::array<std::uint8_t, sizeof(T)> bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes[i] = static_cast<std::uint8_t>(static_cast<Unsigned>(value) >> (8 * i));
  append(bytes, out);
}

template <Integer T>
Result<T> read_integer(Reader& reader) {
  const auto bytes = reader.take(sizeof(T));
  if (!bytes) return unexpected(bytes.error());
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::uint64_t{(*bytes)[i]} << (8 * i);
  return static_cast<T>(value);
}

/// Has sizeof(T) bytes, and any bytes are one. Many of them are copied in one go; they are no
/// deeper than what holds them.
template <class T>
concept Number = Integer<T> || Floating<T>;

template <Number T>
void write_numbers(std::span<const T> numbers, Bytes& out) {
  const auto bytes = std::as_bytes(numbers);
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto at = static_cast<std::ptrdiff_t>(out.size());
  append({first, bytes.size()}, out);
  if constexpr (std::endian::native != std::endian::little)
    for (auto i = out.begin() + at; i != out.end(); i += sizeof(T)) std::reverse(i, i + sizeof(T));
}

/// \pre `bytes` are as many as those of `numbers`
template <Number T>
void read_numbers(BytesView bytes, std::span<T> numbers) noexcept {
  if (bytes.empty()) return;
  auto* into = reinterpret_cast<std::uint8_t*>(numbers.data());
  std::memcpy(into, bytes.data(), bytes.size());
  if constexpr (std::endian::native != std::endian::little)
    for (auto* i = into; i != into + bytes.size(); i += sizeof(T)) std::reverse(i, i + sizeof(T));
}

}  // namespace detail

template <>
struct Codec<bool> : detail::SelfDelimiting<bool> {
  static Result<void> write(bool value, Bytes& out) {
    out.push_back(value ? 1 : 0);
    return {};
  }
  static Result<bool> read(detail::Reader& reader) {
    const auto byte = detail::read_integer<std::uint8_t>(reader);
    if (!byte) return unexpected(byte.error());
    if (*byte > 1) return unexpected(detail::malformed("a truth value is neither 0 nor 1"));
    return *byte == 1;
  }
};

template <detail::Integer T>
struct Codec<T> : detail::SelfDelimiting<T> {
  static Result<void> write(T value, Bytes& out) {
    detail::write_integer(value, out);
    return {};
  }
  static Result<T> read(detail::Reader& reader) { return detail::read_integer<T>(reader); }
};

template <detail::Floating T>
struct Codec<T> : detail::SelfDelimiting<T> {
  static_assert(std::numeric_limits<T>::is_iec559);
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

  static Result<void> write(T value, Bytes& out) {
    detail::write_integer(std::bit_cast<Bits>(value), out);
    return {};
  }
  static Result<T> read(detail::Reader& reader) {
    const auto bits = detail::read_integer<Bits>(reader);
    if (!bits) return unexpected(bits.error());
    return std::bit_cast<T>(*bits);
  }
};

template <detail::Enumeration E>
  requires Transmittable<std::underlying_type_t<E>>
struct Codec<E> : detail::SelfDelimiting<E> {
  using Number = std::underlying_type_t<E>;

  static Result<void> write(E value, Bytes& out) {
    if (!in_range(static_cast<Number>(value)))
      return unexpected(ActorRefErr::Serialisation("an enumeration is out of its range"));
    return Codec<Number>::write(static_cast<Number>(value), out);
  }
  static Result<E> read(detail::Reader& reader) {
    const auto number = Codec<Number>::read(reader);
    if (!number) return unexpected(number.error());
    if (!in_range(*number))
      return unexpected(detail::malformed("an enumeration is out of its range"));
    return static_cast<E>(*number);
  }

 private:
  static constexpr bool in_range([[maybe_unused]] Number number) {
    if constexpr (detail::has_enum_range<E>)
      return static_cast<Number>(enum_range<E>.first) <= number &&
             number <= static_cast<Number>(enum_range<E>.last);
    else
      return true;
  }
};

template <>
struct Codec<std::string> : detail::SelfDelimiting<std::string> {
  static Result<void> write(const std::string& value, Bytes& out);
  static Result<std::string> read(detail::Reader& reader);
};

/// At most 64 KiB, as an id has.
template <>
struct Codec<ActorId> : detail::SelfDelimiting<ActorId> {
  static Result<void> write(const ActorId& value, Bytes& out);
  static Result<ActorId> read(detail::Reader& reader);
};

/// The number of ticks.
template <Transmittable Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>>
    : detail::SelfDelimiting<std::chrono::duration<Rep, Period>> {
  using Value = std::chrono::duration<Rep, Period>;

  static Result<void> write(const Value& value, Bytes& out) {
    return detail::write_field(value.count(), out);
  }
  static Result<Value> read(detail::Reader& reader) {
    const auto ticks = detail::read_field<Rep>(reader);
    if (!ticks) return unexpected(ticks.error());
    return Value(*ticks);
  }
};

/// The time since 1970. Other clocks mean nothing elsewhere and have no codec.
template <Transmittable D>
struct Codec<std::chrono::time_point<std::chrono::system_clock, D>>
    : detail::SelfDelimiting<std::chrono::time_point<std::chrono::system_clock, D>> {
  using Value = std::chrono::time_point<std::chrono::system_clock, D>;

  static Result<void> write(const Value& value, Bytes& out) {
    return detail::write_field(value.time_since_epoch(), out);
  }
  static Result<Value> read(detail::Reader& reader) {
    const auto since = detail::read_field<D>(reader);
    if (!since) return unexpected(since.error());
    return Value(*since);
  }
};

/// No bytes.
template <>
struct Codec<std::monostate> {
  static Result<void> encode(std::monostate, Bytes&) { return {}; }
  static Result<std::monostate> decode(BytesView bytes, const CodecLimits& limits = {}) {
    if (auto none = detail::Reader(bytes, limits).finish(); !none) return unexpected(none.error());
    return std::monostate();
  }
};

/// The answer that says nothing: no bytes.
template <>
struct Codec<void> {
  static Result<void> encode(Bytes&) { return {}; }
  static Result<void> decode(BytesView bytes, const CodecLimits& limits = {}) {
    return detail::Reader(bytes, limits).finish();
  }
};

}  // namespace coerce
