#include <coerce/persistence/persistent_actor.hpp>

#include <chrono>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>
#include <coerce/testkit/catch2.hpp>
#include <coerce/testkit/failing_journal.hpp>

#include "persistence/account.hpp"
#include "persistence/scenarios.hpp"

namespace {

using namespace coerce;
using namespace bank;
using namespace coerce::test::persistence_scenarios;
using namespace std::chrono_literals;
using testkit::FailingJournal;
using testkit::JournalFault;
using testkit::JournalOp;

/// A bank whose journals fail when they are told to.
struct Bank {
  explicit Bank(PersistenceOptions options = {})
      : test({.seed = 11},
             ActorSystem::builder().with_persistence(Persistence::from(journal, options))) {}

  auto start() { return test.run(into_actor<Account>("account", test.system(), notes)); }
  LocalActorRef<Account> account() { return test.start<Account>("account", notes); }
  std::vector<JournalEntry> stored() {
    return test.run(inner.journal_storage()->read("account", 1, 1000, 1 << 20)).value();
  }
  std::int64_t balance(const LocalActorRef<Account>& account) {
    return test.run(account.send(GetBalance{})).value();
  }

  InMemoryStorageProvider inner;
  FailingJournal journal{inner};
  Notes notes;
  TestSystem test;
};

}  // namespace

TEST_CASE("a recovery is tried again until it succeeds", "[persistence][B-022][B-124]") {
  Bank bank;
  bank.notes.recovering = RecoveryFailurePolicy::retry(Retry::until_success());
  bank.journal.fail_next(JournalOp::Open, JournalFault::Unavailable, 5);
  REQUIRE(bank.start());
  REQUIRE(bank.notes.hooks ==
          std::vector<std::string>{"pre_recovery", "on_recovery_err Journal",
                                   "on_recovery_err Journal", "on_recovery_err Journal",
                                   "on_recovery_err Journal", "on_recovery_err Journal",
                                   "post_recovery", "started"});
}

TEST_CASE("an actor whose recovery must not fail does not start", "[persistence][B-023][B-124]") {
  Bank bank;
  bank.notes.recovering = RecoveryFailurePolicy::stop_actor();
  bank.journal.fail_next(JournalOp::Open, JournalFault::Unavailable);
  const auto started = bank.start();
  REQUIRE(!started);
  REQUIRE(started.error().kind() == ActorRefErr::Kind::ActorStartFailed);
  REQUIRE(bank.notes.hooks == std::vector<std::string>{"pre_recovery", "on_recovery_err Journal",
                                                       "on_recovery_failed"});
}

TEST_CASE("a recovery that fails is one for supervision if the policy says so",
          "[persistence][B-024]") {
  Bank bank;
  bank.notes.recovering = RecoveryFailurePolicy::fail();
  bank.journal.fail_next(JournalOp::ReadLatestSnapshot, JournalFault::Unavailable);
  REQUIRE(!bank.start());
  bank.test.expect_failure("recovery failed");
}

