/// \file
/// Refuses, at compile time, what GCC 12 miscompiles.

#pragma once

#include <string_view>
#include <type_traits>

namespace coerce::detail {

/// GCC up to 12 destroys an aggregate or closure temporary twice when it stands in one full
/// expression with a co_await (PR 99576). Trivially destructible ones are not harmed.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12
inline constexpr bool kAwaitedTemporariesBreak = true;
#else
inline constexpr bool kAwaitedTemporariesBreak = false;
#endif

template <class T>
consteval bool is_closure() {
  return std::string_view(__PRETTY_FUNCTION__).find("<lambda") != std::string_view::npos;
}

/// Is an argument deduced as `T&&` a temporary that GCC 12 would destroy twice?
template <class T>
consteval bool is_breaking_temporary() {
  if constexpr (!kAwaitedTemporariesBreak || std::is_lvalue_reference_v<T> ||
                std::is_trivially_destructible_v<std::remove_reference_t<T>>)
    return false;
  else
    return std::is_aggregate_v<std::remove_reference_t<T>> ||
           is_closure<std::remove_reference_t<T>>();
}

/// Every function that may stand in a co_await expression calls this for each object of the user's.
template <class... T>
consteval void refuse_awaited_temporary() {
  static_assert(
      (!is_breaking_temporary<T>() && ...),
      "coerce: GCC 12 destroys an aggregate or lambda temporary twice when it stands in a "
      "co_await expression. Give the type a constructor, build it in place (send<M>(args...)), "
      "or name the object first and pass the name (or std::move of a type with a constructor).");
}

}  // namespace coerce::detail
