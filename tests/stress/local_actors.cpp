/// \file
/// Stress for local actors: everything that may race does, round after round.
///
/// A round builds a system with two workers, keeps eight tracked actors busy from sixteen tasks and
/// one thread outside, stops and replaces actors under their callers, and takes the system down, in
/// every third round in the middle of the traffic. It holds the library to this:
///   - every call ends, with a value or an error that a local actor may give;
///   - a reply belongs to its request, and messages of one sender arrive in order;
///   - an actor handles one message at a time;
///   - a shutdown is complete, and no message and no actor outlives its system.
///
/// Environment: COERCE_STRESS_ROUNDS (default 50), COERCE_SEED (default: drawn; printed).
/// The seed fixes what the callers try to do, not how the threads interleave.
/// Exit code: 0, or 1 after a violation; a round that takes longer than a minute aborts.

#include <coerce/actor.hpp>

#include "local_actors.hpp"
#include "support.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <thread>

namespace coerce::stress {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t operations_per_caller = 60;
constexpr std::uint64_t half_of_the_operations = caller_count * operations_per_caller / 2;
constexpr int max_hops = 4;
constexpr std::chrono::seconds round_limit{60};

// ── Callers ─────────────────────────────────────────────────────────────────────────────────────

/// One sender of messages: its number, its dice, and refs that it once had.
struct Caller {
  Caller(Round& its_round, std::uint32_t its_number)
      : round(its_round), dice(its_round.seed, its_round.number, its_number), number(its_number) {}

  Stamp stamp() { return Stamp{number, ++sequence}; }

