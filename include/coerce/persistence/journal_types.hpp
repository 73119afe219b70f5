/// \file
/// The types of an actor's events and snapshots, and their names in the journal.

#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <coerce/actor/context.hpp>
#include <coerce/codec/codec.hpp>

namespace coerce {

namespace detail {

/// What has become of an entry that was given to its actor.
struct Applied {
  std::optional<ActorRefErr> undecodable{};
  std::optional<Task<void>> rest{};  ///< of a recover() that is a coroutine
};

/// Gives an entry of one identifier to the actor.
using ApplyEntry = std::function<Applied(void* actor, BytesView bytes, ActorContext& context)>;

/// Its address stands for the type.
template <class T>
inline constexpr char kJournalTypeKey = 0;

class JournalTypeTable {
 public:
  /// Throws std::invalid_argument if the identifier is empty, too long or taken.
  void add(std::string_view identifier, ApplyEntry apply);
  /// Entries of this type are written under that identifier. Throws std::invalid_argument if the
  /// type has one.
  void name_event(const void* type, std::string_view identifier);
  void name_snapshot(const void* type, std::string_view identifier);

  /// Null: not registered.
  const ApplyEntry* find(std::string_view identifier) const;
  const std::string* event_name(const void* type) const { return name_in(event_names_, type); }
  const std::string* snapshot_name(const void* type) const {
    return name_in(snapshot_names_, type);
  }

 private:
  using Names = std::unordered_map<const void*, std::string>;
  static void give_name(Names& names, const void* type, std::string_view identifier);
  static const std::string* name_in(const Names& names, const void* type);

  std::map<std::string, ApplyEntry, std::less<>> entries_;
  Names event_names_;
  Names snapshot_names_;
};

template <class A, class T>
concept RecoversExactly =
    requires(A& actor, Exactly<T> value, ActorContext& context) { actor.recover(value, context); };

}  // namespace detail

/// A has a `recover(T, ActorContext&)` that returns void or Task<void>.
template <class A, class T>
concept Recovers = detail::RecoversExactly<A, T>;

/// Filled by the actor's `configure`, once in a process. The identifiers are what stands in the
/// journal: they must never change, while the C++ types may be renamed. Throws
/// std::invalid_argument that names the identifier if it is used twice, empty or over 256 bytes.
template <class A>
class JournalTypes {
 public:
  /// Events of type M are written as `identifier`, and given to `recover(M, ctx)`.
  template <class M>
  JournalTypes& message(std::string_view identifier) {
    add<M>(identifier);
    table_.name_event(&detail::kJournalTypeKey<M>, identifier);
    return *this;
  }
  /// The same for snapshots.
  template <class S>
  JournalTypes& snapshot(std::string_view identifier) {
    add<S>(identifier);
    table_.name_snapshot(&detail::kJournalTypeKey<S>, identifier);
    return *this;
  }
  /// Events or snapshots that were once written as `identifier`, of a type that is written no
  /// longer: `function(Old)` makes of each what the actor recovers today. It may return a Result;
  /// an error is that of an entry that cannot be decoded.
  template <class Old, class F>
    requires std::invocable<F&, Old>
  JournalTypes& upgrade(std::string_view identifier, F function) {
    using New = typename detail::WithoutResult<std::invoke_result_t<F&, Old>>::type;
    check<Old, New>();
    table_.add(identifier, [function = std::move(function)](void* actor, BytesView bytes,
                                                            ActorContext& context) mutable {
      Result<Old> old = Codec<Old>::decode(bytes);
      if (!old) return detail::Applied{std::move(old.error())};
      Result<New> current = function(std::move(*old));
      if (!current) return detail::Applied{std::move(current.error())};
      return recover(*static_cast<A*>(actor), std::move(*current), context);
    });
    return *this;
  }

  const detail::JournalTypeTable& table() const noexcept { return table_; }

 private:
  template <class Encoded, class Recovered>
  static constexpr void check() {
    static_assert(
        requires(BytesView bytes) { Codec<Encoded>::decode(bytes); },
        "coerce: a type that goes into a journal needs a Codec: see <coerce/codec.hpp>");
    static_assert(Recovers<A, Recovered>,
                  "coerce: the actor has no public recover(T, ActorContext&) for this type");
  }

  template <class T>
  void add(std::string_view identifier) {
    check<T, T>();
    table_.add(identifier, [](void* actor, BytesView bytes, ActorContext& context) {
      Result<T> value = Codec<T>::decode(bytes);
      if (!value) return detail::Applied{std::move(value.error())};
      return recover(*static_cast<A*>(actor), std::move(*value), context);
    });
  }

  template <class T>
  static detail::Applied recover(A& actor, T&& value, ActorContext& context) {
    detail::Applied applied;
    using Returned = decltype(actor.recover(std::move(value), context));
    if constexpr (detail::is_task<Returned>)
      applied.rest.emplace(actor.recover(std::move(value), context));
    else
      actor.recover(std::move(value), context);
    return applied;
  }

  detail::JournalTypeTable table_;
};

}  // namespace coerce
