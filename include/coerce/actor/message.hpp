/// \file
/// Which types are messages, and which actors handle them.

#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <coerce/actor/error.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

class ActorContext;

/// The empty tag that actor classes derive from.
class Actor {};

namespace detail {

template <class M>
struct NestedResult {
  using type = void;
};
template <class M>
  requires requires { typename M::Result; }
struct NestedResult<M> {
  using type = typename M::Result;
};

template <class T>
consteval std::string_view raw_type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  const auto begin = name.find("T = ") + 4;
  const auto end = name.find_first_of(";]", begin);
  return name.substr(begin, end - begin);
}

}  // namespace detail

/// Facts about a message type that you do not own: specialise it with a member `Result`.
/// By default the answer's type is the message's own member `Result`, or void.
template <class M>
struct MessageTraits {
  using Result = typename detail::NestedResult<M>::type;
};

template <class M>
using MessageResult = typename MessageTraits<M>::Result;

/// A value that can be moved to an actor. Its answer must not be a Result: handlers may return one,
/// and the sender gets it flat.
template <class M>
concept Message =
    std::is_object_v<M> && std::same_as<M, std::remove_cvref_t<M>> && std::move_constructible<M> &&
    std::destructible<M> && !detail::is_result<MessageResult<M>>;

/// The name of an actor or message type: its `type_name`, or else the C++ type's name.
template <class T>
constexpr std::string_view type_name_of() {
  if constexpr (requires {
                  { T::type_name } -> std::convertible_to<std::string_view>;
                })
    return T::type_name;
  else
    return detail::raw_type_name<T>();
}

namespace detail {

/// Converts to M and to nothing else, so that a handler for M2 that is constructible from M is no
/// match.
template <class M>
struct Exactly {
  template <class T>
    requires std::same_as<std::remove_const_t<T>, M>
  operator T() const;
};

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<Task<T>> {
  using type = T;
};

/// For an incomplete class the answer would be no, and stay no when the class is there.
template <class A>
consteval bool refuse_incomplete() {
  static_assert(
      requires { sizeof(A); },
      "coerce: Handler is asked of an actor class that is not complete here; include or "
      "finish its definition first");
  return true;
}

template <class A, class M>
concept HandlesExactly = requires(A& actor, Exactly<M> message, ActorContext& context) {
  actor.handle(message, context);
};

template <class A, class M>
using HandlerReturn =
    decltype(std::declval<A&>().handle(std::declval<M&&>(), std::declval<ActorContext&>()));

template <class Returned, class R>
concept AnswersWith = std::same_as<FlatResult<typename Unwrapped<Returned>::type>, Result<R>>;

}  // namespace detail

/// A has a public `handle(M, ActorContext&)` that returns M's answer: R, Result<R>, Task<R> or
/// Task<Result<R>>. To ask it of an incomplete class is an error.
template <class A, class M>
concept Handler = Message<M> && std::is_class_v<A> && detail::refuse_incomplete<A>() &&
                  detail::HandlesExactly<A, M> &&
                  detail::AnswersWith<detail::HandlerReturn<A, M>, MessageResult<M>>;

}  // namespace coerce