TEST_CASE("a recovery that is tried again goes on where it failed", "[persistence]") {
  Bank bank({.read_bytes = 1});  // an event at a time
  bank.notes.recovering = RecoveryFailurePolicy::retry(Retry::until_success());
  {
    const auto account = bank.account();
    for (std::int64_t amount = 1; amount <= 6; ++amount)
      REQUIRE(bank.test.run(account.send(Deposit{amount})));
    REQUIRE(bank.test.run(account.stop()));
  }
  bank.journal.fail_at_random({.unavailable = 500'000}, 3);
  const auto account = bank.account();
  REQUIRE(bank.journal.faults() > 0);
  REQUIRE(bank.balance(account) == 21);
}

TEST_CASE("actors recover so many at once, and the others in their turn", "[persistence]") {
  Bank bank({.concurrent_recoveries = 2});
  bank.journal.hold(JournalOp::Open);
  std::vector<std::unique_ptr<Notes>> notes;
  std::vector<LocalActorRef<Account>> accounts;
  for (int i = 0; i < 5; ++i) {
    notes.push_back(std::make_unique<Notes>());
    notes.back()->key = std::to_string(i);
    auto started = bank.test.run(
        bank.test.system().new_actor_deferred(ActorId(notes.back()->key), Account(*notes.back())));
    accounts.push_back(started.value());
  }
  bank.test.run_until_idle();
  REQUIRE(bank.journal.held() == 2);
  bank.journal.release();
  for (const auto& account : accounts) REQUIRE(bank.balance(account) == 0);
}

TEST_CASE("an actor that waits for its turn to recover can be stopped", "[persistence]") {
  Bank bank({.concurrent_recoveries = 1});
  bank.journal.hold(JournalOp::Open);
  Notes second;
  second.key = "second";
  const auto one =
      bank.test.run(bank.test.system().new_actor_deferred("one", Account(bank.notes))).value();
  const auto two = bank.test.run(bank.test.system().new_actor_deferred("two", Account(second)));
  bank.test.run_until_idle();
  two->notify_stop();
  bank.test.expect_stopped(*two);
  bank.journal.release();
  REQUIRE(bank.balance(one) == 0);
}

TEST_CASE("an event is written again until the journal takes it", "[persistence][B-025]") {
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::retry(Retry::until_success());
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable, 5);
  REQUIRE(bank.test.run(account.send(Deposit{7})));
  REQUIRE(bank.stored().size() == 1);
}

TEST_CASE("an actor that returns its journal's errors goes on", "[persistence][B-123]") {
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::return_err();
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable);
  REQUIRE(!bank.test.run(account.send(Deposit{1})));
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::Storage);
  REQUIRE(bank.test.run(account.send(Deposit{2})));
  REQUIRE(bank.balance(account) == 2);
}

TEST_CASE("an actor stops at its journal's first error if the policy says so",
          "[persistence][B-123]") {
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::stop_actor();
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable);
  REQUIRE(!bank.test.run(account.send(Deposit{1})));
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::ActorStopping);
  REQUIRE(bank.test.expect_stopped(account).kind() == StopReason::Kind::Failed);
}

TEST_CASE("attempts are counted, their delays kept, and the last one stops the actor",
          "[persistence][B-123]") {
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::retry(Retry::max_attempts(3, 1s));
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable, 10);
  const Duration begun = bank.test.now();
  REQUIRE(!bank.test.run(account.send(Deposit{1})));
  REQUIRE(bank.journal.calls(JournalOp::Append) == 3);
  REQUIRE(bank.test.now() - begun == 2s);
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::Storage);
  bank.test.expect_stopped(account);
}

TEST_CASE("a journal's error is a failure for supervision if the policy says so",
          "[persistence][B-123]") {
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::fail();
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable);
  const auto failed = bank.test.run(account.send(Deposit{1}));
  REQUIRE(failed.error().kind() == ActorRefErr::Kind::HandlerFailed);
  bank.test.expect_failure("Storage");
}

TEST_CASE("an actor that waits for its journal can be stopped", "[persistence][W-88]") {
  Bank bank;
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable, 1'000'000);
  account.notify(Deposit{1});
  bank.test.advance(60s);
  const std::size_t tried = bank.journal.calls(JournalOp::Append);
  REQUIRE(tried > 3);
  REQUIRE(bank.test.run(account.stop()));
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::ActorStopping);
  bank.test.advance(60s);
  REQUIRE(bank.journal.calls(JournalOp::Append) == tried);
}

TEST_CASE("an actor that tries to recover can be stopped, which is no failed recovery",
          "[persistence][W-88]") {
  Bank bank;
  bank.journal.fail_next(JournalOp::Open, JournalFault::Unavailable, 1'000'000);
  const auto account =
      bank.test.run(bank.test.system().new_actor_deferred("account", Account(bank.notes))).value();
  bank.test.advance(60s);
  account.notify_stop();
  bank.test.expect_stopped(account);
  REQUIRE(bank.notes.hooks.back() == "on_recovery_err Journal");
}

