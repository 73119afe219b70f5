/// \file
/// Pools of equal actors that share the work.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/detail/worker_pool.hpp>
#include <coerce/actor/system.hpp>

namespace coerce {

/// A counted reference to a pool of workers: equal actors of type W, named prefix-0, prefix-1 and
/// so on. Copies refer to the same pool, which ends when the last one goes; what its members have
/// not handled by then is rejected. Thread-safe.
///
/// A member that throws is restarted, and what is dispatched to it meanwhile waits in its mailbox.
/// One that stops is replaced; while that lasts, messages go to the others. If a replacement does
/// not start, the pool tries again each second.
template <class W>
class WorkerRef : detail::RefusingDispatch<W> {
 public:
  using detail::RefusingDispatch<W>::dispatch;

  /// `co_await pool.dispatch(m)` sends the message to one member and gives its answer: Result<R>.
  /// The member is chosen when this is called. Errors besides those of a send: Overloaded (the
  /// pool's limit), ActorUnavailable (the pool has no member that runs). Messages from one sender
  /// may overtake each other.
  template <int = 0, class M>
    requires Handler<W, std::remove_cvref_t<M>>
  auto dispatch(M&& message) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return detail::dispatch<W, Plain>(table_->take(), pool_, Plain(std::forward<M>(message)));
  }
  /// The same, built in place.
  template <class M, class... Args>
    requires Handler<W, M> && std::constructible_from<M, Args...>
  auto dispatch(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::dispatch<W, M>(table_->take(), pool_, M(std::forward<Args>(args)...));
  }

  /// From the next dispatch on.
  void strategy(WorkerStrategy strategy) const noexcept { table_->set_strategy(strategy); }
  WorkerStrategy strategy() const noexcept { return table_->strategy(); }

  /// Members, those that are just being replaced included.
  std::size_t size() const noexcept { return table_->size(); }
  /// Dispatches that have not been answered yet.
  std::size_t outstanding() const noexcept { return table_->outstanding(); }
  /// Adds members, or removes those with the highest numbers; a removed one stops when it has
  /// answered what it was given. Ends when the new ones have started. Errors: the first
  /// ActorStartFailed (that member is tried again), Overloaded (more than 4096 members).
  Task<Result<void>> resize(std::size_t count) const {
    return as_task(resize_.send(detail::ResizePool{count}));
  }
  /// Stops the pool and its members, and waits for their end.
  auto stop() const { return pool_.stop(); }

  template <class Pool>
  WorkerRef(std::shared_ptr<detail::WorkerTable> table, const LocalActorRef<Pool>& pool)
      : table_(std::move(table)), pool_(pool), resize_(pool) {}

 private:
  std::shared_ptr<detail::WorkerTable> table_;
  BoxedActorRef pool_;
  Receiver<detail::ResizePool> resize_;
};

/// Starts a pool of `count` workers, which `factory` makes: a callable without parameters that
/// returns W, Result<W>, Task<W> or Task<Result<W>>. `co_await` gives Result<WorkerRef<W>>. Errors:
/// ActorStartFailed, ActorUnavailable (the system is shutting down).
template <int = 0, class F>
  requires detail::MakesActor<F>
Task<Result<WorkerRef<detail::MadeBy<F>>>> into_worker(F&& factory, std::size_t count,
                                                       std::string_view prefix,
                                                       const ActorSystem& system,
                                                       WorkerOptions options = {}) {
  detail::refuse_awaited_temporary<F>();
  using Plain = std::remove_cvref_t<F>;
  return detail::start_pool<WorkerRef<detail::MadeBy<F>>, detail::MadeBy<F>, Plain>(
      Plain(std::forward<F>(factory)), count, std::string(prefix), system, options);
}
/// The same with copies of `worker`.
template <int = 0, class W>
  requires std::derived_from<std::remove_cvref_t<W>, Actor> &&
           std::copy_constructible<std::remove_cvref_t<W>>
Task<Result<WorkerRef<std::remove_cvref_t<W>>>> into_worker(W&& worker, std::size_t count,
                                                            std::string_view prefix,
                                                            const ActorSystem& system,
                                                            WorkerOptions options = {}) {
  detail::refuse_awaited_temporary<W>();
  using Plain = std::remove_cvref_t<W>;
  return detail::start_pool<WorkerRef<Plain>, Plain, detail::CopyOf<Plain>>(
      detail::CopyOf<Plain>(std::forward<W>(worker)), count, std::string(prefix), system, options);
}

}  // namespace coerce
