/// \file
/// What a persistent actor learns when its state cannot be written or recovered.

#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/persistence/journal_err.hpp>

namespace coerce {

enum class PersistErrKind : std::uint8_t {
  /// Not written: the store cannot be reached, refuses or is corrupt, or a limit passed that the
  /// handler had set.
  Storage,
  Serialisation,  ///< not written: the event has no bytes, or its type is not registered
  Conflict,       ///< not written: the journal does not end where this actor thinks. It stops
  Fenced,         ///< not written: a newer owner has the journal. The actor stops
  /// Perhaps written, and that cannot be found out; or written when a limit of the handler had
  /// passed. The actor stops.
  Unknown,
  ActorStopping,  ///< not written, and the actor is about to stop
  NotConfigured,  ///< the system has no store, or the actor has not recovered
};

std::string_view to_string(PersistErrKind kind) noexcept;

/// Why an event or a snapshot is not, or perhaps not, in the journal.
class [[nodiscard]] PersistErr {
 public:
  using Kind = PersistErrKind;

  explicit PersistErr(Kind kind, std::string detail = {})
      : kind_(kind), detail_(std::move(detail)) {}

  Kind kind() const noexcept { return kind_; }
  const std::string& detail() const noexcept { return detail_; }
  std::string to_string() const;

  friend bool operator==(const PersistErr&, const PersistErr&) = default;

 private:
  Kind kind_;
  std::string detail_;
};

template <class T>
using PersistResult = Result<T, PersistErr>;

/// Thrown out of a handler whose event could not be written under PersistFailurePolicy::fail().
class PersistFailed : public std::runtime_error {
 public:
  explicit PersistFailed(const PersistErr& error)
      : std::runtime_error(error.to_string()), error_(error) {}
  const PersistErr& error() const noexcept { return error_; }

 private:
  PersistErr error_;
};

enum class RecoveryErrKind : std::uint8_t {
  Journal,          ///< the store failed: see journal_error()
  UnknownType,      ///< an entry of a type that is not registered
  Deserialisation,  ///< an entry that its type cannot be made from
  Gap,              ///< an event is missing between the snapshot, or the beginning, and the head
  Rejected,         ///< the actor's own recover() threw
  NotConfigured,    ///< the system has no store, or configure() is wrong
  ActorStopping,    ///< the actor was asked to stop meanwhile
};

std::string_view to_string(RecoveryErrKind kind) noexcept;

/// Why an actor's state could not be recovered.
class [[nodiscard]] RecoveryErr {
 public:
  using Kind = RecoveryErrKind;

  explicit RecoveryErr(Kind kind, std::string detail = {})
      : kind_(kind), detail_(std::move(detail)) {}
  RecoveryErr(JournalErr error)
      : kind_(Kind::Journal), detail_(error.to_string()), journal_(std::move(error)) {}

  Kind kind() const noexcept { return kind_; }
  const std::string& detail() const noexcept { return detail_; }
  const std::optional<JournalErr>& journal_error() const noexcept { return journal_; }
  /// May the same recovery succeed later?
  bool may_pass() const noexcept;
  std::string to_string() const;

 private:
  Kind kind_;
  std::string detail_;
  std::optional<JournalErr> journal_;
};

/// Thrown out of the start of an actor that could not be recovered under
/// RecoveryFailurePolicy::fail().
class RecoveryFailed : public std::runtime_error {
 public:
  explicit RecoveryFailed(const RecoveryErr& error)
      : std::runtime_error("recovery failed: " + error.to_string()), error_(error) {}
  const RecoveryErr& error() const noexcept { return error_; }

 private:
  RecoveryErr error_;
};

}  // namespace coerce
