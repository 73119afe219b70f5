/// \file
/// What persistence promises while owners come and go, as scenarios to be run under many seeds.
/// Each fails by an exception. Other programs run them too, against builds of the library that
/// break a promise.

#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <coerce/testkit.hpp>
#include <coerce/testkit/failing_journal.hpp>

#include "persistence/account.hpp"

namespace coerce::test::persistence_scenarios {

using namespace std::chrono_literals;
using testkit::TestSystem;

/// What clients were told of their deposits. Each deposit has an amount of its own, two bits of the
/// balance, which say how often it is in there. Held by a shared_ptr: when a scenario fails clients
/// outlive its local variables.
class Deposits {
 public:
  static std::int64_t amount(std::size_t number) { return std::int64_t{1} << (2 * number); }

  std::size_t begin() {
    told_.push_back(Told::Nothing);
    return told_.size() - 1;
  }
  void answered(std::size_t number, const Result<void>& answer) {
    if (answer)
      told_[number] = Told::Done;
    else if (is_certain(answer.error()))
      told_[number] = Told::NotDone;
  }
  /// Nobody asks for them any more.
  void check(TestSystem& test, std::int64_t balance, std::string_view whose) const {
    for (std::size_t i = 0; i < told_.size(); ++i) {
      const auto times = (balance >> (2 * i)) & 3;
      const auto what = [&](std::string_view fault) {
        return fmt::format("{}: deposit {} {}", whose, i, fault);
      };
      test.check(times <= 1, what("is in it twice"));
      test.check(told_[i] != Told::Done || times == 1, what("was acknowledged and is lost"));
      test.check(told_[i] != Told::NotDone || times == 0, what("was refused and is in it"));
    }
  }

 private:
  enum class Told : std::uint8_t { Nothing, Done, NotDone };

  /// It says that the event is not in the journal, and will not be.
  static bool is_certain(const ActorRefErr& error) {
    if (error.kind() == ActorRefErr::Kind::HandlerFailed)
      return !error.detail().starts_with(to_string(PersistErrKind::Unknown));
    return error.outcome() == ActorRefErrOutcome::NotDelivered;
  }

  std::vector<Told> told_;
};

/// Instances of one account, started one after the other while the earlier ones may still run.
class Owners {
 public:
  explicit Owners(TestSystem& test) : test_(test), journal_(InMemoryStorageProvider()) {
    const auto extended = test.system().extend(make_extension(Persistence::from(journal_)));
    test.check(extended.has_value(), "the system has a store");
  }

  testkit::FailingJournal& journal() noexcept { return journal_; }
  const std::shared_ptr<Deposits>& deposits() const noexcept { return deposits_; }
  std::size_t count() const noexcept { return owners_.size(); }
  const LocalActorRef<bank::Account>& newest() const { return owners_.back(); }
  const LocalActorRef<bank::Account>& former() const { return owners_[owners_.size() - 2]; }

  /// Starts one more. It recovers while the others go on.
  void add() {
    notes_.push_back(std::make_shared<bank::Notes>());
    const std::string id = fmt::format("owner {}", owners_.size());
    auto owner =
        test_.run(test_.system().new_actor_deferred(ActorId(id), bank::Account(*notes_.back())));
    test_.check(owner.has_value(), "an owner starts");
    owners_.push_back(std::move(*owner));
  }
  /// A client of this owner, who does not wait for others.
  void deposit(const LocalActorRef<bank::Account>& owner) {
    const bool spawned = test_.system().spawn(ask(deposits_, owner, deposits_->begin()));
    test_.check(spawned, "a client is there");
  }
  std::int64_t balance(const LocalActorRef<bank::Account>& owner) {
    const auto balance = test_.run(owner.send(bank::GetBalance{}));
    if (!balance) test_.fail("an owner does not answer: " + balance.error().to_string());
    return *balance;
  }
  /// The journal no longer fails, and what was asked for has its answer: what do the owner and a
  /// new one have?
  void settle() {
    journal_.heal();
    test_.advance(60s);
    // The one that started last need not be the one that opened last; who can write is.
    for (const auto& owner : owners_) {
      const std::size_t number = deposits_->begin();
      const auto answer = test_.run(owner.send(bank::Deposit{Deposits::amount(number)}));
      deposits_->answered(number, answer);
      if (answer) deposits_->check(test_, balance(owner), "an owner");
    }
    add();
    deposits_->check(test_, balance(newest()), "a new owner");
  }