namespace {

struct Hurry {
  using Result = std::string;
  std::int64_t amount;
};

/// Has no patience with its journal.
class Hasty : public PersistentActor<Hasty> {
 public:
  static void configure(JournalTypes<Hasty>& types) { types.message<Deposited>("Deposited"); }
  std::string persistence_key(const ActorContext&) const { return "account"; }
  void recover(Deposited event, ActorContext&) { sum_ += event.amount; }
  Task<std::string> handle(Hurry message, ActorContext& ctx) {
    auto persisting = with_error(message.amount, ctx);
    const auto done = co_await with_timeout(std::move(persisting), 1s);
    if (done) {
      sum_ += message.amount;
      co_return "in time";
    }
    const bool expired = done.error().kind() == ActorRefErr::Kind::Timeout;
    co_return (expired ? "too late, " : "failed, ") + last_error_;
  }
  std::int64_t handle(GetBalance, ActorContext&) const { return sum_; }

 private:
  /// Notes the error that with_timeout leaves aside.
  Task<Result<void>> with_error(std::int64_t amount, ActorContext& ctx) {
    last_error_ = "none";
    const auto persisted = co_await persist(Deposited(amount), ctx);
    if (persisted) co_return Result<void>();
    last_error_ = to_string(persisted.error().kind());
    co_return coerce::unexpected(ActorRefErr::HandlerFailed(last_error_));
  }

  std::int64_t sum_ = 0;
  std::string last_error_;
};

struct HastyBank : Bank {
  LocalActorRef<Hasty> hasty = test.start<Hasty>("hasty");
  std::string hurry(std::int64_t amount) { return test.run(hasty.send(Hurry{amount})).value(); }
  std::int64_t sum() { return test.run(hasty.send(GetBalance{})).value(); }
};

}  // namespace

TEST_CASE("a limit that passes between two tries leaves nothing written, and the actor goes on",
          "[persistence]") {
  HastyBank bank;
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable, 1'000'000);
  REQUIRE(bank.hurry(1) == "too late, Storage");
  bank.journal.heal();
  bank.test.advance(60s);
  REQUIRE(bank.hurry(2) == "in time");
  REQUIRE(bank.sum() == 2);
  REQUIRE(bank.stored().size() == 1);
}

TEST_CASE("a write that ends behind its limit stops the actor, and is recovered", "[persistence]") {
  HastyBank bank;
  bank.journal.delay(JournalOp::Append, 5s);
  REQUIRE(bank.hurry(1) == "too late, Unknown");
  bank.test.expect_stopped(bank.hasty);
  REQUIRE(bank.stored().size() == 1);
  bank.journal.heal();
  bank.hasty = bank.test.start<Hasty>("hasty");
  REQUIRE(bank.sum() == 1);
}

TEST_CASE("a write that fails behind its limit is not tried again, and the actor goes on",
          "[persistence]") {
  HastyBank bank;
  bank.journal.delay(JournalOp::Append, 5s);
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable);
  REQUIRE(bank.hurry(1) == "too late, Storage");
  REQUIRE(bank.journal.calls(JournalOp::Append) == 1);
  bank.journal.heal();
  REQUIRE(bank.hurry(2) == "in time");
  REQUIRE(bank.sum() == 2);
}

TEST_CASE("a write of unknown fate is not looked for behind its limit, and stops the actor",
          "[persistence]") {
  HastyBank bank;
  bank.journal.fail_next(JournalOp::Append, JournalFault::UnknownDone);
  bank.journal.fail_next(JournalOp::Reopen, JournalFault::Unavailable, 1'000'000);
  REQUIRE(bank.hurry(1) == "too late, Unknown");
  bank.test.expect_stopped(bank.hasty);
}

TEST_CASE("an event whose fate is unknown is in the journal once", "[persistence]") {
  const JournalFault fault =
      GENERATE(JournalFault::UnknownDone, JournalFault::UnknownNotDone, JournalFault::UnknownLate);
  const int unknown_reopenings = GENERATE(0, 1, 3);
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::retry(Retry::until_success());
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, fault);
  if (unknown_reopenings > 0)
    bank.journal.fail_next(JournalOp::Reopen, JournalFault::UnknownDone,
                           static_cast<std::size_t>(unknown_reopenings));
  REQUIRE(bank.test.run(account.send(Deposit{5})));
  REQUIRE(bank.test.run(account.send(Deposit{6})));
  REQUIRE(bank.balance(account) == 11);
  const auto stored = bank.stored();
  REQUIRE(stored.size() == 2);
}

