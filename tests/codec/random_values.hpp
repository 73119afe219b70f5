/// \file
/// Values of any built-in type, drawn from a seed.

#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <coerce/codec.hpp>

namespace codec_tests {

using Random = std::mt19937_64;

/// `Draw<T>::draw(random)` is any value of T.
template <class T>
struct Draw;

template <class T>
T draw(Random& random) {
  return Draw<T>::draw(random);
}

template <class T>
  requires std::integral<T>
struct Draw<T> {
  static T draw(Random& random) {
    if constexpr (std::same_as<T, bool>) return random() % 2 == 0;
    switch (random() % 8) {
      case 0:
        return std::numeric_limits<T>::min();
      case 1:
        return std::numeric_limits<T>::max();
      case 2:
        return 0;
      default:
        return static_cast<T>(random());
    }
  }
};

/// No NaN, which is unlike itself.
template <class T>
  requires std::floating_point<T>
struct Draw<T> {
  static T draw(Random& random) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const T value = std::bit_cast<T>(static_cast<Bits>(random()));
    return std::isnan(value) ? std::numeric_limits<T>::infinity() : value;
  }
};

inline std::size_t few(Random& random) { return random() % 5 == 0 ? 0 : random() % 6; }

template <>
struct Draw<std::string> {
  static std::string draw(Random& random) {
    std::string text(random() % 10 == 0 ? 200 : few(random), ' ');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
};

template <>
struct Draw<coerce::ActorId> {
  static coerce::ActorId draw(Random& random) { return Draw<std::string>::draw(random); }
};

template <>
struct Draw<std::monostate> {
  static std::monostate draw(Random&) { return {}; }
};

template <class Rep, class Period>
struct Draw<std::chrono::duration<Rep, Period>> {
  static auto draw(Random& random) {
    return std::chrono::duration<Rep, Period>(Draw<Rep>::draw(random));
  }
};

template <class D>
struct Draw<std::chrono::time_point<std::chrono::system_clock, D>> {
  static auto draw(Random& random) {
    return std::chrono::time_point<std::chrono::system_clock, D>(Draw<D>::draw(random));
  }
};

template <class T>
struct Draw<std::optional<T>> {
  static std::optional<T> draw(Random& random) {
    if (random() % 2 == 0) return std::nullopt;
    return Draw<T>::draw(random);
  }
};

template <class T, class E>
struct Draw<tl::expected<T, E>> {
  static tl::expected<T, E> draw(Random& random) {
    if (random() % 2 == 0) return tl::unexpected<E>(Draw<E>::draw(random));
    if constexpr (std::is_void_v<T>)
      return {};
    else
      return Draw<T>::draw(random);
  }
};

template <class A, class B>
struct Draw<std::pair<A, B>> {
  static std::pair<A, B> draw(Random& random) {
    return {Draw<A>::draw(random), Draw<B>::draw(random)};
  }
};

template <class... Ts>
struct Draw<std::tuple<Ts...>> {
  static std::tuple<Ts...> draw(Random& random) {
    return std::tuple<Ts...>{Draw<Ts>::draw(random)...};
  }
};

template <class... Ts>
struct Draw<std::variant<Ts...>> {
  using Value = std::variant<Ts...>;
  static Value draw(Random& random) {
    const std::array<Value (*)(Random&), sizeof...(Ts)> draws{
        [](Random& r) { return Value(Draw<Ts>::draw(r)); }...};
    return draws[random() % sizeof...(Ts)](random);
  }
};

template <class T, std::size_t N>
struct Draw<std::array<T, N>> {
  static std::array<T, N> draw(Random& random) {
    std::array<T, N> value{};
    for (T& element : value) element = Draw<T>::draw(random);
    return value;
  }
};

template <class T>
struct Draw<std::vector<T>> {
  static std::vector<T> draw(Random& random) {
    std::vector<T> value;
    for (std::size_t i = few(random); i > 0; --i) value.push_back(Draw<T>::draw(random));
    return value;
  }
};

/// Maps and sets.
template <class Container>
  requires requires { typename Container::key_type; }
struct Draw<Container> {
  static Container draw(Random& random) {
    Container value;
    for (std::size_t i = few(random); i > 0; --i) {
      auto key = Draw<typename Container::key_type>::draw(random);
      if constexpr (requires { typename Container::mapped_type; })
        value.emplace(std::move(key), Draw<typename Container::mapped_type>::draw(random));
      else
        value.insert(std::move(key));
    }
    return value;
  }
};

}  // namespace codec_tests
