/// \file
/// The types of an actor's events and snapshots, and their names in the journal.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/context.hpp>
#include <coerce/codec/type_table.hpp>
#include <coerce/persistence/journal.hpp>

namespace coerce {

namespace detail {

template <class A, class T>
concept RecoversExactly =
    requires(A& actor, Exactly<T> value, ActorContext& context) { actor.recover(value, context); };

/// For what comes from a journal, which has limits of its own: what is there may be decoded.
inline CodecLimits limits_of_stored(BytesView bytes) noexcept {
  return {.max_bytes = bytes.size(), .max_elements = bytes.size()};
}

/// Throws std::invalid_argument.
void check_journal_identifier(std::string_view identifier);

/// Gives what was decoded to its actor.
template <class A>
class RecoverSink {
 public:
  /// What is left of a recover() that is a coroutine.
  using Answer = std::optional<Task<void>>;

  RecoverSink(A& actor, ActorContext& context) noexcept : actor_(actor), context_(context) {}

  template <class T>
    requires RecoversExactly<A, T>
  Answer accept(T value) {
    if constexpr (is_task<decltype(actor_.recover(std::move(value), context_))>) {
      return recover(actor_, std::move(value), context_);
    } else {
      actor_.recover(std::move(value), context_);
      return std::nullopt;
    }
  }

 private:
  /// Keeps the value until the actor has done with it, which may take it by reference.
  template <class T>
  static Task<void> recover(A& actor, T value, ActorContext& context) {
    co_await actor.recover(std::move(value), context);
  }

  A& actor_;
  ActorContext& context_;
};

}  // namespace detail

/// A has a `recover(T, ActorContext&)` that returns void or Task<void>.
template <class A, class T>
concept Recovers = detail::RecoversExactly<A, T>;

/// Filled by the actor's `configure`, once in a process. The identifiers are what stands in the
/// journal: they must never change, while the C++ types may be renamed. Each type has one.
///
/// Throws std::invalid_argument that names the identifier if it or its type is there already, if it
/// is empty or over 256 bytes, or if upgrades go round in a circle.
template <class A>
class JournalTypes {
 public:
  /// Events of type M are written as `identifier`, and given to `recover(M, ctx)`.
  template <class M>
  JournalTypes& message(std::string_view identifier) {
    return current<M>(identifier);
  }
  /// The same for snapshots.
  template <class S>
  JournalTypes& snapshot(std::string_view identifier) {
    return current<S>(identifier);
  }
  /// Events or snapshots that were once written as `identifier`, of a type that is written no
  /// longer: `function(Old)` makes of each what came after it, which the actor recovers or which is
  /// upgraded in turn. It may return a Result; an error, or what it throws, is that of an entry
  /// that cannot be decoded.
  template <class Old, class F>
    requires std::invocable<const F&, Old>
  JournalTypes& upgrade(std::string_view identifier, F function) {
    detail::check_journal_identifier(identifier);
    table_.template upgrade<Old>(std::string(identifier), std::move(function));
    return *this;
  }

  using Table = TypeTable<detail::RecoverSink<A>>;
  const Table& table() const noexcept { return table_; }

 private:
  template <class T>
  JournalTypes& current(std::string_view identifier) {
    static_assert(Recovers<A, T>,
                  "coerce: the actor has no public recover(T, ActorContext&) for this type");
    detail::check_journal_identifier(identifier);
    table_.template type<T>(std::string(identifier));
    return *this;
  }

  Table table_;
};

}  // namespace coerce