  Round& round;
  Dice dice;
  std::uint32_t number;
  std::uint64_t sequence = 0;
  std::optional<LocalActorRef<StressActor>> stale;  // of an actor that may long have ended
};

void check_answer(const Result<std::uint64_t>& answer, std::uint64_t value) {
  if (answer && *answer != value + 1) violation("the answer to {} is {}", value, *answer);
}

/// Starts the actor of a slot anew, unless somebody else is faster.
Task<void> replace(Caller& caller, std::size_t slot) {
  auto& round = caller.round;
  const bool fails_to_start = caller.dice.percent(10);
  outcomes.begin();
  auto actor =
      co_await into_actor<StressActor>(slot_id(slot), round.system, round, slot, fails_to_start);
  outcomes.end(actor);
  if (actor) {
    if (fails_to_start) violation("an actor was created although its start failed");
    caller.stale = round.slots.put(slot, *actor);
  }
}

/// Makes an anonymous actor, gives it some work, and forgets it.
Task<void> use_and_forget(Caller& caller) {
  auto& round = caller.round;
  outcomes.begin();
  auto actor =
      co_await into_actor<StressActor>(std::nullopt, round.system, round, actor_count - 1, false);
  outcomes.end(actor);
  if (!actor) co_return;

  (void)actor->notify<Add>(caller.stamp(), 1U);
  if (caller.dice.percent(50)) {
    outcomes.begin();
    auto answer = co_await actor->send<Add>(caller.stamp(), std::uint64_t{5});
    outcomes.end(answer);
    check_answer(answer, 5);
  }
  if (caller.dice.percent(50)) (void)actor->notify<Nap>(1ms, 1U);  // forgotten while it is busy
}

/// One call to one actor, of a kind that the dice choose.
Task<void> call(Caller& caller, LocalActorRef<StressActor> actor) {
  auto& dice = caller.dice;
  const auto value = static_cast<std::uint64_t>(dice.below(1'000'000));
  const auto limit = std::chrono::milliseconds(dice.below(4));
  const auto choice = dice.below(100);

  if (choice < 30) {
    outcomes.begin();
    auto answer = co_await actor.send<Add>(caller.stamp(), value);
    outcomes.end(answer);
    check_answer(answer, value);
  } else if (choice < 45) {
    (void)actor.notify<Add>(caller.stamp(), value);
  } else if (choice < 60) {  // abandoned, often
    outcomes.begin();
    auto answer = co_await actor.send_for<Add>(limit, caller.stamp(), value);
    outcomes.end(answer);
    check_answer(answer, value);
  } else if (choice < 66) {
    outcomes.begin();
    auto answer = co_await actor.send_for<Nap>(limit, 2ms, value);
    outcomes.end(answer);
    check_answer(answer, value);
  } else if (choice < 72) {
    outcomes.begin();
    auto answer = co_await actor.send<Nap>(std::chrono::milliseconds(1 + dice.below(2)), value);
    outcomes.end(answer);
    check_answer(answer, value);
  } else if (choice < 82) {
    outcomes.begin();
    auto seen = co_await actor.send<Relay>(value, max_hops, std::nullopt);
    outcomes.end(seen);
  } else if (choice < 87) {
    outcomes.begin();
    auto seen = co_await actor.send<Relay>(value, max_hops, limit + 1ms);
    outcomes.end(seen);
  } else if (choice < 92) {
    outcomes.begin();
    auto answer = co_await actor.send<Breed>(dice.below(4));
    outcomes.end(answer);
  } else if (choice < 95) {
    outcomes.begin();
    auto answer = co_await actor.send<Throw>(dice.percent(50));
    outcomes.end(answer);
    if (answer) violation("a handler that throws gave a value");
  } else if (choice < 97) {
    outcomes.begin();
    auto stopped = co_await actor.stop();
    outcomes.end(stopped);
  } else if (choice < 98) {
    (void)actor.notify_stop();
  } else if (choice < 99) {
    (void)actor.notify<Leave>();
  } else {
    outcomes.begin();
    auto status = co_await actor.status();
    outcomes.end(status);
  }
}

Task<void> make_traffic(Round& round, std::uint32_t number) {
  Caller caller(round, number);
  for (std::uint32_t i = 0; i < operations_per_caller; ++i) {
    if (round.operations.fetch_add(1) + 1 == half_of_the_operations) round.half_done.count_down();
    const std::size_t slot = caller.dice.below(actor_count);
    auto actor = round.slots.get(slot);
    if (!actor || !actor->is_valid()) {
      co_await replace(caller, slot);
      actor = round.slots.get(slot);
    }
    if (caller.stale && caller.dice.percent(5)) {
      co_await call(caller, *caller.stale);
    } else if (caller.dice.percent(5)) {
      co_await use_and_forget(caller);
    } else if (actor) {
      co_await call(caller, *actor);
    }
  }
}

/// Counts the caller as done only when everything that it held is gone.
Task<void> run_caller(Round& round, std::uint32_t number) {
  co_await make_traffic(round, number);
  round.callers_done.count_down();
}

/// What a thread that is no worker may do, for as long as everything else goes on.
void make_traffic_from_outside(Round& round) {
  Caller caller(round, caller_count);
  while (!round.callers_done.try_wait()) {
    const std::size_t slot = caller.dice.below(actor_count);
    auto actor = round.system.get_tracked_actor<StressActor>(slot_id(slot));
    if (!actor) {
      std::this_thread::yield();
      continue;
    }
    const auto value = static_cast<std::uint64_t>(caller.dice.below(1'000'000));
    const auto choice = caller.dice.below(100);
    if (choice < 40) {
      (void)actor->notify<Add>(caller.stamp(), value);
    } else if (choice < 65) {
      outcomes.begin();
      auto answer = actor->send_blocking(Add(caller.stamp(), value), 2ms);
      outcomes.end(answer);
      check_answer(answer, value);
    } else if (choice < 85) {
      outcomes.begin();
      auto answer = actor->send_blocking(Add(caller.stamp(), value));
      outcomes.end(answer);
      check_answer(answer, value);
    } else if (choice < 97) {
      outcomes.begin();
      auto answer = actor->exec_blocking([value](StressActor&) { return value + 1; });
      outcomes.end(answer);
      check_answer(answer, value);
    } else {
      outcomes.begin();
      auto stopped = actor->stop_blocking();
      outcomes.end(stopped);
    }
  }
}

// ── Rounds ──────────────────────────────────────────────────────────────────────────────────────

void shut_down(Round& round) {
  const auto report = round.system.shutdown_blocking(30s);
  if (report.complete) return;
  violation("round {}: the shutdown is incomplete, {} actors are stuck", round.number,
            report.stuck.size());
  for (const auto& actor : report.stuck) {
    violation("  {} ({}) in {}", actor.path.view(), actor.actor_type, actor.message_type);
  }
}

/// A ref is harmless when its actor, and even its system, is gone.
void check_dead(const std::optional<LocalActorRef<StressActor>>& ref) {
  if (!ref) return;
  if (ref->is_valid()) violation("a ref is valid after the end of its system");
  if (ref->notify<Leave>()) violation("a notify was taken after the end of its system");
}

void run_round(std::uint64_t seed, std::uint64_t number, Watchdog& watchdog) {
  watchdog.begin_round(number);
  std::optional<LocalActorRef<StressActor>> survivor;
  {
    Round round(seed, number);

    watchdog.enter("traffic");
    for (std::uint32_t i = 0; i < caller_count; ++i) round.system.spawn(run_caller(round, i));
    std::thread outsider([&round] { make_traffic_from_outside(round); });
    if (round.shut_down_in_traffic) {
      round.half_done.wait();
      watchdog.enter("shutdown in the middle of the traffic");
      shut_down(round);
    }
    watchdog.enter("end of the callers");
    round.callers_done.wait();
    outsider.join();

    watchdog.enter("shutdown");
    shut_down(round);
    survivor = round.slots.get(0);
    check_dead(survivor);
    watchdog.enter("end of the system");
  }
  check_dead(survivor);
  survivor.reset();

  if (outcomes.started() != outcomes.ended()) {
    violation("round {}: {} calls were begun, {} have ended", number, outcomes.started(),
              outcomes.ended());
  }
  if (MessageToken::live() != 0) {
    violation("round {}: {} messages outlive their system", number, MessageToken::live());
  }
  if (ActorToken::live() != 0) {
    violation("round {}: {} actors outlive their system", number, ActorToken::live());
  }
}

int run() {
  const auto rounds = number_from_environment("COERCE_STRESS_ROUNDS", 50);
  const auto seed = number_from_environment("COERCE_SEED", std::random_device()());
  fmt::print("local actors: {} rounds, COERCE_SEED={}\n", rounds, seed);
  std::fflush(stdout);  // whatever happens next, the seed is known

  {
    Watchdog watchdog(seed, round_limit, outcomes);
    for (std::uint64_t round = 0; round < rounds && violations == 0; ++round) {
      run_round(seed, round, watchdog);
    }
  }

  fmt::print("{} calls ended:\n", outcomes.ended());
  outcomes.print();
  if (violations == 0) return 0;
  fmt::print(stderr, "{} violations, COERCE_SEED={}\n", violations.load(), seed);
  return 1;
}

}  // namespace
}  // namespace coerce::stress

int main() { return coerce::stress::run(); }