 private:
  static Task<void> ask(std::shared_ptr<Deposits> deposits, LocalActorRef<bank::Account> owner,
                        std::size_t number) {
    bank::Deposit deposit{Deposits::amount(number)};
    const auto answer = co_await owner.send(deposit);
    deposits->answered(number, answer);
  }

  TestSystem& test_;
  testkit::FailingJournal journal_;
  std::shared_ptr<Deposits> deposits_ = std::make_shared<Deposits>();
  std::vector<std::shared_ptr<bank::Notes>> notes_;
  std::vector<LocalActorRef<bank::Account>> owners_;
};

/// Every owner is slow, and may be replaced while it writes. Nothing fails.
inline void owners_that_overlap(TestSystem& test) {
  Owners owners(test);
  owners.journal().fail_at_random({.delayed = 700'000, .max_delay = 20ms}, test.seed());
  Rng rng(test.seed());
  for (int round = 0; round < 4; ++round) {
    owners.add();
    for (int i = 0; i < 5; ++i) {
      const bool late = owners.count() > 1 && rng.below(3) != 0;
      owners.deposit(late ? owners.former() : owners.newest());
      test.advance(std::chrono::milliseconds(rng.below(10)));
    }
  }
  owners.settle();
}

/// Stores fail in every way that is allowed, while owners come and go.
inline void deposits_under_faults(TestSystem& test) {
  Owners owners(test);
  owners.journal().fail_at_random({.unavailable = 50'000,
                                   .unknown_done = 50'000,
                                   .unknown_not_done = 50'000,
                                   .unknown_late = 50'000,
                                   .delayed = 200'000},
                                  test.seed());
  Rng rng(test.seed());
  for (int round = 0; round < 4; ++round) {
    owners.add();
    for (int i = 0; i < 6; ++i) {
      const bool late = owners.count() > 1 && rng.below(5) == 0;
      owners.deposit(late ? owners.former() : owners.newest());
      test.advance(std::chrono::milliseconds(rng.below(400)));
    }
  }
  owners.settle();
}

/// One who was replaced, before it asks its journal or while it waits there, is refused whatever it
/// wants to change, and stops.
inline void former_owners_change_nothing(TestSystem& test) {
  using testkit::JournalOp;
  Owners owners(test);
  Rng rng(test.seed());
  owners.add();
  for (int i = 0; i < 3; ++i) owners.deposit(owners.newest());
  test.run_until_idle();
  const auto former = owners.newest();
  const auto snapshot = test.run(former.send(bank::TakeSnapshot{}));
  test.check(snapshot.has_value(), "a snapshot is taken");

  const bool is_asleep = rng.below(2) == 0;
  constexpr std::array kOps = {JournalOp::Append, JournalOp::WriteSnapshot,
                               JournalOp::DeleteEventsTo};
  const std::size_t which = rng.below(kOps.size());
  if (is_asleep) owners.journal().hold(kOps[which]);
  const auto refused = std::make_shared<bool>(false);
  const auto change = [](LocalActorRef<bank::Account> owner, std::size_t what,
                         std::shared_ptr<bool> is_refused) -> Task<void> {
    if (what == 0) {
      const auto done = co_await owner.send(bank::Deposit{Deposits::amount(20)});
      *is_refused = !done;
    } else if (what == 1) {
      const auto done = co_await owner.send(bank::TakeSnapshot{});
      *is_refused = !done;
    } else {
      const auto done = co_await owner.send(bank::ClearOld{});
      *is_refused = !done;
    }
  };
  if (is_asleep) {
    test.check(test.system().spawn(change(former, which, refused)), "a client is there");
    test.run_until_idle();
  }
  owners.add();
  owners.deposit(owners.newest());
  test.run_until_idle();
  if (is_asleep)
    owners.journal().release();
  else
    test.check(test.system().spawn(change(former, which, refused)), "a client is there");
  test.run_until_idle();
  test.check(*refused, "a former owner is refused");
  test.expect_stopped(former);
  owners.settle();
}

struct Named {
  std::string_view name;
  void (*run)(TestSystem&);
};

inline constexpr auto kAll = std::to_array<Named>({
    {"owners_that_overlap", &owners_that_overlap},
    {"deposits_under_faults", &deposits_under_faults},
    {"former_owners_change_nothing", &former_owners_change_nothing},
});

}  // namespace coerce::test::persistence_scenarios
