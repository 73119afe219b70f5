/// \file
/// Chaos in supervised families: actors that throw, restart, stop, spawn, watch, overflow, time
/// out, tick, put aside and run tasks at random, while their system shuts down under them.
///
/// A round builds a system with two workers and a few families, every tenth round with over two
/// thousand. Each family is a tree of members
/// under random strategies, whose mailboxes are bounded in one of three ways. Callers keep asking
/// random members to do one of those things; every third round shuts down in the middle of it. It
/// holds the library to this:
///   - every call ends, with a value or an error that such an actor may give;
///   - a watcher hears of an actor's end exactly once, unless the watcher ended first;
///   - no member handles two messages at a time, and none is used after its end;
///   - a shutdown is complete, and no message and no actor outlives its system.
///
/// Environment: COERCE_STRESS_ROUNDS (default 50), COERCE_SEED (default: drawn; printed).
/// The seed fixes what the callers try to do, not how the threads interleave.
/// Exit code: 0, or 1 after a violation; a round that takes longer than a minute aborts.

#include <coerce/actor.hpp>

#include "support.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coerce::stress {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t family_count = 4;
constexpr std::uint32_t many_families = 2'000;
constexpr std::uint32_t caller_count = 12;
constexpr std::uint32_t operations_per_caller = 60;
constexpr std::uint32_t deepest = 3;
constexpr std::chrono::seconds round_limit{60};

Outcomes outcomes;

struct MessageTag;
struct MemberTag;
using MessageToken = Token<MessageTag>;
using MemberToken = Token<MemberTag>;

enum class Deed : std::uint8_t {
  Work,
  Throw,
  Stop,
  Spawn,
  Watch,
  Unwatch,
  Nap,
  Ask,
  SpawnMany,
  Attach,
  Tick,
  Schedule,
  RunTask,
  PutAside,
  BringBack,
  BeTold
};
constexpr std::uint32_t deed_count = static_cast<std::uint32_t>(Deed::BeTold) + 1;

/// One thing that a member is asked to do.
struct Request {
  using Result = std::uint64_t;
  Request(Deed what, std::uint64_t n) : deed(what), value(n) {}
  Request(Deed what, std::uint64_t n, std::optional<Receiver<Request>> who, BoxedActorRef boxed)
      : deed(what), value(n), other(std::move(who)), other_boxed(std::move(boxed)) {}

  Deed deed;
  std::uint64_t value;
  std::optional<Receiver<Request>> other;
  std::optional<BoxedActorRef> other_boxed;
  MessageToken token;
};

/// What callers know a member by.
struct Contact {
  Contact(Receiver<Request> requests, BoxedActorRef actor)
      : receiver(std::move(requests)), boxed(std::move(actor)) {}
  Receiver<Request> receiver;
  BoxedActorRef boxed;
};

/// What one round's actors and callers share.
struct Round {
  explicit Round(std::uint64_t its_seed, std::uint64_t its_number)
      : seed(its_seed), number(its_number) {}

  void add(Contact contact) {
    const std::lock_guard lock(mutex);
    contacts.push_back(std::move(contact));
  }
  std::optional<Contact> pick(Dice& dice) {
    const std::lock_guard lock(mutex);
    if (contacts.empty()) return std::nullopt;
    const auto chosen = dice.below(static_cast<std::uint32_t>(contacts.size()));
    Contact contact = contacts[chosen];
    if (!contact.boxed.is_valid() && dice.percent(80))  // now and then the dead are called
      contacts.erase(contacts.begin() + chosen);
    return contact;
  }
  void forget() {
    const std::lock_guard lock(mutex);
    contacts.clear();
  }

  const std::uint64_t seed;
  const std::uint64_t number;
  std::atomic<std::uint32_t> members{0};
  std::atomic<bool> over{false};
  std::mutex mutex;
  std::vector<Contact> contacts;
};

