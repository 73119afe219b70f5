/// \file
/// How an actor gets its state back.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <coerce/actor/context.hpp>
#include <coerce/persistence/detail/journal_session.hpp>
#include <coerce/persistence/persist_err.hpp>
#include <coerce/persistence/persistence.hpp>
#include <coerce/persistence/policy.hpp>

namespace coerce::detail {

/// An actor that is to be recovered. Owner only.
class Recoverable {
 public:
  Recoverable() = default;
  Recoverable(const Recoverable&) = delete;
  Recoverable& operator=(const Recoverable&) = delete;

  /// Calls the actor's configure() if it was not called before, and throws what that throws.
  virtual void configure() const = 0;
  virtual bool knows(std::string_view identifier) const = 0;
  /// Gives an entry to the actor, or the error with which it cannot be decoded. What is left of it
  /// is to be awaited. Throws what the actor's recover() throws.
  virtual Result<std::optional<Task<void>>> apply(const JournalEntry& entry,
                                                  ActorContext& context) = 0;
  virtual std::string persistence_id(const ActorContext& context) const = 0;
  virtual RecoveryFailurePolicy policy() const = 0;
  virtual bool reads_history(const ActorContext& context) const = 0;
  virtual void opened(std::unique_ptr<JournalSession> session) noexcept = 0;
  virtual Task<void> pre_recovery(ActorContext& context) = 0;
  virtual Task<void> post_recovery(ActorContext& context) = 0;
  virtual Task<void> on_recovery_err(const RecoveryErr& error, ActorContext& context) = 0;
  virtual Task<void> on_recovery_failed(ActorContext& context) = 0;

 protected:
  ~Recoverable() = default;
};

/// Opens the journal, reads the history, gives it to the actor. False: the actor has been asked to
/// stop. Throws RecoveryFailed, and what the hooks throw.
Task<bool> recover(Recoverable& recoverable, ActorContext& context);

}  // namespace coerce::detail
