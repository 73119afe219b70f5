#include <coerce/persistence/persistent_actor.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit.hpp>

#include "persistence/account.hpp"

namespace {

using namespace coerce;
using namespace bank;
using testkit::TestSystem;

/// Of a type that no other translation unit can name, like most actors of a program; with all
/// hooks, so that this file compiles says that it may.
class Unnamed : public PersistentActor<Unnamed> {
 public:
  explicit Unnamed(std::vector<std::string>& hooks) : hooks_(&hooks) {}

  static void configure(JournalTypes<Unnamed>& types) { types.message<Deposited>("Deposited"); }

  Task<void> pre_recovery(ActorContext&) {
    co_await yield();
    hooks_->push_back("pre_recovery");
  }
  void post_recovery(ActorContext&) { hooks_->push_back("post_recovery"); }
  Task<void> on_recovery_err(const RecoveryErr&, ActorContext&) { co_return; }
  Task<void> on_recovery_failed(ActorContext&) { co_return; }
  void recover(Deposited event, ActorContext&) {
    hooks_->push_back("recover " + std::to_string(event.amount));
  }
  Task<Result<void>> handle(Deposit message, ActorContext& ctx) {
    hooks_->push_back("handle " + std::to_string(message.amount));
    const auto persisted = co_await persist(Deposited(message.amount), ctx);
    if (!persisted)
      co_return coerce::unexpected(ActorRefErr::HandlerFailed(persisted.error().to_string()));
    co_return Result<void>();
  }

 private:
  std::vector<std::string>* hooks_;
};

struct Bank {
  explicit Bank(const SupervisorStrategy& strategy = SupervisorStrategy::stop())
      : test({.seed = 7},
             ActorSystem::builder().with_persistence(provider).top_level_strategy(strategy)) {}

  InMemoryStorageProvider provider;
  Notes notes;
  TestSystem test;

  LocalActorRef<Account> account(std::string_view id = "account") {
    return test.start<Account>(id, notes);
  }
  void deposit(const LocalActorRef<Account>& account, std::int64_t amount) {
    const auto done = test.run(account.send(Deposit{amount}));
    REQUIRE(done);
  }
  std::int64_t balance(const LocalActorRef<Account>& account) {
    return test.run(account.send(GetBalance{})).value();
  }
  std::int64_t sequence(const LocalActorRef<Account>& account) {
    return test.run(account.send(GetSequence{})).value();
  }
  void stop(const LocalActorRef<Account>& account) {
    const auto stopped = test.run(account.stop());
    REQUIRE(stopped);
  }
  std::vector<JournalEntry> stored() {
    return test.run(provider.journal_storage()->read("account", 1, 1000, 1 << 20)).value();
  }
};

}  // namespace

TEST_CASE("an actor of an unnamed namespace recovers, with hooks that are plain or coroutines",
          "[persistence][B-027]") {
  Bank bank;
  std::vector<std::string> hooks;
  const auto first = bank.test.start<Unnamed>("unnamed", hooks);
  for (std::int64_t amount = 1; amount <= 4; ++amount)
    REQUIRE(bank.test.run(first.send(Deposit{amount})));
  REQUIRE(bank.test.run(first.stop()));
  hooks.clear();
  const auto second = bank.test.start<Unnamed>("unnamed", hooks);
  REQUIRE(bank.test.run(second.send(Deposit{5})));
  REQUIRE(hooks == std::vector<std::string>{"pre_recovery", "recover 1", "recover 2", "recover 3",
                                            "recover 4", "post_recovery", "handle 5"});
}

TEST_CASE("an actor that starts again has the state that its events made", "[persistence][B-027]") {
  Bank bank;
  const auto first = bank.account();
  for (std::int64_t amount = 1; amount <= 4; ++amount) bank.deposit(first, amount);
  bank.stop(first);
  const auto second = bank.account();
  REQUIRE(bank.balance(second) == 10);
  REQUIRE(bank.sequence(second) == 4);
}

TEST_CASE("events after a snapshot are recovered on top of it", "[persistence][W-84]") {
  Bank bank;
  const auto first = bank.account();
  bank.deposit(first, 1);
  REQUIRE(bank.test.run(first.send(TakeSnapshot{})));
  bank.deposit(first, 2);
  REQUIRE(bank.test.run(first.send(ClearOld{})).value());
  bank.stop(first);
  REQUIRE(bank.stored().size() == 1);
  REQUIRE(bank.stored().front().sequence == 2);
  REQUIRE(bank.balance(bank.account()) == 3);
}

TEST_CASE("numbering goes on after a recovery", "[persistence][W-85]") {
  Bank bank;
  for (int run = 0; run < 3; ++run) {
    const auto account = bank.account();
    bank.deposit(account, 5);
    bank.stop(account);
  }
  const auto stored = bank.stored();
  REQUIRE(stored.size() == 3);
  REQUIRE(stored.back().sequence == 3);
}

TEST_CASE("a batch is numbered as a whole, and an empty one writes nothing",
          "[persistence][B-125]") {
  Bank bank;
  const auto account = bank.account();
  REQUIRE(bank.test.run(account.send<DepositAll>(std::vector<std::int64_t>{1, 2, 3})));
  REQUIRE(bank.sequence(account) == 3);
  REQUIRE(bank.test.run(account.send<DepositAll>(std::vector<std::int64_t>{})));
  REQUIRE(bank.sequence(account) == 3);
  REQUIRE(bank.balance(account) == 6);
}