SupervisorStrategy strategy_for(Dice& dice) {
  const auto decider = [](const std::exception_ptr&) { return Directive::Restart; };
  SupervisorStrategy strategy = SupervisorStrategy::stop();
  switch (dice.below(6)) {
    case 0:
      strategy = SupervisorStrategy::resume();
      break;
    case 1:
      strategy = SupervisorStrategy::escalate();
      break;
    case 2:
      strategy = SupervisorStrategy::decide(decider);
      break;
    case 3:
      break;
    default:
      strategy = SupervisorStrategy::restart();
      break;
  }
  if (dice.percent(40)) strategy.backoff({.min = 1ms, .max = 3ms, .jitter = 0.5});
  if (dice.percent(30)) strategy.scope(SupervisionScope::AllForOne);
  strategy.max_restarts(1 + dice.below(5)).within(std::chrono::milliseconds(1 + dice.below(50)));
  return strategy;
}

/// An actor of a family, with the mailbox that `Policy` says.
template <Overflow Policy>
class Member : public Actor {
 public:
  static constexpr std::string_view type_name = "Member";
  static constexpr MailboxOptions mailbox{.capacity = 20, .overflow = Policy, .suspended = 3};

  Member(std::shared_ptr<Round> round, std::uint32_t depth)
      : round_(std::move(round)),
        dice_(round_->seed, round_->number, 1000 + round_->members.fetch_add(1)),
        depth_(depth) {}

  Task<void> started(ActorContext& ctx) {
    const Alone alone(busy_);
    if (dice_.percent(5)) throw std::runtime_error("does not want to start");
    if (dice_.percent(30)) co_await coerce::yield();
    round_->add(Contact(Receiver<Request>(ctx.actor_ref<Member>()), ctx.boxed_actor_ref()));
  }
  Task<void> stopped(ActorContext&) {
    const Alone alone(busy_);
    if (dice_.percent(10)) throw std::runtime_error("does not want to stop");
    if (dice_.percent(30)) co_await coerce::sleep_for(1ms);
  }
  void pre_restart(std::exception_ptr, ActorContext&) {
    const Alone alone(busy_);
    if (dice_.percent(10)) throw std::runtime_error("does not want to go");
  }
  void post_restart(ActorContext&) {
    const Alone alone(busy_);
    if (dice_.percent(10)) throw std::runtime_error("does not want to come back");
  }
  void on_child_stopped(const ChildStopped&, ActorContext&) {
    const Alone alone(busy_);
    if (dice_.percent(5)) throw std::runtime_error("cannot bear it");
  }
  void handle(const ActorTerminated& ended, ActorContext&) {
    const Alone alone(busy_);
    if (ended.actor_ref().is_valid()) violation("a watched actor lives that is said to have ended");
  }

  void handle(ReceiveTimeout, ActorContext& ctx) {
    const Alone alone(busy_);
    ctx.unstash_all();  // somebody may wait for the answer
    if (dice_.percent(20)) ctx.cancel_receive_timeout();
    if (dice_.percent(5)) throw std::runtime_error("cannot bear the silence");
  }

