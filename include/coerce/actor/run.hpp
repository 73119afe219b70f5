/// \file
/// The whole program as one task.

#pragma once

#include <functional>

#include <coerce/actor/system.hpp>

namespace coerce {

namespace detail {
int run_main(ActorSystem& system, Task<int> game);

template <class R>
Task<int> exit_code(Task<R> game) {
  if constexpr (std::is_void_v<R>) {
    co_await std::move(game);
    co_return 0;
  } else {
    co_return static_cast<int>(co_await std::move(game));
  }
}
}  // namespace detail

/// Builds a system, runs `game(system)` in it and shuts it down. Returns what the game returns (0
/// for void), or 70 if the shutdown was incomplete or the game threw (its message goes to the log).
/// SIGINT and SIGTERM shut the system down in order; sends of the game then end with errors.
template <class F>
  requires std::invocable<F&, ActorSystem&>
int run(ActorSystemBuilder builder, F&& game) {
  ActorSystem system = builder.build();
  auto task = detail::exit_code(game(system));
  return detail::run_main(system, std::move(task));
}
template <class F>
  requires std::invocable<F&, ActorSystem&>
int run(F&& game) {
  return run(ActorSystem::builder(), std::forward<F>(game));
}

}  // namespace coerce
