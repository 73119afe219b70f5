/// \file
/// The actors of the bank.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/persistence.hpp>

#include "events.hpp"

namespace bank {

constexpr std::string_view account_prefix = "account/";  ///< of the names of accounts' journals
constexpr std::string_view mark_journal = "bank/mark";
constexpr std::string_view mark_type = "Mark";

/// Transfers that may be under way or not yet marked at a time: what an account has to remember.
constexpr std::size_t max_batch = 4'096;

/// Takes the amount of a transfer out of the account, or refuses it. Asked again, it gives the same
/// answer and changes nothing.
struct Withdraw {
  using Result = Decision;
  std::int64_t transfer;
  std::int64_t amount;
  std::int64_t settled;  ///< transfers up to this one will not come again
};
/// Adds the amount of a transfer to the account. Asked again, it changes nothing.
struct Deposit {
  using Result = void;
  std::int64_t transfer;
  std::int64_t amount;
  std::int64_t settled;
};
struct GetBalance {
  using Result = std::int64_t;
};

/// An account. What it has decided on a transfer is in its journal before anybody hears of it, and
/// is remembered until the transfer is known to be settled, so each transfer takes effect once
/// however often it comes. An account is either end of a transfer, never both, so the transfer's
/// number suffices as the key.
class Account : public coerce::PersistentActor<Account> {
 public:
  explicit Account(std::string name) : name_(std::move(name)) {}

  static void configure(coerce::JournalTypes<Account>& types);

  std::string persistence_key(const coerce::ActorContext&) const {
    return std::string(account_prefix) + name_;
  }

  void recover(Opened event, coerce::ActorContext&) { state_.balance = event.balance; }
  void recover(Withdrawn event, coerce::ActorContext&) { apply(event); }
  void recover(Refused event, coerce::ActorContext&) { apply(event); }
  void recover(Deposited event, coerce::ActorContext&) { apply(event); }
  void recover(AccountState snapshot, coerce::ActorContext&) { state_ = std::move(snapshot); }
  coerce::Task<void> started(coerce::ActorContext& ctx);

  coerce::Task<coerce::Result<Decision>> handle(Withdraw message, coerce::ActorContext& ctx);
  coerce::Task<coerce::Result<void>> handle(Deposit message, coerce::ActorContext& ctx);
  std::int64_t handle(GetBalance, coerce::ActorContext&) const { return state_.balance; }

 private:
  /// What has been decided on a transfer; none: it is a new one. An error: it cannot be known.
  coerce::Result<std::optional<Decision>> decided(std::int64_t transfer, std::int64_t settled);
  template <class Event>
  coerce::Task<coerce::Result<void>> write(Event event, coerce::ActorContext& ctx);

  void apply(const Withdrawn& event);
  void apply(const Refused& event);
  void apply(const Deposited& event);

  std::string name_;
  AccountState state_;
};

struct SetMark {
  using Result = void;
  std::int64_t transfer;
};
struct GetMark {
  using Result = std::int64_t;
};

/// Keeps how far the file is settled.
class Progress : public coerce::Actor {
 public:
  coerce::Task<void> started(coerce::ActorContext& ctx);
  coerce::Task<coerce::Result<void>> handle(SetMark message, coerce::ActorContext& ctx);
  std::int64_t handle(GetMark, coerce::ActorContext&) const { return mark_->transfer; }

 private:
  coerce::DurableState<Mark> mark_{mark_type, Mark(), mark_journal};
};

}  // namespace bank