  Task<Result<std::uint64_t>> handle(Request request, ActorContext& ctx) {
    const Alone alone(busy_);
    const std::uint64_t value = request.value;
    switch (request.deed) {
      case Deed::Work:
        break;
      case Deed::Throw:
        throw std::runtime_error("thrown on demand");
      case Deed::Stop:
        ctx.stop();
        break;
      case Deed::Spawn: {
        const bool spawned = co_await spawn(ctx);
        (void)spawned;
        break;
      }
      case Deed::SpawnMany:
        for (int i = 0; i < 3; ++i) {
          const bool spawned = co_await spawn(ctx);
          if (!spawned) break;
        }
        break;
      case Deed::Watch:
        (void)ctx.watch(*request.other_boxed);
        break;
      case Deed::Attach:
        (void)ctx.attach_child_ref(*request.other_boxed);
        break;
      case Deed::Unwatch:
        ctx.unwatch(*request.other_boxed);
        break;
      case Deed::Nap:
        (void)co_await coerce::sleep_for(1ms);
        break;
      case Deed::Ask: {
        outcomes.begin();
        auto answer = co_await request.other->send(Request(Deed::Work, request.value), 5ms);
        outcomes.end(answer);
        break;
      }
      case Deed::Tick:
        timer_.emplace(Timer::start_immediately(ctx.actor_ref<Member>(), 1ms,
                                                Request(Deed::Work, value), timer_mode()));
        break;
      case Deed::Schedule: {
        auto scheduled = ctx.actor_ref<Member>().scheduled_notify(
            Request(Deed::Work, value), std::chrono::milliseconds(dice_.below(4)));
        if (dice_.percent(50)) scheduled.cancel();
        break;
      }
      case Deed::RunTask: {
        const auto beside = [other = request.other, value](TaskContext) -> Task<void> {
          (void)co_await coerce::sleep_for(1ms);
          outcomes.begin();
          auto answer = co_await other->send(Request(Deed::Work, value), 5ms);
          outcomes.end(answer);
        };
        (void)ctx.spawn_task(beside);
        break;
      }
      case Deed::PutAside:
        if (ctx.stashed_count() < 5) {
          // Comes back as something else, so that it is not put aside for ever.
          request.deed = Deed::BringBack;
          (void)ctx.stash(std::move(request));
          (void)ctx.set_receive_timeout(1ms);
        }
        break;
      case Deed::BringBack:
        ctx.unstash_all();
        break;
      case Deed::BeTold:
        (void)ctx.set_receive_timeout(std::chrono::milliseconds(1 + dice_.below(3)));
        break;
    }
    co_return value + 1;
  }

 private:
  /// One at a time.
  class Alone {
   public:
    explicit Alone(bool& busy) : busy_(busy) {
      if (std::exchange(busy_, true)) violation("two handlers or hooks of one actor at a time");
    }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;
    ~Alone() { busy_ = false; }

   private:
    bool& busy_;
  };

  TimerOptions timer_mode() {
    return {.mode = dice_.percent(50) ? TimerMode::FixedRate : TimerMode::AfterHandled};
  }

  Task<bool> spawn(ActorContext& ctx) {
    if (depth_ >= deepest || ctx.supervised_count() >= 4) co_return false;
    const ActorId id(fmt::format("child-{}", dice_.below(5)));
    SupervisorStrategy strategy = strategy_for(dice_);
    const auto factory = [round = round_, depth = depth_ + 1] { return Member(round, depth); };
    outcomes.begin();
    auto child = co_await ctx.spawn(id, factory, std::move(strategy));
    outcomes.end(child);
    co_return child.has_value();
  }

  std::shared_ptr<Round> round_;
  Dice dice_;
  std::uint32_t depth_;
  std::optional<Timer> timer_;
  bool busy_ = false;
  MemberToken token_;
};

template <Overflow Policy>
Task<void> start_family(ActorSystem system, std::shared_ptr<Round> round) {
  const auto factory = [round] { return Member<Policy>(round, 0); };
  outcomes.begin();
  auto root = co_await system.new_actor(new_actor_id(), factory);
  outcomes.end(root);
}

Task<void> start_some_family(ActorSystem system, std::shared_ptr<Round> round,
                             std::uint32_t which) {
  switch (which % 3) {
    case 0:
      return start_family<Overflow::Reject>(std::move(system), std::move(round));
    case 1:
      return start_family<Overflow::DropOldest>(std::move(system), std::move(round));
    default:
      return start_family<Overflow::Suspend>(std::move(system), std::move(round));
  }
}

void check_answer(const Result<std::uint64_t>& answer, std::uint64_t value) {
  if (answer && *answer != value + 1) violation("the answer to {} is {}", value, *answer);
}