TEST_CASE("a batch that the store refuses is not written in part, and the actor goes on",
          "[persistence][B-125]") {
  JournalLimits limits;
  limits.max_batch_entries = 3;
  const InMemoryStorageProvider provider(limits);
  TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  Notes notes;
  const auto account = test.start<Account>("account", notes);
  REQUIRE(!test.run(account.send<DepositAll>(std::vector<std::int64_t>{1, 2, 3, 4})));
  REQUIRE(notes.errors.back().kind() == PersistErr::Kind::Storage);
  REQUIRE(test.run(account.send(GetSequence{})).value() == 0);
  REQUIRE(test.run(account.send<DepositAll>(std::vector<std::int64_t>{5, 6, 7})));
  REQUIRE(test.run(account.send(GetSequence{})).value() == 3);
  REQUIRE(test.run(account.send(GetBalance{})).value() == 18);
}

TEST_CASE("hooks run around a recovery, and the first message comes after them",
          "[persistence][B-124]") {
  Bank bank;
  (void)bank.account();
  REQUIRE(bank.notes.hooks == std::vector<std::string>{"pre_recovery", "post_recovery", "started"});
}

TEST_CASE("an actor that does not recover begins empty and appends behind its history",
          "[persistence][B-124]") {
  Bank bank;
  const auto first = bank.account();
  bank.deposit(first, 1);
  bank.stop(first);
  bank.notes.recovery = coerce::Recovery::Disabled;
  const auto second = bank.account();
  REQUIRE(bank.balance(second) == 0);
  bank.deposit(second, 2);
  REQUIRE(bank.sequence(second) == 2);
}

TEST_CASE("an instance whose journal was opened by another is fenced and stops",
          "[persistence][W-88]") {
  Bank bank;
  const auto old = bank.account("old");
  bank.deposit(old, 1);
  const auto current = bank.account("new");
  const auto late = bank.test.run(old.send(Deposit{2}));
  REQUIRE(!late);
  REQUIRE(bank.notes.errors.back().kind() == PersistErr::Kind::Fenced);
  bank.test.expect_stopped(old);
  bank.deposit(current, 3);
  REQUIRE(bank.balance(current) == 4);
  REQUIRE(bank.stored().size() == 2);
}

TEST_CASE("an event of an unknown type fails the recovery", "[persistence][W-87]") {
  Bank bank;
  const auto journal = bank.provider.journal_storage();
  const auto opened = bank.test.run(journal->open("account"));
  JournalEntry alien;
  alien.payload_type = "Withdrawn";
  REQUIRE(bank.test.run(journal->append(opened->token, 0, AppendId{1, 1}, {alien})));

  const auto started =
      bank.test.run(into_actor<Account>("account", bank.test.system(), bank.notes));
  REQUIRE(!started);
  REQUIRE(started.error().kind() == ActorRefErr::Kind::ActorStartFailed);
  REQUIRE(started.error().detail().find("Withdrawn") != std::string::npos);
  REQUIRE(bank.notes.hooks == std::vector<std::string>{"pre_recovery",
                                                       "on_recovery_err UnknownType",
                                                       "on_recovery_failed"});
}

TEST_CASE("a persistent actor needs a system with a store", "[persistence]") {
  TestSystem test;
  Notes notes;
  const auto started = test.run(into_actor<Account>("account", test.system(), notes));
  REQUIRE(!started);
  REQUIRE(started.error().detail().find("with_persistence") != std::string::npos);
}

TEST_CASE("a restarted instance recovers what its predecessor had persisted", "[persistence]") {
  Bank bank(SupervisorStrategy::restart());
  Notes& notes = bank.notes;
  const auto make = [&notes] { return Account(notes); };
  const auto account = bank.test.run(bank.test.system().new_actor("account", make)).value();
  bank.deposit(account, 5);
  const auto exploded = bank.test.run(account.send(Explode{}));
  REQUIRE(!exploded);
  bank.test.expect_failure("exploded");
  REQUIRE(bank.balance(account) == 5);
  bank.deposit(account, 1);
  REQUIRE(bank.stored().size() == 2);
}

namespace {

struct Race {
  using Result = void;
};

/// Takes a snapshot while an event is on its way.
class Racing : public PersistentActor<Racing> {
 public:
  static void configure(JournalTypes<Racing>& types) {
    types.message<Deposited>("Deposited").snapshot<Balance>("Balance");
  }
  void recover(Deposited event, ActorContext&) { balance_ += event.amount; }
  void recover(Balance state, ActorContext&) { balance_ = state.amount; }
  Task<void> handle(Race, ActorContext& ctx) {
    auto written = snapshot(Balance(balance_), ctx);
    const auto persisted = co_await persist(Deposited(7), ctx);
    if (persisted) balance_ += 7;
    (void)co_await std::move(written);
    auto [first, second, third] = co_await when_all(
        persist<Deposited>(ctx, 1), snapshot(Balance(balance_), ctx), persist<Deposited>(ctx, 2));
    if (first && second && third) balance_ += 3;
  }
  std::int64_t handle(GetBalance, ActorContext&) const { return balance_; }

 private:
  std::int64_t balance_ = 0;
};

}  // namespace

TEST_CASE("a snapshot includes the events that were there when it was taken, and no others",
          "[persistence]") {
  const InMemoryStorageProvider provider;
  TestSystem test({}, ActorSystem::builder().with_persistence(provider));
  const auto first = test.start<Racing>("racing");
  REQUIRE(test.run(first.send(Race{})));
  REQUIRE(test.run(first.stop()));
  const auto second = test.start<Racing>("racing");
  REQUIRE(test.run(second.send(GetBalance{})).value() == 10);
}
