/// \file
/// What an actor sees of its surroundings while it handles a message.

#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coerce/actor/epoch.hpp>
#include <coerce/actor/id.hpp>
#include <coerce/actor/message.hpp>
#include <coerce/actor/options.hpp>
#include <coerce/actor/supervision.hpp>
#include <coerce/runtime/stop_token.hpp>

namespace coerce {

class ActorLog;
class ActorSystem;
class BoxedActorRef;
class TaskContext;
template <class A>
class LocalActorRef;
template <class A>
class WeakActorRef;

namespace detail {
struct Cell;
template <class A>
class StartAwaiter;
/// The epoch that the actor was started with.
std::optional<Epoch> given_epoch(const ActorContext& context) noexcept;
void give_epoch(Cell& cell, Epoch epoch);
/// The actor has opened something with that epoch.
void note_epoch(ActorContext& context, Epoch epoch);

template <class T>
struct WithoutResult {
  using type = T;
};
template <class T>
struct WithoutResult<Result<T>> {
  using type = T;
};
/// What a factory makes.
template <class F>
using MadeBy = typename WithoutResult<
    typename Unwrapped<std::invoke_result_t<std::remove_cvref_t<F>&>>::type>::type;
template <class F>
concept MakesActor = std::invocable<std::remove_cvref_t<F>&> && std::derived_from<MadeBy<F>, Actor>;

template <class F>
concept RunsBeside = std::is_invocable_r_v<Task<void>, std::decay_t<F>&, TaskContext>;
}  // namespace detail

/// The end of a child, as its parent sees it.
class ChildStopped {
 public:
  ChildStopped(ActorId id, StopReason reason) : id_(std::move(id)), reason_(std::move(reason)) {}
  const ActorId& id() const noexcept { return id_; }
  const StopReason& reason() const noexcept { return reason_; }

 private:
  ActorId id_;
  StopReason reason_;
};

/// The actor's view of itself and its surroundings. It lives as long as the actor; only the actor's
/// own handlers and hooks may use it, never from another thread.
class ActorContext {
 public:
  ActorContext(const ActorContext&) = delete;
  ActorContext& operator=(const ActorContext&) = delete;

  ActorId id() const;
  /// The path of what contains the actor: the system's name or the parent's full path.
  ActorPath path() const;
  /// path() + "/" + id()
  ActorPath full_path() const;
  /// Unique in the system: counts from 1.
  std::uint64_t ctx_id() const noexcept;
  ActorStatus status() const noexcept;
  ActorSystem system() const;

  /// A counted reference to this actor. \pre A is the actor's type
  template <class A>
  LocalActorRef<A> actor_ref() const;
  template <class A>
  WeakActorRef<A> weak_ref() const;
  BoxedActorRef boxed_actor_ref() const;

  /// Stops the actor after the present handler; what waits in the mailbox is rejected.
  void stop();
  /// Stops the actor when the mailbox is empty.
  void stop_after_drain();

  std::vector<std::string> tags() const;
  /// Shown by describe().
  void set_tags(std::vector<std::string> tags);

  /// Who sent the message that is being handled: the actor whose handler awaits the answer, or that
  /// used notify_from(). None for other messages, in hooks, and for messages from outside of
  /// actors.
  std::optional<BoxedActorRef> sender() const;
  /// When the sender of the message that is being handled stops waiting, if it said so. What the
  /// handler sends and awaits ends by then too, with Timeout.
  std::optional<TimePoint> deadline() const;

  /// The fencing token under which this actor owns what it owns: the one that it was started with
  /// (`.owning(epoch)`), or that of the journal which it has opened. Put it where the actor's side
  /// effects go, and refuse there what comes with a lower one.
  std::optional<Epoch> epoch() const noexcept;

  /// Asked to stop when this actor is: also while its handler is suspended or busy with something
  /// that looks at the token now and then. A restart asks too; the new instance has a new one.
  StopToken stop_token();

  /// Puts the message that is being handled aside, until unstash_all(). If its sender waits for an
  /// answer it goes on waiting, and what the handler returns this time is ignored. When the actor
  /// stops, what is put aside is rejected like what waits in the mailbox; a restart unstashes it.
  /// Errors, with which the message is not moved from: Overloaded (MailboxOptions::stash),
  /// NotSupported (it is not of the type being handled, or its question is put aside already).
  template <class M>
  Result<void> stash(M&& message);
  /// What was put aside is handled next, in its order, before everything that waits.
  void unstash_all();
  std::size_t stashed_count() const noexcept;

  /// Asks for a ReceiveTimeout whenever the actor has handled no message for so long, again and
  /// again; system messages do not count. Replaces the period set before. To about a millisecond,
  /// and never while a handler is suspended. A restart cancels it. Errors: NotSupported (the actor
  /// has no handler for ReceiveTimeout, or the period is not above zero and at most 24 days).
  Result<void> set_receive_timeout(Duration period);
  /// From here on no ReceiveTimeout is handled, even if one is in the mailbox.
  void cancel_receive_timeout() noexcept;

