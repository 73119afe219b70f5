/// \file
/// A limit on how long a task may take.

#pragma once

#include <optional>

#include <coerce/actor/error.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

namespace coerce {

namespace detail {

template <class T>
Task<FlatResult<T>> with_timeout_task(Task<T> task, Duration limit) {
  auto first = co_await when_any(std::move(task), sleep_for(limit));
  if (first.index() == 1) {
    const bool expired = std::get<1>(first);
    co_return coerce::unexpected(expired ? ActorRefErr::Timeout(limit) : ActorRefErr::Cancelled());
  }
  if constexpr (std::is_void_v<T>)
    co_return FlatResult<T>();
  else
    co_return FlatResult<T>(std::get<0>(std::move(first)));
}

}  // namespace detail

/// Waits for an awaitable, at most `limit`: Result of what it gives, or Timeout (outcome Unknown).
/// At the limit it is asked to stop, and awaited: sends, sleeps and whatever else can be cancelled
/// in it end at once.
template <Awaitable A>
auto with_timeout(A&& awaitable, Duration limit) {
  detail::refuse_awaited_temporary<A>();
  return detail::with_timeout_task(as_task(std::forward<A>(awaitable)), limit);
}

}  // namespace coerce