TEST_CASE("an event whose fate cannot be found out stops its actor as Unknown", "[persistence]") {
  Bank bank;
  bank.notes.persisting = PersistFailurePolicy::return_err();
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::UnknownDone);
  bank.journal.fail_next(JournalOp::Reopen, JournalFault::Unavailable);
  REQUIRE(!bank.test.run(account.send(Deposit{5})));
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::Unknown);
  bank.test.expect_stopped(account);
}

TEST_CASE("finding out an event's fate does not throw out a newer owner", "[persistence]") {
  Bank bank;
  const auto account = bank.account();
  bank.journal.fail_next(JournalOp::Append, JournalFault::UnknownNotDone);
  bank.journal.hold(JournalOp::Reopen);
  account.notify(Deposit{1});
  bank.test.run_until_idle();
  REQUIRE(bank.journal.held() == 1);
  Notes newer;
  const auto owner = bank.test.start<Account>("newer", newer);
  bank.journal.release();
  bank.test.expect_stopped(account);
  // It might have been written before the newer owner came.
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::Unknown);
  REQUIRE(bank.test.run(owner.send(Deposit{2})));
  REQUIRE(bank.stored().size() == 1);
}

TEST_CASE("a recovery that is tried again does not throw out a newer owner", "[persistence]") {
  Bank bank;
  bank.journal.fail_next(JournalOp::ReadLatestSnapshot, JournalFault::Unavailable);
  const auto older =
      bank.test.run(bank.test.system().new_actor_deferred("older", Account(bank.notes))).value();
  bank.test.run_until_idle();
  Notes newer;
  const auto owner = bank.test.start<Account>("newer", newer);
  bank.test.advance(5s);
  REQUIRE(bank.test.run(owner.send(Deposit{1})));
  REQUIRE(!bank.test.run(older.send(Deposit{2})));
  bank.test.expect_stopped(older);
}

namespace {

struct Nothing {
  using Result = void;
};

/// Persists its last words.
class Dying : public PersistentActor<Dying> {
 public:
  static void configure(JournalTypes<Dying>& types) { types.message<Deposited>("Deposited"); }
  Task<void> recover(const Deposited& event, ActorContext&) {
    co_await sleep_for(1ms);
    sum_ += event.amount;  // still there
  }
  void handle(Nothing, ActorContext&) {}
  std::int64_t handle(GetBalance, ActorContext&) const { return sum_; }
  Task<void> stopped(ActorContext& ctx) { (void)co_await persist(Deposited(1), ctx); }

 private:
  std::int64_t sum_ = 0;
};

}  // namespace

TEST_CASE("an actor that persists while it stops does not wait for a store that is gone",
          "[persistence][W-88]") {
  Bank bank;
  const auto dying = bank.test.start<Dying>("dying");
  bank.journal.fail_next(JournalOp::Append, JournalFault::Unavailable, 1'000'000);
  REQUIRE(bank.test.run(dying.stop()));
  REQUIRE(bank.journal.calls(JournalOp::Append) == 1);
}

TEST_CASE("a recover() that is a coroutine may take its event by reference", "[persistence]") {
  Bank bank;
  REQUIRE(bank.test.run(bank.test.start<Dying>("dying").stop()));
  const auto dying = bank.test.start<Dying>("dying");
  REQUIRE(bank.test.run(dying.send(GetBalance{})).value() == 1);
}

TEST_CASE("no acknowledged event is lost and none is doubled, whatever the journal does",
          "[persistence][explored]") {
  CHECK_EXPLORED(&deposits_under_faults, {.seeds = 200, .show_log = false});
}

TEST_CASE("no owner misses an event of one that it replaces, however they overlap",
          "[persistence][explored]") {
  CHECK_EXPLORED(&owners_that_overlap, {.seeds = 200, .show_log = false});
}

TEST_CASE("an owner that was replaced can change nothing any more, not even delete",
          "[persistence][explored]") {
  CHECK_EXPLORED(&former_owners_change_nothing, {.seeds = 200, .show_log = false});
}
