/// \file
/// A persistent actor for the tests.

#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <coerce/persistence.hpp>

namespace bank {

struct Deposited {
  explicit Deposited(std::int64_t what = 0) : amount(what) {}
  std::int64_t amount;
};
struct Balance {
  explicit Balance(std::int64_t what = 0) : amount(what) {}
  std::int64_t amount;
};

struct Deposit {
  using Result = void;
  std::int64_t amount;
};
struct DepositAll {
  using Result = void;
  std::vector<std::int64_t> amounts{};
};
struct TakeSnapshot {
  using Result = void;
};
struct ClearOld {
  using Result = bool;
};
struct Explode {
  using Result = void;
};
struct GetBalance {
  using Result = std::int64_t;
};
struct GetSequence {
  using Result = std::int64_t;
};

}  // namespace bank

template <>
struct coerce::Codec<bank::Deposited>
    : coerce::MemberCodec<bank::Deposited, &bank::Deposited::amount> {};
template <>
struct coerce::Codec<bank::Balance> : coerce::MemberCodec<bank::Balance, &bank::Balance::amount> {};

namespace bank {

/// What the tests choose, and what the actor notes for them.
struct Notes {
  coerce::PersistFailurePolicy persisting{};
  coerce::RecoveryFailurePolicy recovering{};
  coerce::Recovery recovery = coerce::Recovery::Enabled;
  std::string key = "account";
  std::vector<std::string> hooks{};
  std::vector<coerce::PersistErr> errors{};
};

class Account : public coerce::PersistentActor<Account> {
 public:
  explicit Account(Notes& notes) : notes_(&notes) {}

  static void configure(coerce::JournalTypes<Account>& types) {
    types.message<Deposited>("Deposited").snapshot<Balance>("Balance");
  }
  std::string persistence_key(const coerce::ActorContext&) const { return notes_->key; }
  coerce::PersistFailurePolicy persist_failure_policy() const { return notes_->persisting; }
  coerce::RecoveryFailurePolicy recovery_failure_policy() const { return notes_->recovering; }
  coerce::Recovery recovery(const coerce::ActorContext&) const { return notes_->recovery; }

  void pre_recovery(coerce::ActorContext&) { note("pre_recovery"); }
  coerce::Task<void> post_recovery(coerce::ActorContext&) {
    note("post_recovery");
    co_return;
  }
  void on_recovery_err(const coerce::RecoveryErr& error, coerce::ActorContext&) {
    note("on_recovery_err " + std::string(to_string(error.kind())));
  }
  void on_recovery_failed(coerce::ActorContext&) { note("on_recovery_failed"); }
  void started(coerce::ActorContext&) { note("started"); }

  void recover(Deposited event, coerce::ActorContext&) { balance_ += event.amount; }
  coerce::Task<void> recover(Balance state, coerce::ActorContext&) {
    balance_ = state.amount;
    co_return;
  }

  coerce::Task<coerce::Result<void>> handle(Deposit message, coerce::ActorContext& ctx) {
    const auto persisted = co_await persist(Deposited(message.amount), ctx);
    if (!persisted) co_return failed(persisted.error());
    balance_ += message.amount;
    co_return coerce::Result<void>();
  }
  coerce::Task<coerce::Result<void>> handle(DepositAll message, coerce::ActorContext& ctx) {
    coerce::EventBatch batch = event_batch(ctx);
    std::int64_t sum = 0;
    for (const std::int64_t amount : message.amounts) {
      batch.message(Deposited(amount)).tag("deposits");
      sum += amount;
    }
    const auto persisted = co_await persist_batch(std::move(batch), ctx);
    if (!persisted) co_return failed(persisted.error());
    balance_ += sum;
    co_return coerce::Result<void>();
  }
  coerce::Task<coerce::Result<void>> handle(TakeSnapshot, coerce::ActorContext& ctx) {
    const auto written = co_await snapshot(Balance(balance_), ctx);
    if (!written) co_return failed(written.error());
    co_return coerce::Result<void>();
  }
  coerce::Task<coerce::Result<bool>> handle(ClearOld, coerce::ActorContext& ctx) {
    const auto cleared = co_await clear_old_messages(ctx);
    if (!cleared) co_return failed(cleared.error());
    co_return *cleared;
  }
  void handle(Explode, coerce::ActorContext&) { throw std::runtime_error("exploded"); }
  std::int64_t handle(GetBalance, coerce::ActorContext&) const { return balance_; }
  std::int64_t handle(GetSequence, coerce::ActorContext& ctx) const {
    return last_sequence_id(ctx);
  }

 private:
  void note(std::string what) { notes_->hooks.push_back(std::move(what)); }
  tl::unexpected<coerce::ActorRefErr> failed(const coerce::PersistErr& error) {
    notes_->errors.push_back(error);
    return coerce::unexpected(coerce::ActorRefErr::HandlerFailed(error.to_string()));
  }

  Notes* notes_;
  std::int64_t balance_ = 0;
};

}  // namespace bank
