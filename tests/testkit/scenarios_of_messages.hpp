/// \file
/// Promises about messages: none is lost, doubled or left without an end.

#pragma once

#include <optional>
#include <tuple>
#include <variant>

#include "testkit/scenarios_common.hpp"

namespace coerce::test::scenarios {

// ── A stop never overtakes what was accepted before, if it is a stop after a drain ───────────────

struct Drain {
  static constexpr std::string_view type_name = "Drain";
};
struct CountHandled {
  static constexpr std::string_view type_name = "CountHandled";
  using Result = std::size_t;
};

class Draining : public Actor {
 public:
  explicit Draining(SharedLedger ledger) : ledger_(std::move(ledger)) {}
  Task<void> handle(Item item, ActorContext&) {
    if (item.number % 2 == 1) co_await yield();
    ledger_->handled.push_back(item);
  }
  void handle(Drain, ActorContext& ctx) { ctx.stop_after_drain(); }
  std::size_t handle(CountHandled, ActorContext&) { return ledger_->handled.size(); }

 private:
  SharedLedger ledger_;
};

inline void drain_handles_what_was_accepted(TestSystem& test) {
  const auto ledger = std::make_shared<Ledger>();
  const auto actor = test.start<Draining>("draining", ledger);
  const auto closed = std::make_shared<int>(0);
  const auto drain = [](LocalActorRef<Draining> to) -> Task<void> {
    for (int i = 0; i < 3; ++i) co_await yield();
    (void)to.notify(Drain{});
  };
  const auto ask = [](LocalActorRef<Draining> to, std::shared_ptr<int> count) -> Task<void> {
    for (int i = 0; i < 4; ++i) {
      const auto answer = co_await to.send(CountHandled{});
      *count += !answer && answer.error().kind() != ActorRefErr::Kind::InvalidRef ? 1 : 0;
    }
  };
  for (int sender = 0; sender < 3; ++sender)
    test.system().spawn(send_items(actor, ledger, sender, 6));
  test.system().spawn(ask(actor, closed));
  test.system().spawn(drain(actor));
  test.expect_stopped(actor);
  test.run_until_idle();
  check_all_handled_in_order(test, *ledger);
  test.check(*closed == 0, "no question was accepted and then not answered");
  test.check(test.system().dead_letter_count() == 0, "there are no dead letters");
}

// ── Messages survive restarts, in order ─────────────────────────────────────────────────────────

struct Instances {
  int made = 0;
  int failed = 0;
};

/// Fails at every third item.
class Clumsy : public Actor {
 public:
  Clumsy(SharedLedger ledger, std::shared_ptr<Instances> instances)
      : ledger_(std::move(ledger)), instances_(std::move(instances)) {
    ++instances_->made;
  }
  Task<void> handle(Item item, ActorContext&) {
    ledger_->handled.push_back(item);
    if (item.number % 2 == 1) co_await yield();
    if (item.number % 3 != 2) co_return;
    ++instances_->failed;
    throw_failure();
  }
  Task<void> pre_restart(std::exception_ptr, ActorContext&) { co_await yield(); }
  Task<void> post_restart(ActorContext&) { co_await yield(); }

 private:
  SharedLedger ledger_;
  std::shared_ptr<Instances> instances_;
};

struct GetClumsy {
  using Result = LocalActorRef<Clumsy>;
};

class Patient : public Actor {
 public:
  Patient(SharedLedger ledger, std::shared_ptr<Instances> instances)
      : ledger_(std::move(ledger)), instances_(std::move(instances)) {}
  Task<Result<LocalActorRef<Clumsy>>> handle(GetClumsy, ActorContext& ctx) {
    const auto make = [ledger = ledger_, instances = instances_]() -> Task<Clumsy> {
      co_await yield();
      co_return Clumsy(ledger, instances);
    };
    auto strategy = SupervisorStrategy::restart().max_restarts(1000).within(1h).backoff(
        {.min = 1ms, .max = 3ms});
    co_return co_await ctx.spawn("clumsy", make, strategy);
  }

