/// \file
/// The result of a task as a message.

#pragma once

#include <optional>
#include <utility>

#include <coerce/actor/task_context.hpp>

namespace coerce {

namespace detail {

/// A task on the system of the actor. A refusal (ActorSystemBuilder::max_spawned_tasks) is logged
/// and published as a HandlerFailure of `what`.
void spawn_on_system(Cell& cell, Task<void> task, std::string_view what);
void count_pipe_failure(Cell& cell, const ActorRefErr& error) noexcept;
ActorRefErr other_type(Cell& cell, std::string_view message_type) noexcept;

/// What a task gives or throws, as a Result.
template <class T>
Task<FlatResult<T>> outcome_of(Task<T> task, Cell& cell) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      co_return FlatResult<T>();
    } else {
      co_return FlatResult<T>(co_await std::move(task));
    }
  } catch (...) {
    co_return coerce::unexpected(handler_failed(std::current_exception(), cell, ""));
  }
}

template <class M, class T>
void notify_or_count(Cell& cell, EnvelopeOp op, T&& message) {
  if (push_notify<M>(cell, op, std::forward<T>(message)) != Pushed::Taken)
    count_dead_letter(cell, type_name_of<M>());
}

template <class M, class T>
Task<void> pipe(Task<T> task, CellRef cell, EnvelopeOp op) {
  FlatResult<T> outcome = co_await outcome_of(std::move(task), *cell);
  if (outcome)
    notify_or_count<M>(*cell, op, std::move(*outcome));
  else
    count_pipe_failure(*cell, outcome.error());
}

// The cell waits for this task, so it is there.
template <class M, class T, class F>
Task<void> pipe_beside(Task<T> task, F function, Cell& cell, EnvelopeOp op) {
  FlatResult<T> outcome = co_await outcome_of(std::move(task), cell);
  notify_or_count<M>(cell, op, function(std::move(outcome)));
}

}  // namespace detail

/// Runs the task on the actor's system and notifies the actor of what it gives. Until then the
/// reference counts, so an anonymous actor lives. What the task throws, or an error that it
/// returns, is logged and published as a HandlerFailure; the message is a dead letter if the actor
/// has ended or its mailbox is full. So is a refusal of the task, because the system has too many.
/// Any thread. At shutdown the task is asked to stop.
template <class T, class A>
  requires Handler<A, typename detail::FlatResult<T>::value_type>
void pipe_to(Task<T> task, const LocalActorRef<A>& actor) {
  using M = typename detail::FlatResult<T>::value_type;
  detail::spawn_on_system(*actor.cell(),
                          detail::pipe<M>(std::move(task), actor.cell(), detail::kNotifyOp<A, M>),
                          "pipe_to");
}

template <class A, class T, class F>
  requires std::invocable<std::decay_t<F>&, detail::FlatResult<T>>
Result<void> ActorContext::pipe_to_self(Task<T> task, F&& function, TaskOptions options) {
  detail::refuse_awaited_temporary<F>();
  using M = std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&, detail::FlatResult<T>>>;
  static_assert(Handler<A, M>, "coerce: the actor has no handler for what the function returns");
  if (cell().type != &detail::ActorCell<A>::kType)
    return coerce::unexpected(detail::other_type(cell(), type_name_of<M>()));
  if (auto refused = detail::refuse_task(cell(), options))
    return coerce::unexpected(std::move(*refused));
  detail::start_task(
      cell(), StopSource(),
      detail::pipe_beside<M, T, std::decay_t<F>>(std::move(task), std::forward<F>(function), cell(),
                                                 detail::kNotifyOp<A, M>));
  return {};
}

}  // namespace coerce
