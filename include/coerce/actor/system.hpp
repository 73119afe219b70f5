/// \file
/// The actor system: owner of the scheduler, the registry and every actor.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/detail/start.hpp>
#include <coerce/actor/detail/stash.hpp>
#include <coerce/actor/events.hpp>
#include <coerce/actor/extension.hpp>
#include <coerce/actor/log.hpp>
#include <coerce/actor/receive_timeout.hpp>
#include <coerce/actor/ref.hpp>
#include <coerce/actor/shutdown.hpp>
#include <coerce/actor/wait_graph.hpp>
#include <coerce/actor/watch.hpp>
#include <coerce/runtime/scheduler.hpp>

namespace coerce {

class ActorSystemBuilder;

namespace detail {
Cell* find_tracked(SystemCore& system, const ActorId& id) noexcept;
SystemExtension* find_extension(SystemCore& system, const void* key) noexcept;

/// How much of each a system may have. The setters of ActorSystemBuilder say what is counted.
struct SystemLimits {
  std::size_t actors = std::size_t{1} << 24;
  std::size_t children = std::size_t{1} << 20;  ///< of one actor
  std::size_t timers = std::size_t{1} << 24;
};
static_assert(std::is_trivially_destructible_v<SystemLimits>);

template <class A>
Task<Result<LocalActorRef<A>>> await_deferred(Result<LocalActorRef<A>> started) {
  co_return started;
}
}  // namespace detail

/// A cheap handle to an actor system; copies refer to the same one. Thread-safe.
///
/// Destroying the last handle of a running system shuts it down with the default deadline; what has
/// not stopped by then is reported in the log and leaked on purpose. A handler that blocks its
/// worker for ever cannot be left behind: its thread is waited for. Systems are independent of each
/// other.
class ActorSystem {
 public:
  /// A system with all defaults.
  ActorSystem();
  static ActorSystemBuilder builder();
  /// The process's own system, made when first asked for; made anew if it was shut down.
  static ActorSystem& global_system();

  /// A UUID.
  const ActorId& system_id() const noexcept;
  const ActorId& system_name() const noexcept;
  /// Has a shutdown begun?
  bool is_terminated() const noexcept;
  const Scheduler& scheduler() const noexcept;
  Clock& clock() const noexcept;

  /// Starts an actor; `co_await` resumes when its started() has completed and gives
  /// Result<LocalActorRef<A>>. Errors: AlreadyExists (a tracked id in use), ActorStartFailed,
  /// ActorUnavailable (the system is shutting down), Overloaded (ActorSystemBuilder::max_actors).
  template <int = 0, class A>
    requires std::derived_from<std::remove_cvref_t<A>, Actor>
  auto new_actor(ActorId id, A&& actor, ActorType type = ActorType::Tracked) const {
    detail::refuse_awaited_temporary<A>();
    using Plain = std::remove_cvref_t<A>;
    return detail::StartAwaiter<Plain>(
        detail::make_cell<Plain>(*core_, std::move(id), nullptr, type, std::forward<A>(actor)));
  }
  /// The same, built in place; tracked.
  template <class A, class... Args>
    requires std::constructible_from<A, Args...>
  auto new_actor(ActorId id, Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::StartAwaiter<A>(detail::make_cell<A>(
        *core_, std::move(id), nullptr, ActorType::Tracked, std::forward<Args>(args)...));
  }
  /// The same with a factory (see ActorContext::spawn), under the system's top_level_strategy;
  /// tracked.
  template <int = 0, class F>
    requires detail::MakesActor<F>
  auto new_actor(ActorId id, F&& factory) const {
    detail::refuse_awaited_temporary<F>();
    using Made = detail::MadeBy<F>;
    return detail::StartAwaiter<Made>(
        detail::make_cell_with<Made>(*core_, std::move(id), nullptr, ActorType::Tracked,
                                     std::forward<F>(factory), detail::top_level_strategy(*core_)));
  }
  template <int = 0, class A>
  auto new_tracked_actor(A&& actor) const {
    return new_actor(new_actor_id(), std::forward<A>(actor), ActorType::Tracked);
  }
  template <class A, class... Args>
    requires std::constructible_from<A, Args...>
  auto new_tracked_actor(Args&&... args) const {
    return new_actor<A>(new_actor_id(), std::forward<Args>(args)...);
  }
  template <int = 0, class A>
  auto new_anon_actor(A&& actor) const {
    return new_actor(ActorId(), std::forward<A>(actor), ActorType::Anonymous);
  }
  template <class A, class... Args>
    requires std::constructible_from<A, Args...>
  auto new_anon_actor(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::StartAwaiter<A>(detail::make_cell<A>(
        *core_, ActorId(), nullptr, ActorType::Anonymous, std::forward<Args>(args)...));
  }
  /// Starts an actor without waiting for its started().
  template <class A>
  auto new_actor_deferred(ActorId id, A&& actor, ActorType type = ActorType::Tracked) const {
    detail::refuse_awaited_temporary<A>();
    return detail::await_deferred<std::remove_cvref_t<A>>(
        deferred(std::move(id), std::forward<A>(actor), type));
  }
  /// For outside threads. NotSupported on a worker.
  template <class A>
  Result<LocalActorRef<std::remove_cvref_t<A>>> new_actor_blocking(
      ActorId id, A&& actor, ActorType type = ActorType::Tracked) const {
    if (scheduler().on_worker())
      return coerce::unexpected(
          ActorRefErr::NotSupported(std::move(id), "", "", "a blocking call on a worker"));
    return scheduler().block_on(new_actor(std::move(id), std::forward<A>(actor), type));
  }