 private:
  SharedLedger ledger_;
  std::shared_ptr<Instances> instances_;
};

inline void restarts_lose_no_message(TestSystem& test) {
  const auto ledger = std::make_shared<Ledger>();
  const auto instances = std::make_shared<Instances>();
  const auto parent = test.start<Patient>("patient", ledger, instances);
  const LocalActorRef<Clumsy> clumsy = test.run(parent.send(GetClumsy{})).value();
  for (int sender = 0; sender < 3; ++sender)
    test.system().spawn(send_items(clumsy, ledger, sender, 7));
  test.advance(1min);
  test.check(ledger->accepted[0] + ledger->accepted[1] + ledger->accepted[2] == 21,
             "a restart refuses nothing");
  check_all_handled_in_order(test, *ledger);
  test.check(instances->failed == 6 && instances->made == 7, "each failure made one new instance");
}

// ── A stop loses no message silently ────────────────────────────────────────────────────────────

class Stoppable : public Actor {
 public:
  explicit Stoppable(SharedLedger ledger) : ledger_(std::move(ledger)) {}
  Task<void> handle(Item item, ActorContext&) {
    ledger_->handled.push_back(item);
    if (item.number % 2 == 1) (void)co_await sleep_for(1ms);
  }
  Task<void> stopped(ActorContext&) { co_await yield(); }

 private:
  SharedLedger ledger_;
};

inline void stop_loses_no_message_silently(TestSystem& test) {
  const auto ledger = std::make_shared<Ledger>();
  const auto actor = test.start<Stoppable>("stoppable", ledger);
  const auto answered = std::make_shared<int>(0);
  const auto stop = [](LocalActorRef<Stoppable> which, std::shared_ptr<int> count) -> Task<void> {
    for (int i = 0; i < 4; ++i) co_await yield();
    const auto stopped = co_await which.stop();
    *count += stopped || stopped.error().kind() == ActorRefErr::Kind::InvalidRef ? 1 : 0;
  };
  for (int sender = 0; sender < 3; ++sender)
    test.system().spawn(send_items(actor, ledger, sender, 6));
  for (int i = 0; i < 2; ++i) test.system().spawn(stop(actor, answered));
  test.advance(1s);
  test.check(!actor.is_valid() && *answered == 2, "whoever asked for the stop was told of it");
  int accepted = 0;
  for (const auto& [sender, count] : ledger->accepted) accepted += count;
  const auto accounted = ledger->handled.size() + test.system().dead_letter_count();
  test.check(accounted == static_cast<std::size_t>(accepted),
             fmt::format("{} were accepted, {} handled or dead letters", accepted, accounted));
}

// ── A send ends exactly once, whatever races ────────────────────────────────────────────────────

struct Order {
  static constexpr std::string_view type_name = "Order";
  using Result = int;
  int number;
};

/// Answers at once, after a while, or by failing.
class Clerk : public Actor {
 public:
  Task<Result<int>> handle(Order order, ActorContext&) {
    switch (order.number % 4) {
      case 0:
        co_return order.number;
      case 1:
        (void)co_await sleep_for(5ms);
        co_return order.number;
      case 2:
        co_return coerce::unexpected(ActorRefErr::Overloaded("not now"));
      default:
        (void)co_await sleep_for(2ms);
        throw_failure();
    }
  }
};

struct Ends {
  std::map<int, int> times;  ///< by number
  int wrong = 0;             ///< answers that were none of the possible ones