Task<void> keep_calling(ActorSystem system, std::shared_ptr<Round> round, std::uint32_t number) {
  Dice dice(round->seed, round->number, number);
  for (std::uint32_t i = 0; i < operations_per_caller; ++i) {
    if (dice.percent(10)) co_await start_some_family(system, round, dice.below(3));
    auto member = round->pick(dice);
    auto other = round->pick(dice);
    if (!member || !other) {
      co_await coerce::yield();
      continue;
    }
    const auto deed = static_cast<Deed>(dice.below(deed_count));
    const std::uint64_t value = dice.below(1'000'000);
    Request request(deed, value, other->receiver, other->boxed);
    if (dice.percent(40)) {
      for (std::uint32_t n = 1 + dice.below(8); n > 0; --n) (void)member->receiver.notify(request);
    } else if (dice.percent(50)) {
      outcomes.begin();
      const auto answer = co_await member->receiver.send(std::move(request));
      outcomes.end(answer);
      check_answer(answer, value);
    } else {
      outcomes.begin();
      const auto answer = co_await member->receiver.send(std::move(request),
                                                         std::chrono::milliseconds(dice.below(4)));
      outcomes.end(answer);
      check_answer(answer, value);
    }
  }
}

void run_round(Watchdog& watchdog, std::uint64_t seed, std::uint64_t number) {
  const auto round = std::make_shared<Round>(seed, number);
  const bool in_the_middle = number % 3 == 0;
  {
    watchdog.enter("start");
    auto system = ActorSystem::builder()
                      .worker_threads(2)
                      .top_level_strategy(SupervisorStrategy::restart().max_restarts(3))
                      .build();
    const std::uint32_t families = number % 10 == 1 ? many_families : family_count;
    for (std::uint32_t i = 0; i < families; ++i)
      system.block_on(start_some_family(system, round, i));
    watchdog.enter("traffic");
    std::vector<Task<void>> callers;
    for (std::uint32_t i = 0; i < caller_count; ++i)
      callers.push_back(keep_calling(system, round, i));
    const std::uint64_t began_with = outcomes.ended();
    std::jthread outside;
    if (in_the_middle)
      outside = std::jthread([&] {
        while (!round->over && outcomes.ended() < began_with + 300) std::this_thread::yield();
        const auto report = system.shutdown_blocking(40s);
        if (!report.complete) violation("a shutdown in the middle is incomplete");
      });
    system.block_on(coerce::when_all(std::move(callers)));
    round->over = true;
    if (outside.joinable()) outside.join();
    watchdog.enter("shutdown");
    round->forget();
    const auto report = system.shutdown_blocking(40s);
    if (!report.complete) violation("a shutdown is incomplete: {} stuck", report.stuck.size());
    if (system.live_actor_count() != 0) violation("{} actors live on", system.live_actor_count());
  }
  if (outcomes.started() != outcomes.ended())
    violation("{} calls began and {} ended", outcomes.started(), outcomes.ended());
  if (MessageToken::live() != 0) violation("{} messages leaked", MessageToken::live());
  if (MemberToken::live() != 0) violation("{} members leaked", MemberToken::live());
}

int run_all() {
  const std::uint64_t rounds = number_from_environment("COERCE_STRESS_ROUNDS", 50);
  const std::uint64_t seed = number_from_environment("COERCE_SEED", std::random_device()());
  fmt::print("supervised_families: seed {}, {} rounds\n", seed, rounds);
  std::fflush(stdout);  // whatever happens next, the seed is known
  Watchdog watchdog(seed, round_limit, outcomes);
  for (std::uint64_t round = 1; round <= rounds && violations == 0; ++round) {
    watchdog.begin_round(round);
    run_round(watchdog, seed, round);
  }
  outcomes.print();
  fmt::print("{} violations\n", violations.load());
  return violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace coerce::stress

int main() { return coerce::stress::run_all(); }