  /// A running tracked actor; none if the id is unknown or belongs to another type.
  template <class A>
  std::optional<LocalActorRef<A>> get_tracked_actor(const ActorId& id) const {
    detail::Cell* cell = detail::find_tracked(*core_, id);
    if (cell == nullptr) return std::nullopt;
    return BoxedActorRef(detail::CellRef(cell)).template as_actor<A>();
  }
  /// Tracked actors, without those of extensions.
  std::size_t actor_count() const noexcept;
  /// Actors of any kind that have not ended, also those of extensions.
  std::size_t live_actor_count() const noexcept;
  /// Messages that nobody waited for and nobody handled.
  std::uint64_t dead_letter_count() const noexcept;
  /// Handlers and hooks that threw. The first hundred are logged.
  std::uint64_t failure_count() const noexcept;
  /// Lines below it are not logged; spdlog's own level holds besides.
  LogLevel log_level() const noexcept;
  void set_log_level(LogLevel level) const noexcept;
  /// Starts, ends, failures and dead letters, told to subscribers.
  EventStream events() const noexcept;
  Task<std::vector<DescribeResult>> describe_all(DescribeOptions options = {}) const;
  /// Which handlers await an answer of which actors, and who waits in a ring.
  Task<WaitGraph> wait_graph(WaitGraphOptions options = {}) const;

  /// The extension that was registered as an E, once it has started; null if there is none. Lives
  /// as long as the system. Reads a few words, takes no lock.
  template <std::derived_from<SystemExtension> E>
  E* extension() const noexcept {
    return static_cast<E*>(detail::find_extension(*core_, &detail::extension_key<E>));
  }
  /// Makes `extension` part of this system, found as an E (name a base class to be found as that).
  /// Errors: AlreadyExists (there is an E), NotSupported (it is part of a system, or there are 32),
  /// ActorUnavailable (the system is shutting down), ActorStartFailed (its started() threw).
  template <std::derived_from<SystemExtension> E>
  Result<void> extend(std::shared_ptr<E> extension) const {
    return extend(&detail::extension_key<E>, std::move(extension));
  }

