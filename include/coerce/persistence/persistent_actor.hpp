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
/// there is no further one; and members that replace those below: persistence_key,
/// recovery_failure_policy, persist_failure_policy, recovery, snapshots_kept.
///
/// Ownership is opened: whoever starts last under a key is the only one who can write; an earlier
/// instance, wherever it runs, gets Fenced at its next write and stops. Under a supervisor that
/// restarts it, the new instance recovers like a new actor.
///
/// What is awaited here is done one after the other, in order. An event is in the journal, durably,
/// when persist() has returned ok; change the state then, not before. While the store cannot be
/// reached the handler waits as its PersistFailurePolicy says; an actor that is asked to stop
/// meanwhile gets ActorStopping.
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
  EventBatch event_batch(const ActorContext&) const { return EventBatch(&table()); }
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
    using Plain = std::remove_cvref_t<S>;
    if (!of_instance_.session) return detail::refuse_to_persist<void>(not_recovered());
    const std::string* name = table().snapshot_name(&detail::kJournalTypeKey<Plain>);
    if (name == nullptr)
      return detail::refuse_to_persist<void>(
          PersistErr(PersistErr::Kind::Serialisation,
                     std::string(type_name_of<Plain>()) + " is not registered as a snapshot"));
    JournalEntry entry;
    entry.payload_type = *name;
    const Result<void> encoded = Codec<Plain>::encode(state, entry.bytes);
    if (!encoded)
      return detail::refuse_to_persist<void>(
          PersistErr(PersistErr::Kind::Serialisation, encoded.error().to_string()));
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
  static const detail::JournalTypeTable& table() {
    static const JournalTypes<Self> types = [] {
      JournalTypes<Self> made;
      Self::configure(made);
      return made;
    }();
    return types.table();
  }

  detail::SessionOfInstance of_instance_;
};

namespace detail {

/// Calls a hook that is plain or a coroutine.
template <class F>
Task<void> hook_task(F hook) {
  if constexpr (is_task<decltype(hook())>)
    co_await hook();
  else
    hook();
}

template <class A>
class RecoverableActor final : public Recoverable {
 public:
  explicit RecoverableActor(A& actor) noexcept : actor_(actor) {}

  const void* actor_key() const noexcept override { return &kPersistentActorKey<A>; }
  void* actor() noexcept override { return &actor_; }
  const JournalTypeTable& types() const override;
  std::string persistence_id(const ActorContext& context) const override {
    return actor_.persistence_key(context);
  }
  RecoveryFailurePolicy policy() const override { return actor_.recovery_failure_policy(); }
  bool reads_history(const ActorContext& context) const override {
    return actor_.recovery(context) == coerce::Recovery::Enabled;
  }
  void opened(std::unique_ptr<JournalSession> session) noexcept override;

  Task<void> pre_recovery(ActorContext& context) override {
    if constexpr (requires { actor_.pre_recovery(context); })
      return hook_task([&] { return actor_.pre_recovery(context); });
    else
      return hook_task([] {});
  }
  Task<void> post_recovery(ActorContext& context) override {
    if constexpr (requires { actor_.post_recovery(context); })
      return hook_task([&] { return actor_.post_recovery(context); });
    else
      return hook_task([] {});
  }
  Task<void> on_recovery_err(const RecoveryErr& error, ActorContext& context) override {
    if constexpr (requires { actor_.on_recovery_err(error, context); })
      return hook_task([&] { return actor_.on_recovery_err(error, context); });
    else
      return hook_task([] {});
  }
  Task<void> on_recovery_failed(ActorContext& context) override {
    if constexpr (requires { actor_.on_recovery_failed(context); })
      return hook_task([&] { return actor_.on_recovery_failed(context); });
    else
      return hook_task([] {});
  }

 private:
  A& actor_;
};

struct PersistentAccess {
  template <class A>
  static const JournalTypeTable& table() {
    return PersistentActor<A>::table();
  }
  template <class A>
  static std::unique_ptr<JournalSession>& session(PersistentActor<A>& actor) noexcept {
    return actor.of_instance_.session;
  }
};

template <class A>
const JournalTypeTable& RecoverableActor<A>::types() const {
  return PersistentAccess::table<A>();
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
