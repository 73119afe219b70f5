/// \file
/// Actors whose state is what their events made of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <coerce/actor/system.hpp>
#include <coerce/persistence/detail/recovery.hpp>
#include <coerce/persistence/event_batch.hpp>
#include <coerce/persistence/journal_types.hpp>
#include <coerce/persistence/policy.hpp>
#include <coerce/runtime/detail/guard.hpp>

namespace coerce {

namespace detail {

struct PersistentAccess;

/// Belongs to one instance of an actor: a copy or what an instance is moved to begins without.
struct SessionOfInstance {
  SessionOfInstance() = default;
  SessionOfInstance(const SessionOfInstance&) noexcept {}
  SessionOfInstance& operator=(const SessionOfInstance&) noexcept { return *this; }

  std::unique_ptr<JournalSession> session;
};

template <class T>
Task<PersistResult<T>> refuse_to_persist(PersistErr error) {
  co_return PersistResult<T>(coerce::unexpected(std::move(error)));
}

}  // namespace detail

/// Does an actor read its history when it starts?
enum class Recovery : std::uint8_t {
  Enabled,
  Disabled,  ///< it opens its journal and begins with an empty state behind the last event
};

/// The base of an actor that keeps its events in a journal: what is persisted outlives it, and when
/// it starts again, under the same persistence key, it is given its latest snapshot and all events
/// since, each to a `recover(T, ActorContext&)`, before its started() and its first message.
///
/// `Self` has a `static void configure(JournalTypes<Self>&)` that names the types of its events and
/// snapshots. It may have these hooks, plain or coroutines: pre_recovery(ctx), post_recovery(ctx),
/// on_recovery_err(const RecoveryErr&, ctx) for each try that failed, on_recovery_failed(ctx) when
/// there is no further one (but not when the actor was asked to stop meanwhile); and members that
/// replace those below: persistence_key, recovery_failure_policy, persist_failure_policy, recovery,
/// snapshots_kept.
///
/// Ownership is opened: whoever starts last under a key is the only one who can write; an earlier
/// instance, wherever it runs, gets Fenced at its next write and stops. Under a supervisor that
/// restarts it, the new instance recovers like a new actor.
///
/// What is awaited here is done one after the other, in order. An event is in the journal, durably,
/// when persist() has returned ok; change the state then, not before. While the store cannot be
/// reached the handler waits as its PersistFailurePolicy says; an actor that is asked to stop
/// meanwhile gets ActorStopping.
///
/// Below a limit, as in `with_timeout(persist(event, ctx), 1s)`, or as a branch of when_any that
/// another one beats: when it passes, a write that waits for its turn or for another try is given
/// up and nothing is written. One that the store has begun is not cut off, and with_timeout waits
/// for it; if it is written, or that cannot be found out, the actor stops (Unknown), since the
/// handler only sees Timeout and its state would lack an event that the journal has.
template <class Self>
class PersistentActor : public Actor {
 public:
  /// Names the journal. Default: the actor's id.
  std::string persistence_key(const ActorContext& context) const { return context.id().str(); }
  RecoveryFailurePolicy recovery_failure_policy() const { return {}; }
  PersistFailurePolicy persist_failure_policy() const { return {}; }
  Recovery recovery(const ActorContext&) const { return Recovery::Enabled; }
  /// How many of the newest snapshots are kept when one is written; 1 at least.
  std::size_t snapshots_kept() const { return 1; }

 protected:
  PersistentActor() = default;

  /// Writes an event. Errors: see PersistErr; under PersistFailurePolicy::fail() it throws
  /// PersistFailed instead of returning Storage. After Conflict, Fenced and Unknown the actor stops
  /// when the handler has returned.
  template <int = 0, class E>
  Task<PersistResult<void>> persist(E&& event, ActorContext& context) {
    detail::refuse_awaited_temporary<E>();
    EventBatch batch = event_batch(context);
    batch.message(event);
    return persist_batch(std::move(batch), context);
  }
  /// The same, built in place.
  template <class E, class... Args>
    requires std::constructible_from<E, Args...>
  Task<PersistResult<void>> persist(ActorContext& context, Args&&... args) {
    detail::refuse_awaited_temporary<Args...>();
    EventBatch batch = event_batch(context);
    batch.message(E(std::forward<Args>(args)...));
    return persist_batch(std::move(batch), context);
  }

  /// Events to be written together.
  EventBatch event_batch(const ActorContext&) const { return EventBatch(&table().names()); }
  /// Writes all events of the batch or none. An empty one is ok and writes nothing.
  Task<PersistResult<void>> persist_batch(EventBatch batch, ActorContext& context) {
    if (batch.error()) return detail::refuse_to_persist<void>(*batch.error());
    if (!of_instance_.session) return detail::refuse_to_persist<void>(not_recovered());
    return of_instance_.session->append(std::move(batch).take(), self().persist_failure_policy(),
                                        context);
  }

  /// Writes the state as it is after the last event, so that a recovery need not read those before.
  template <int = 0, class S>
  Task<PersistResult<void>> snapshot(S&& state, ActorContext& context) {
    detail::refuse_awaited_temporary<S>();
    if (!of_instance_.session) return detail::refuse_to_persist<void>(not_recovered());
    EventBatch batch = event_batch(context);
    batch.message(state);
    if (batch.error()) return detail::refuse_to_persist<void>(*batch.error());
    JournalEntry entry = std::move(std::move(batch).take().front());
    entry.sequence = of_instance_.session->head();  // now: it says nothing of later events
    return of_instance_.session->write_snapshot(std::move(entry), self().snapshots_kept(),
                                                self().persist_failure_policy(), context);
  }