  void count(int number, const Result<int>& answer) {
    using Kind = ActorRefErr::Kind;
    ++times[number];
    if (answer) {
      wrong += *answer == number ? 0 : 1;
      return;
    }
    const Kind kind = answer.error().kind();
    const bool possible = kind == Kind::Overloaded || kind == Kind::HandlerFailed ||
                          kind == Kind::Timeout || kind == Kind::ResultChannelClosed ||
                          kind == Kind::InvalidRef || kind == Kind::Cancelled;
    wrong += possible ? 0 : 1;
  }
};

inline void sends_end_exactly_once(TestSystem& test) {
  constexpr int kOrders = 16;
  const auto ends = std::make_shared<Ends>();
  const auto clerk = test.start<Clerk>("clerk");
  const auto plain = [](LocalActorRef<Clerk> to, std::shared_ptr<Ends> all, int n) -> Task<void> {
    const auto answer = co_await to.send(Order{n});
    all->count(n, answer);
  };
  const auto timed = [](LocalActorRef<Clerk> to, std::shared_ptr<Ends> all, int n) -> Task<void> {
    const auto answer = co_await to.send(Order{n}, 5ms);
    all->count(n, answer);
  };
  const auto limited = [](LocalActorRef<Clerk> to, std::shared_ptr<Ends> all, int n) -> Task<void> {
    const auto answer = co_await with_timeout(to.send(Order{n}), 5ms);
    all->count(n, answer);
  };
  const auto stop = [](LocalActorRef<Clerk> which) -> Task<void> {
    (void)co_await sleep_for(5ms);
    (void)which.notify_stop();
  };
  const int first = static_cast<int>(test.seed() % 4);
  for (int n = first; n < first + kOrders; n += 4) {
    test.system().spawn(plain(clerk, ends, n));
    test.system().spawn(timed(clerk, ends, n + 1));
    test.system().spawn(limited(clerk, ends, n + 2));
    const auto count = [ends, n](const Result<int>& answer) { ends->count(n + 3, answer); };
    clerk.deliver(Order{n + 3}, count);
  }
  test.system().spawn(stop(clerk));
  test.advance(10s);
  test.check(ends->wrong == 0, "every answer is one of the possible ones");
  test.check(ends->times.size() == kOrders, fmt::format("{} sends have ended", ends->times.size()));
  for (const auto& [number, times] : ends->times)
    test.check(times == 1, fmt::format("send {} ended {} times", number, times));
}

// ── Bounded mailboxes count right ───────────────────────────────────────────────────────────────

inline constexpr std::size_t kCapacity = 3;

template <Overflow How>
class Bounded : public Actor {
 public:
  static constexpr std::string_view type_name = "Bounded";
  static constexpr MailboxOptions mailbox{.capacity = kCapacity, .overflow = How, .suspended = 100};

  explicit Bounded(SharedLedger ledger) : ledger_(std::move(ledger)) {}
  Task<void> handle(Item item, ActorContext&) {
    if (item.number % 2 == 1) (void)co_await sleep_for(1ms);
    ledger_->handled.push_back(item);
  }
  int handle(Order order, ActorContext&) { return order.number; }

