/// \file
/// Refuses, at compile time, what GCC 12 miscompiles.

#pragma once

#include <cstddef>
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

/// Does the name of a type end with that of a closure? A template whose argument is one does not.
consteval bool ends_with_closure(std::string_view name) {
  std::size_t open = 0;
  for (std::size_t at = name.size(); at-- > 0;) {
    if (name[at] == '>') ++open;
    if (name[at] == '<' && --open == 0) return name.substr(at).starts_with("<lambda");
    if (open == 0 && name[at] != ' ') return false;
  }
  return false;
}

template <class T>
consteval bool is_closure() {
  std::string_view name = __PRETTY_FUNCTION__;
  name = name.substr(name.find("T = ") + 4);
  return ends_with_closure(name.substr(0, name.rfind(']')));
}
static_assert(ends_with_closure("f()::<lambda(std::vector<int>)>") &&
              ends_with_closure("f()::<lambda()> ") && !ends_with_closure("W<f()::<lambda()> >") &&
              !ends_with_closure("int"));

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