  /// The sequence of the last event; 0: none.
  std::int64_t last_sequence_id(const ActorContext&) const noexcept {
    return of_instance_.session ? of_instance_.session->head() : 0;
  }
  /// Events of this journal with from <= sequence < to, as they are stored; as many as
  /// PersistenceOptions::read_bytes allows, one at least if there is one. Read on behind the last.
  Task<PersistResult<std::vector<JournalEntry>>> read_messages(std::int64_t from, std::int64_t to,
                                                               ActorContext& context) {
    using Entries = std::vector<JournalEntry>;
    if (!of_instance_.session) return detail::refuse_to_persist<Entries>(not_recovered());
    return of_instance_.session->read(from, to, detail::read_bytes(context));
  }
  /// Deletes the events that the latest snapshot includes. False: there is no snapshot.
  Task<PersistResult<bool>> clear_old_messages(ActorContext& context) {
    if (!of_instance_.session) return detail::refuse_to_persist<bool>(not_recovered());
    return of_instance_.session->clear_old_events(self().persist_failure_policy(), context);
  }

 private:
  friend struct detail::PersistentAccess;

  Self& self() noexcept { return static_cast<Self&>(*this); }
  static PersistErr not_recovered() {
    return PersistErr(PersistErr::Kind::NotConfigured, "the actor has not been recovered");
  }
  /// Throws what configure() throws; the first use is in the recovery.
  static const typename JournalTypes<Self>::Table& table() {
    static const JournalTypes<Self> types = [] {
      JournalTypes<Self> made;
      Self::configure(made);
      made.table().check();
      return made;
    }();
    return types.table();
  }

  detail::SessionOfInstance of_instance_;
};

namespace detail {

template <class A>
class RecoverableActor final : public Recoverable {
 public:
  explicit RecoverableActor(A& actor) noexcept : actor_(actor) {}

  void configure() const override;
  bool knows(std::string_view identifier) const override;
  Result<std::optional<Task<void>>> apply(const JournalEntry& entry,
                                          ActorContext& context) override;
  std::string persistence_id(const ActorContext& context) const override {
    return actor_.persistence_key(context);
  }
  RecoveryFailurePolicy policy() const override { return actor_.recovery_failure_policy(); }
  bool reads_history(const ActorContext& context) const override {
    return actor_.recovery(context) == coerce::Recovery::Enabled;
  }
  void opened(std::unique_ptr<JournalSession> session) noexcept override;

  Task<void> pre_recovery(ActorContext& context) override {
    if constexpr (requires { actor_.pre_recovery(context); }) {
      if constexpr (is_task<decltype(actor_.pre_recovery(context))>)
        co_await actor_.pre_recovery(context);
      else
        actor_.pre_recovery(context);
    }
    co_return;
  }
  Task<void> post_recovery(ActorContext& context) override {
    if constexpr (requires { actor_.post_recovery(context); }) {
      if constexpr (is_task<decltype(actor_.post_recovery(context))>)
        co_await actor_.post_recovery(context);
      else
        actor_.post_recovery(context);
    }
    co_return;
  }
  Task<void> on_recovery_err(const RecoveryErr& error, ActorContext& context) override {
    if constexpr (requires { actor_.on_recovery_err(error, context); }) {
      if constexpr (is_task<decltype(actor_.on_recovery_err(error, context))>)
        co_await actor_.on_recovery_err(error, context);
      else
        actor_.on_recovery_err(error, context);
    }
    co_return;
  }
  Task<void> on_recovery_failed(ActorContext& context) override {
    if constexpr (requires { actor_.on_recovery_failed(context); }) {
      if constexpr (is_task<decltype(actor_.on_recovery_failed(context))>)
        co_await actor_.on_recovery_failed(context);
      else
        actor_.on_recovery_failed(context);
    }
    co_return;
  }

 private:
  A& actor_;
};

struct PersistentAccess {
  template <class A>
  static const typename JournalTypes<A>::Table& table() {
    return PersistentActor<A>::table();
  }
  template <class A>
  static std::unique_ptr<JournalSession>& session(PersistentActor<A>& actor) noexcept {
    return actor.of_instance_.session;
  }
};

template <class A>
void RecoverableActor<A>::configure() const {
  (void)PersistentAccess::table<A>();
}
template <class A>
bool RecoverableActor<A>::knows(std::string_view identifier) const {
  return PersistentAccess::table<A>().knows(identifier);
}
template <class A>
Result<std::optional<Task<void>>> RecoverableActor<A>::apply(const JournalEntry& entry,
                                                             ActorContext& context) {
  RecoverSink<A> sink(actor_, context);
  return PersistentAccess::table<A>().decode(entry.payload_type, entry.bytes, sink,
                                             limits_of_stored(entry.bytes));
}
template <class A>
void RecoverableActor<A>::opened(std::unique_ptr<JournalSession> session) noexcept {
  PersistentAccess::session<A>(actor_) = std::move(session);
}

template <class A>
  requires std::derived_from<A, PersistentActor<A>>
struct Preparation<A> {
  static Task<bool> prepare(A& actor, ActorContext& context) {
    RecoverableActor<A> recoverable(actor);
    co_return co_await recover(recoverable, context);
  }
};

}  // namespace detail
}  // namespace coerce