  /// Ends the system in phases (ShutdownPhase) and says what did not end by the deadline, 100 ms
  /// later at the most: so long the questions to what is left may take. New actors are refused from
  /// the first call on. A phase that has others behind it may take half of the time that is left
  /// before they begin; it may end until the deadline.
  ///
  /// A later call waits for the one that is under way, and tries once more if that was incomplete.
  /// A spawned task that waits here is not asked to stop. A handler that waits here is: its actor
  /// stops like every other, so it gets an incomplete report that names itself, and the shutdown
  /// goes on.
  Task<ShutdownReport> shutdown(Duration deadline = std::chrono::seconds(30)) const;
  /// For outside threads. On a worker nothing is waited for: the report is incomplete.
  ShutdownReport shutdown_blocking(Duration deadline = std::chrono::seconds(30)) const;

  /// Starts a task of its own, asked to stop at shutdown. What it throws is logged. False: as many
  /// as max_spawned_tasks() allows have not ended; the task is destroyed, and that is logged too.
  bool spawn(Task<void> task) const { return scheduler().spawn(std::move(task)); }
  /// See Scheduler::block_on.
  template <Awaitable A>
  AwaitResult<A> block_on(A&& awaitable) const {
    return scheduler().block_on(std::forward<A>(awaitable));
  }

  /// Caller-driven systems only; see Scheduler.
  void run() const { scheduler().run(); }
  std::size_t run_for(Duration duration) const { return scheduler().run_for(duration); }
  std::size_t poll() const { return scheduler().poll(); }

  friend bool operator==(const ActorSystem&, const ActorSystem&) = default;

  detail::SystemCore& core() const noexcept { return *core_; }
  explicit ActorSystem(std::shared_ptr<detail::SystemCore> core) noexcept
      : core_(std::move(core)) {}

 private:
  template <class A>
  Result<LocalActorRef<std::remove_cvref_t<A>>> deferred(ActorId id, A&& actor,
                                                         ActorType type) const {
    using Plain = std::remove_cvref_t<A>;
    detail::Cell& cell =
        detail::make_cell<Plain>(*core_, std::move(id), nullptr, type, std::forward<A>(actor));
    if (auto error = detail::launch_deferred(cell)) return coerce::unexpected(std::move(*error));
    return LocalActorRef<Plain>(detail::CellRef(&cell));
  }

  Result<void> extend(const void* key, std::shared_ptr<SystemExtension> extension) const;

  std::shared_ptr<detail::SystemCore> core_;
};

/// Settings of a system that is to be. Setters throw std::invalid_argument that names the option.
class ActorSystemBuilder {
 public:
  /// Default: the environment's COERCE_ACTOR_SYSTEM, else the system's id.
  ActorSystemBuilder& system_name(std::string_view name);
  /// Default: the number of processors. 0: caller-driven. At most 48.
  ActorSystemBuilder& worker_threads(unsigned count);
  /// Default: the machine's. Must outlive the system.
  ActorSystemBuilder& clock(Clock& clock);
  /// Default: drawn at random. \pre not 0
  ActorSystemBuilder& seed(std::uint64_t seed);
  /// For tests: a caller-driven system, all of whose choices are drawn from its seed; see
  /// SchedulerOptions::shuffled. build() throws std::invalid_argument if worker_threads() asked for
  /// threads. Default: false.
  ActorSystemBuilder& shuffled(bool on);
  /// Messages that an actor handles or sends before others have their turn. With threads of its own
  /// the system prolongs the turn while its worker is not due to look around, 30 µs at the most.
  /// Default 64.
  ActorSystemBuilder& budget(unsigned messages);
  /// Tasks of spawn() that have not ended; more are refused. Default 1 048 576. \pre not 0
  ActorSystemBuilder& max_spawned_tasks(std::size_t count);
  /// Children of one actor, those attached to it included; more are refused with Overloaded.
  /// Default 1 048 576. \pre not 0
  ActorSystemBuilder& max_children(std::size_t count);
  /// Actors without a parent that have not ended; more are refused with Overloaded. One counts
  /// until all who wait for its end have been told. Those of extensions are not counted. Default
  /// 16 777 216. \pre not 0
  ActorSystemBuilder& max_actors(std::size_t count);
  /// Scheduled notifies that are due later, and Timers that tick, together. One more scheduled
  /// notify is a dead letter at once; one more Timer never ticks, and a dead letter is counted for
  /// it. The first refusal is logged. Not counted is what an actor or coroutine has one of: receive
  /// timeouts, restarts with back-off, sleeps, sends with a limit. Default 16 777 216. \pre not 0
  ActorSystemBuilder& max_timers(std::size_t count);
  /// A turn of an actor that keeps its worker for longer than this (of the system's clock) is told
  /// to subscribers of SlowHandler, and the first hundred go to the log. Another worker has to
  /// notice, by sampling: with one worker or none nothing is told, and it may take 0.3 s longer.
  /// Dedicated schedulers are not watched.
  /// Default 100 ms. 0: off.
  ActorSystemBuilder& slow_handler(Duration limit);
  /// For actors whose class has no `mailbox` of its own. Default: no bound.
  ActorSystemBuilder& mailbox(MailboxOptions options);
  /// See ActorSystem::log_level(). Default: Info.
  ActorSystemBuilder& log_level(LogLevel level) noexcept;
  /// For actors without a parent. Default: stop().
  ActorSystemBuilder& top_level_strategy(SupervisorStrategy strategy);
  /// Makes `extension` part of the system, found as an E (name a base class to be found as that).
  /// One of each type, 32 at the most. They start in the order of these calls.
  template <std::derived_from<SystemExtension> E>
  ActorSystemBuilder& extend(std::shared_ptr<E> extension) {
    return extend(&detail::extension_key<E>, std::move(extension));
  }
  /// Where the system's persistent actors keep their journals: a StorageProvider or a Persistence.
  /// Include <coerce/persistence.hpp>.
  template <class P>
    requires requires(P&& persistence) { make_extension(std::forward<P>(persistence)); }
  ActorSystemBuilder& with_persistence(P&& persistence) {
    return extend(make_extension(std::forward<P>(persistence)));
  }
  /// Once. Throws std::logic_error when called again, std::runtime_error for an extension that
  /// cannot be part of the system, and what the started() of an extension throws; those that had
  /// started are stopped then.
  ActorSystem build();