 private:
  SharedLedger ledger_;
};

template <Overflow How>
void bounded_mailbox(TestSystem& test) {
  const auto ledger = std::make_shared<Ledger>();
  const auto actor = test.start<Bounded<How>>("bounded", ledger);
  const auto answers = std::make_shared<std::vector<Result<int>>>();
  const auto ask = [](LocalActorRef<Bounded<How>> to,
                      std::shared_ptr<std::vector<Result<int>>> all) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      auto answer = co_await to.send(Order{i});
      all->push_back(std::move(answer));
    }
  };
  // Not by send_items: here something may well be accepted after another has been refused.
  const auto send = [](LocalActorRef<Bounded<How>> to, SharedLedger all, int sender) -> Task<void> {
    for (int i = 0; i < 8; ++i) {
      if (to.notify(Item{sender, i})) ++all->accepted[sender];
      if (i % 3 != 0) co_await yield();
    }
  };
  for (int sender = 0; sender < 2; ++sender) {
    test.system().spawn(send(actor, ledger, sender));
    test.system().spawn(ask(actor, answers));
  }
  test.advance(1s);

  std::size_t accepted = 0;
  for (const auto& [sender, count] : ledger->accepted) accepted += static_cast<std::size_t>(count);
  test.check(ledger->handled.size() + test.system().dead_letter_count() == accepted,
             "what was accepted is handled, or dropped and counted");
  test.check(How == Overflow::DropOldest || test.system().dead_letter_count() == 0,
             "only DropOldest drops");
  std::map<int, int> last;
  for (const Item& item : ledger->handled)
    test.check(item.number >= std::exchange(last[item.sender], item.number), "order is kept");
  test.check(answers->size() == 6, "every send has ended");
  for (const Result<int>& answer : *answers) {
    const bool full = !answer && answer.error().kind() == ActorRefErr::Kind::MailboxFull;
    test.check(answer || (full && How != Overflow::Suspend), "a send is answered, or refused");
  }
  // It is empty now: so much fits and no more.
  ledger->handled.clear();
  const std::uint64_t dropped = test.system().dead_letter_count();
  for (std::size_t i = 0; i <= kCapacity; ++i) {
    const bool taken = actor.notify(Item{9, static_cast<int>(2 * i)}).has_value();
    test.check(taken == (i < kCapacity || How == Overflow::DropOldest), "the capacity is exact");
  }
  test.run_until_idle();
  test.check(ledger->handled.size() == kCapacity, "what fits is handled");
  test.check(test.system().dead_letter_count() - dropped == (How == Overflow::DropOldest ? 1 : 0),
             "what does not is dropped by DropOldest");
}

inline void bounded_mailboxes_count_right(TestSystem& test) {
  switch (test.seed() % 3) {
    case 0:
      return bounded_mailbox<Overflow::Reject>(test);
    case 1:
      return bounded_mailbox<Overflow::DropOldest>(test);
    default:
      return bounded_mailbox<Overflow::Suspend>(test);
  }
}

// ── The losers of when_any leave nothing behind ─────────────────────────────────────────────────

/// Counts those of its kind that live.
class Counted {
 public:
  explicit Counted(std::shared_ptr<int> alive) : alive_(std::move(alive)) { ++*alive_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive_; }

 private:
  std::shared_ptr<int> alive_;
};

struct Races {
  int ended = 0;
  int left_behind = 0;
  int wrong = 0;
};

inline void losers_of_when_any_leave_nothing_behind(TestSystem& test) {
  const auto races = std::make_shared<Races>();
  const auto clerk = test.start<Clerk>("clerk");
  const auto branch = [](LocalActorRef<Clerk> to, std::shared_ptr<int> alive,
                         int number) -> Task<Result<int>> {
    const Counted counted(std::move(alive));
    auto answer = co_await to.send(Order{number});
    (void)co_await sleep_for(1ms);
    co_return answer;
  };
  const auto race = [branch](LocalActorRef<Clerk> to, std::shared_ptr<Races> all,
                             Duration limit) -> Task<void> {
    const auto alive = std::make_shared<int>(0);
    auto first = branch(to, alive, 0);
    auto second = branch(to, alive, 1);
    auto winner = co_await when_any(std::move(first), std::move(second), sleep_for(limit));
    ++all->ended;
    all->left_behind += *alive;
    if (winner.index() == 0) all->wrong += std::get<0>(winner).value_or(0) == 0 ? 0 : 1;
    if (winner.index() == 1) all->wrong += std::get<1>(winner).value_or(1) == 1 ? 0 : 1;
  };
  const auto stop = [](LocalActorRef<Clerk> which) -> Task<void> {
    (void)co_await sleep_for(6ms);
    (void)co_await which.stop();
  };
  for (int i = 0; i < 4; ++i) test.system().spawn(race(clerk, races, (1 + 2 * i) * 1ms));
  test.system().spawn(stop(clerk));
  test.advance(1s);
  test.check(races->ended == 4, "every race has ended");
  test.check(races->left_behind == 0, "no loser was left behind");
  test.check(races->wrong == 0, "the winner's result is its own");
  test.check(test.system().scheduler().timer_count() == 0, "no timer was left behind");
}

}  // namespace coerce::test::scenarios
