/// \file
/// A value that outlives its actor.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/message.hpp>
#include <coerce/codec/codec.hpp>
#include <coerce/persistence/detail/journal_session.hpp>
#include <coerce/persistence/journal_types.hpp>
#include <coerce/runtime/detail/guard.hpp>

namespace coerce {

namespace detail {

class ProjectionActor;

/// The part of a DurableState that knows no types. Keeps each revision as an event of its journal,
/// and deletes old ones now and then.
class StateJournal {
 public:
  StateJournal(std::string type, std::string persistence_id);

  /// Where actors of this type (the address of ActorCell<A>::kType) keep their journals, and not
  /// where the one does that loads it. Before load().
  void keep_where(const void* actor_type) noexcept { kept_where_ = actor_type; }

  /// Opens the journal and gives the latest revision; none: there has never been one.
  Task<PersistResult<std::optional<JournalEntry>>> load(Retry retry, ActorContext& context);
  Task<PersistResult<void>> store(Bytes bytes, PersistFailurePolicy policy, ActorContext& context);

  /// From now on nothing can be stored before it is loaded again.
  void close() noexcept { session_.reset(); }

  const std::string& type() const noexcept { return type_; }
  std::int64_t revision() const noexcept { return session_ ? session_->head() : 0; }

 private:
  Task<JournalResult<std::optional<JournalEntry>>> open_and_read(ActorContext& context);

  std::string type_;
  std::string persistence_id_;
  std::optional<const void*> kept_where_;
  std::unique_ptr<JournalSession> session_;
  std::uint32_t superseded_ = 0;  ///< revisions that can be deleted
};

}  // namespace detail

/// The latest value of an S, kept in a journal of its own; for an actor whose state is a value and
/// whose past is of no interest. A member of the actor:
///
///     coerce::DurableState<Settings> settings_{"Settings"};
///     Task<void> started(ActorContext& ctx) { auto loaded = co_await settings_.load(ctx); ... }
///
/// It is where the actor's class keeps its journals: see Persistence::actor_provider. Loading it
/// opens the journal: whoever had loaded it before, wherever it runs, gets Fenced at its
/// next set() and stops. Each set() is one more revision; it is durable, all of it or nothing, when
/// set() has returned ok. Used by the actor's own handlers and hooks only.
template <class S>
class DurableState {
  static_assert(Transmittable<S>, "coerce: a durable state needs a codec: see <coerce/codec.hpp>");

 public:
  /// `type`: the name of S in the journal; it must never change. Before the first set() the value
  /// is `initial`. `persistence_id`: by default the actor's id + "/" + type, with each '%' in the
  /// type as "%25" and each '/' as "%2F", so that no two states get the same.
  explicit DurableState(std::string_view type, S initial = S(),
                        std::string_view persistence_id = {})
      : journal_(std::string(type), std::string(persistence_id)), value_(std::move(initial)) {}

  /// Values that were once written under another `type`: `function(Old)` makes an S of each.
  template <class Old, class F>
    requires std::is_invocable_r_v<S, F&, Old>
  DurableState& upgrade(std::string_view type, F function) {
    older_.insert_or_assign(
        std::string(type), [function = std::move(function)](BytesView bytes) mutable -> Result<S> {
          Result<Old> old = decode_message<Old>(bytes, detail::limits_of_stored(bytes));
          if (!old) return coerce::unexpected(std::move(old.error()));
          return function(std::move(*old));
        });
    return *this;
  }

  /// Reads the latest revision. To be done once, before set(), in started() for instance. Errors:
  /// Storage (after the tries that `retry` allows; asked to stop: ActorStopping), Fenced,
  /// Serialisation (what is stored is no S), NotConfigured (the system has no store).
  Task<PersistResult<void>> load(
      ActorContext& context, Retry retry = Retry::until_success(Retry::kDefaultDelay).backoff()) {
    auto found = co_await journal_.load(retry, context);
    if (!found) co_return coerce::unexpected(std::move(found.error()));
    if (*found) {
      auto value = decode(**found);
      if (!value) {
        journal_.close();  // what cannot be read must not be written over
        co_return coerce::unexpected(
            PersistErr(PersistErr::Kind::Serialisation, value.error().to_string()));
      }
      value_ = std::move(*value);
    }
    co_return PersistResult<void>();
  }

  const S& value() const noexcept { return value_; }
  const S& operator*() const noexcept { return value_; }
  const S* operator->() const noexcept { return &value_; }
  /// How often it has been set; 0: never.
  std::int64_t revision() const noexcept { return journal_.revision(); }

  /// Writes a new value, which is the value once it is written. Errors as those of
  /// PersistentActor::persist.
  template <int = 0, class T>
    requires std::constructible_from<S, T&&>
  Task<PersistResult<void>> set(T&& value, ActorContext& context,
                                PersistFailurePolicy policy = {}) {
    detail::refuse_awaited_temporary<T>();
    return write(S(std::forward<T>(value)), context, policy);
  }

 private:
  Task<PersistResult<void>> write(S value, ActorContext& context, PersistFailurePolicy policy) {
    Result<Bytes> encoded = encode_message(value);
    if (!encoded)
      co_return coerce::unexpected(
          PersistErr(PersistErr::Kind::Serialisation, encoded.error().to_string()));
    auto written = co_await journal_.store(std::move(*encoded), policy, context);
    if (written) value_ = std::move(value);
    co_return written;
  }

  Result<S> decode(const JournalEntry& entry) {
    if (entry.payload_type == journal_.type())
      return decode_message<S>(entry.bytes, detail::limits_of_stored(entry.bytes));
    const auto older = older_.find(entry.payload_type);
    if (older != older_.end()) return older->second(entry.bytes);
    return coerce::unexpected(ActorRefErr::Deserialisation(
        "the stored state is of an unknown type: " + entry.payload_type));
  }

  friend class detail::ProjectionActor;

  detail::StateJournal journal_;
  S value_;
  std::map<std::string, std::function<Result<S>(BytesView)>, std::less<>> older_;
};

}  // namespace coerce