 private:
  ActorSystemBuilder& extend(const void* key, std::shared_ptr<SystemExtension> extension);

  SchedulerOptions scheduler_;
  MailboxOptions mailbox_;
  detail::SystemLimits limits_;
  SupervisorStrategy top_level_strategy_ = SupervisorStrategy::stop();
  LogLevel log_level_ = LogLevel::Info;
  Duration slow_handler_ = std::chrono::milliseconds(100);
  std::vector<std::pair<const void*, std::shared_ptr<SystemExtension>>> extensions_;
  std::string name_;
  bool built_ = false;
};

/// Runs `actor` with the id as a tracked actor, or anonymously without one.
template <class A>
auto into_actor(A&& actor, std::optional<ActorId> id, const ActorSystem& system) {
  const ActorType type = id ? ActorType::Tracked : ActorType::Anonymous;
  return system.new_actor(id ? std::move(*id) : ActorId(), std::forward<A>(actor), type);
}
/// The same, built in place.
template <class A, class... Args>
  requires std::constructible_from<A, Args...>
auto into_actor(std::optional<ActorId> id, const ActorSystem& system, Args&&... args) {
  detail::refuse_awaited_temporary<Args...>();
  const ActorType type = id ? ActorType::Tracked : ActorType::Anonymous;
  return detail::StartAwaiter<A>(detail::make_cell<A>(
      system.core(), id ? std::move(*id) : ActorId(), nullptr, type, std::forward<Args>(args)...));
}
template <class A>
auto into_anon_actor(A&& actor, std::optional<ActorId> id, const ActorSystem& system) {
  return system.new_actor(id ? std::move(*id) : ActorId(), std::forward<A>(actor),
                          ActorType::Anonymous);
}

/// A tracked actor with a fresh id on the global system.
template <class A>
auto new_actor(A&& actor) {
  return ActorSystem::global_system().new_tracked_actor(std::forward<A>(actor));
}
template <class A>
std::optional<LocalActorRef<A>> get_actor(const ActorId& id) {
  return ActorSystem::global_system().get_tracked_actor<A>(id);
}

// ---- the parts of ActorContext that need all of the above
// ----------------------------------------

template <class A>
LocalActorRef<A> ActorContext::actor_ref() const {
  return LocalActorRef<A>(detail::CellRef::share(cell()));
}
template <class A>
WeakActorRef<A> ActorContext::weak_ref() const {
  return WeakActorRef<A>(cell());
}

template <int, class F>
  requires detail::MakesActor<F>
auto ActorContext::spawn(ActorId id, F&& factory, SupervisorStrategy strategy) {
  detail::refuse_awaited_temporary<F>();
  using Made = detail::MadeBy<F>;
  return detail::StartAwaiter<Made>(
      detail::make_cell_with<Made>(*cell().system, std::move(id), &cell(), ActorType::Anonymous,
                                   std::forward<F>(factory), strategy));
}
template <int, class C>
  requires std::derived_from<std::remove_cvref_t<C>, Actor>
auto ActorContext::spawn(ActorId id, C&& child, const SupervisorStrategy& strategy) {
  detail::refuse_awaited_temporary<C>();
  using Plain = std::remove_cvref_t<C>;
  detail::Cell& made = detail::make_cell<Plain>(*cell().system, std::move(id), &cell(),
                                                ActorType::Anonymous, std::forward<C>(child));
  detail::supervise(made, strategy);
  return detail::StartAwaiter<Plain>(made);
}
template <int, class C>
  requires std::derived_from<std::remove_cvref_t<C>, Actor>
auto ActorContext::spawn(ActorId id, C&& child) {
  detail::refuse_awaited_temporary<C>();
  using Plain = std::remove_cvref_t<C>;
  return detail::StartAwaiter<Plain>(detail::make_cell<Plain>(
      *cell().system, std::move(id), &cell(), ActorType::Anonymous, std::forward<C>(child)));
}
template <class C, class... Args>
  requires std::constructible_from<C, Args...>
auto ActorContext::spawn(ActorId id, Args&&... args) {
  detail::refuse_awaited_temporary<Args...>();
  return detail::StartAwaiter<C>(detail::make_cell<C>(
      *cell().system, std::move(id), &cell(), ActorType::Anonymous, std::forward<Args>(args)...));
}
template <class F>
  requires detail::MakesActor<F>
Result<LocalActorRef<detail::MadeBy<F>>> ActorContext::spawn_deferred(ActorId id, F&& factory,
                                                                      SupervisorStrategy strategy) {
  detail::refuse_awaited_temporary<F>();
  using Made = detail::MadeBy<F>;
  detail::Cell& made =
      detail::make_cell_with<Made>(*cell().system, std::move(id), &cell(), ActorType::Anonymous,
                                   std::forward<F>(factory), strategy);
  if (auto error = detail::launch_deferred(made)) return coerce::unexpected(std::move(*error));
  return LocalActorRef<Made>(detail::CellRef(&made));
}
template <class C>
  requires std::derived_from<std::remove_cvref_t<C>, Actor>
Result<LocalActorRef<std::remove_cvref_t<C>>> ActorContext::spawn_deferred(ActorId id, C&& child) {
  detail::refuse_awaited_temporary<C>();
  using Plain = std::remove_cvref_t<C>;
  detail::Cell& made = detail::make_cell<Plain>(*cell().system, std::move(id), &cell(),
                                                ActorType::Anonymous, std::forward<C>(child));
  if (auto error = detail::launch_deferred(made)) return coerce::unexpected(std::move(*error));
  return LocalActorRef<Plain>(detail::CellRef(&made));
}

template <class C>
std::optional<LocalActorRef<C>> ActorContext::child_ref(const ActorId& id) const {
  detail::Cell* child = find_child(id);
  if (child == nullptr) return std::nullopt;
  return BoxedActorRef(detail::CellRef::share(*child)).template as_actor<C>();
}
template <class P>
std::optional<LocalActorRef<P>> ActorContext::parent() const {
  detail::Cell* parent = cell().parent;
  if (parent == nullptr) return std::nullopt;
  return BoxedActorRef(detail::CellRef::share(*parent)).template as_actor<P>();
}

}  // namespace coerce