  /// Writes lines that begin with the actor's path. Include <coerce/actor/log.hpp>.
  ActorLog log() const noexcept;

  /// Starts a child; resumes when its started() has completed. It stops before this actor does.
  /// Errors: AlreadyExists, ActorStartFailed, ActorUnavailable (this actor is stopping), Overloaded
  /// (it has as many children as the builder's max_children allows). `co_await` gives
  /// Result<LocalActorRef<C>>.
  template <int = 0, class C>
    requires std::derived_from<std::remove_cvref_t<C>, Actor>
  auto spawn(ActorId id, C&& child);
  /// The same, built in place.
  template <class C, class... Args>
    requires std::constructible_from<C, Args...>
  auto spawn(ActorId id, Args&&... args);
  /// Starts a child without waiting for it.
  template <class C>
    requires std::derived_from<std::remove_cvref_t<C>, Actor>
  Result<LocalActorRef<std::remove_cvref_t<C>>> spawn_deferred(ActorId id, C&& child);
  template <class F>
    requires detail::MakesActor<F>
  Result<LocalActorRef<detail::MadeBy<F>>> spawn_deferred(
      ActorId id, F&& factory, SupervisorStrategy strategy = SupervisorStrategy::restart());

  /// The same with a factory, `spawn(id, factory[, strategy])`: a callable without parameters that
  /// returns C, Result<C>, Task<C> or Task<Result<C>>. It makes the child now and at each restart;
  /// what it throws or an error that it returns fails the start. Default strategy: restart().
  template <int = 0, class F>
    requires detail::MakesActor<F>
  auto spawn(ActorId id, F&& factory, SupervisorStrategy strategy = SupervisorStrategy::restart());
  /// A strategy for a child that cannot be made again: restart means stop.
  template <int = 0, class C>
    requires std::derived_from<std::remove_cvref_t<C>, Actor>
  auto spawn(ActorId id, C&& child, const SupervisorStrategy& strategy);

  /// Makes an actor that another made a child of this one too: it is described with the children,
  /// on_child_stopped tells of its end, and it is asked to stop when this actor stops. It is not
  /// awaited then: two actors may be attached to each other. Its failures remain its own parent's.
  /// Errors: NotSupported (oneself), AlreadyExists (a child has that id), Overloaded (as spawn),
  /// InvalidRef (it has ended).
  template <class A>
  Result<void> attach_child_ref(const LocalActorRef<A>& actor);
  Result<void> attach_child_ref(const BoxedActorRef& actor);

  /// Asks for an ActorTerminated when that actor has ended, or now if it has. Nothing happens if it
  /// is watched already. Errors: NotSupported (this actor has no handler for ActorTerminated, or it
  /// is the actor itself), Overloaded (more than 65 536 watched).
  template <class A>
  Result<void> watch(const LocalActorRef<A>& actor);
  Result<void> watch(const BoxedActorRef& actor);
  /// From here on no ActorTerminated for that actor is handled, even if one is in the mailbox.
  template <class A>
  void unwatch(const LocalActorRef<A>& actor);
  void unwatch(const BoxedActorRef& actor);

  /// A running child by its id.
  template <class C>
  std::optional<LocalActorRef<C>> child_ref(const ActorId& id) const;
  std::size_t supervised_count() const noexcept;

  /// Runs `function(TaskContext) -> Task<void>` beside this actor, perhaps on another thread: it
  /// must not touch the actor's state, but may send to it. The function lives as long as its task.
  ///
  /// When the actor stops or restarts, its tasks are asked to stop: sends that they await end at
  /// once with Cancelled, sleeps with false. The actor waits for their end, as for its children's,
  /// before its stopped() hook. What a task throws is logged and published as a HandlerFailure; it
  /// is no failure of the actor. A task does not keep an anonymous actor from ending. Errors:
  /// Overloaded (TaskOptions::limit), ActorUnavailable (the actor is stopping). Defined in
  /// <coerce/actor/task_context.hpp>.
  template <class F>
    requires detail::RunsBeside<F>
  Result<void> spawn_task(F&& function, TaskOptions options = {});
  /// Runs `task` beside this actor in the same way and then notifies the actor of
  /// `function(Result<T>)`, a message that A handles. What the task throws arrives as
  /// HandlerFailed. The function too runs beside the actor. If the actor ends first, the message is
  /// a dead letter. NotSupported if this is no A. Defined in <coerce/actor/pipe.hpp>.
  template <class A, class T, class F>
    requires std::invocable<std::decay_t<F>&, detail::FlatResult<T>>
  Result<void> pipe_to_self(Task<T> task, F&& function, TaskOptions options = {});

  /// The parent, if there is one and it is a P.
  template <class P>
  std::optional<LocalActorRef<P>> parent() const;

 protected:
  ActorContext() = default;
  ~ActorContext() = default;

 private:
  friend struct detail::Cell;
  detail::Cell& cell() const noexcept;
  const detail::Cell& log_cell() const noexcept { return cell(); }
  detail::Cell* find_child(const ActorId& id) const noexcept;
};

}  // namespace coerce
