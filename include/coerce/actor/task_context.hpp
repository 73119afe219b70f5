/// \file
/// Tasks that run beside an actor.

#pragma once

#include <concepts>
#include <optional>
#include <utility>

#include <coerce/actor/ref.hpp>
#include <coerce/runtime/stop_token.hpp>

namespace coerce {

namespace detail {

/// A weak reference whatever the actor's type.
class WeakCell {
 public:
  explicit WeakCell(Cell& cell) noexcept : cell_(&cell) { cell.retain_memory(); }
  WeakCell(const WeakCell& other) noexcept : WeakCell(*other.cell_) {}
  WeakCell& operator=(WeakCell other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~WeakCell() { cell_->release_memory(); }

  Cell& operator*() const noexcept { return *cell_; }
  Cell* operator->() const noexcept { return cell_; }

 private:
  Cell* cell_;
};

}  // namespace detail

/// What a task beside an actor sees: never the actor's state, but a way to send to it. Copies mean
/// the same task. Thread-safe; may outlive the task.
class TaskContext {
 public:
  TaskContext(detail::Cell& cell, StopToken stop) noexcept : cell_(cell), stop_(std::move(stop)) {}

  /// Asked to stop when the actor stops or restarts.
  const StopToken& stop_token() const noexcept { return stop_; }
  /// The actor, not kept from ending. \pre A is its type
  template <class A>
  WeakActorRef<A> weak_ref() const {
    return WeakActorRef<A>(*cell_);
  }
  /// Writes lines that begin with the actor's path. Include <coerce/actor/log.hpp>.
  ActorLog log() const noexcept;

 private:
  detail::WeakCell cell_;
  StopToken stop_;
};

namespace detail {

/// Why no further task may be started beside the actor, if so: Overloaded, ActorUnavailable. Its
/// owner only, like the next one.
std::optional<ActorRefErr> refuse_task(Cell& cell, const TaskOptions& options) noexcept;
void start_task(Cell& cell, StopSource stop, Task<void> task);

template <class F>
Task<void> run_task(F function, TaskContext context) {
  Task<void> task = function(std::move(context));
  co_await std::move(task);
}

}  // namespace detail

template <class F>
  requires detail::RunsBeside<F>
Result<void> ActorContext::spawn_task(F&& function, TaskOptions options) {
  detail::refuse_awaited_temporary<F>();
  if (auto refused = detail::refuse_task(cell(), options))
    return coerce::unexpected(std::move(*refused));
  StopSource stop;
  TaskContext context(cell(), stop.token());
  detail::start_task(
      cell(), std::move(stop),
      detail::run_task<std::decay_t<F>>(std::forward<F>(function), std::move(context)));
  return {};
}

}  // namespace coerce
