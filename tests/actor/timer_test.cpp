#include <coerce/actor/timer.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorSystem;
using coerce::Duration;
using coerce::LocalActorRef;
using coerce::Task;
using coerce::Timer;
using Seconds = std::vector<int>;

namespace {

struct Tick {
  Tick() {}
  std::string text = "tick that is longer than a small string";
};
struct SlowTick {
  Duration takes;
};
struct Nothing {};
struct Fail {};

/// Writes down when it is ticked.
class Clockwork : public coerce::Actor {
 public:
  Clockwork(Seconds& at, const coerce::ManualClock& clock)
      : at_(&at), clock_(&clock), began_(clock.now()) {}

  void handle(const Tick& tick, ActorContext&) {
    if (!tick.text.empty()) write();
  }
  Task<void> handle(SlowTick tick, ActorContext&) {
    write();
    (void)co_await coerce::sleep_for(tick.takes);
  }
  void handle(Fail, ActorContext&) {
    write();
    throw std::runtime_error("tock");
  }
  void handle(Nothing, ActorContext&) {}

 private:
  void write() { at_->push_back(static_cast<int>((clock_->now() - began_) / 1s)); }

  Seconds* at_;
  const coerce::ManualClock* clock_;
  coerce::TimePoint began_;
};

/// Time passes a second at a time.
struct Bench {
  explicit Bench(coerce::MailboxOptions mailbox = {})
      : system(
            ActorSystem::builder().worker_threads(0).clock(clock).seed(7).mailbox(mailbox).build()),
        actor(start<Clockwork>(system, at, clock)) {}

  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock.advance(1s);
      system.poll();
    }
  }

  coerce::ManualClock clock;
  Seconds at;
  ActorSystem system;
  std::optional<LocalActorRef<Clockwork>> actor;
};

}  // namespace

TEST_CASE("a timer ticks once in each period, the first time after one", "[timer][B-020]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 2s, Tick{});
  bench.pass(7);
  CHECK(bench.at == Seconds{2, 4, 6});
}

TEST_CASE("a timer that is started immediately ticks at once", "[timer][B-107]") {
  Bench bench;
  auto timer = Timer::start_immediately(*bench.actor, 2s, Tick{});
  bench.system.poll();
  CHECK(bench.at == Seconds{0});
  bench.pass(4);
  CHECK(bench.at == Seconds{0, 2, 4});
}

TEST_CASE("a stopped timer ticks no more", "[timer][B-020]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 1s, Tick{});
  bench.pass(2);
  CHECK(timer.stop());
  bench.pass(5);
  CHECK(bench.at == Seconds{1, 2});
  CHECK_FALSE(timer.is_ticking());
  CHECK_FALSE(timer.stop());
}

TEST_CASE("a destroyed timer ticks no more", "[timer][B-207][W-25]") {
  Bench bench;
  {
    auto timer = Timer::start(*bench.actor, 1s, Tick{});
    bench.pass(1);
  }
  bench.pass(5);
  CHECK(bench.at == Seconds{1});
  CHECK(bench.system.scheduler().timer_count() == 0);
}

TEST_CASE("a tick that waits in the mailbox when its timer stops is not handled", "[timer]") {
  Bench bench;
  auto timer = Timer::start_immediately(*bench.actor, 1s, Tick{});
  timer.stop();
  bench.system.poll();
  CHECK(bench.at.empty());
  bench.pass(3);
  CHECK(bench.at.empty());
}

TEST_CASE("a moved timer goes on, and the one that is assigned to stops", "[timer]") {
  Bench bench;
  Timer timer = Timer::start(*bench.actor, 1s, SlowTick{0s});
  Timer other;
  CHECK_FALSE(other.is_ticking());
  other = std::move(timer);
  bench.pass(1);
  CHECK(bench.at == Seconds{1});
  other = Timer::start(*bench.actor, 2s, Tick{});
  bench.pass(2);
  CHECK(bench.at == Seconds{1, 3});
}

TEST_CASE("a fixed rate does not drift, whatever the handler takes", "[timer][W-25]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 3s, SlowTick{2s});
  bench.pass(10);
  CHECK(bench.at == Seconds{3, 6, 9});
  CHECK(timer.skipped() == 0);
}

TEST_CASE("a slow handler delays one tick and has the others skipped and counted",
          "[timer][B-107]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 2s, SlowTick{5s});
  bench.pass(6);
  CHECK(bench.at == Seconds{2});
  CHECK(timer.skipped() == 1);  // that of 4 waits for the handling; that of 6 found it waiting
  bench.pass(1);
  CHECK(bench.at == Seconds{2, 7});
}

TEST_CASE("after-handled periods run from the end of the handling", "[timer]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 2s, SlowTick{3s}, {.mode = Timer::Mode::AfterHandled});
  bench.pass(12);
  CHECK(bench.at == Seconds{2, 7, 12});
  CHECK(timer.skipped() == 0);
}

TEST_CASE("an after-handled timer that is started immediately waits for its first handling",
          "[timer]") {
  Bench bench;
  auto timer =
      Timer::start_immediately(*bench.actor, 2s, SlowTick{3s}, {.mode = Timer::Mode::AfterHandled});
  bench.system.poll();
  bench.pass(10);
  CHECK(bench.at == Seconds{0, 5, 10});
}

TEST_CASE("ticks whose time has passed unseen are skipped and counted", "[timer]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 1s, Tick{});
  bench.clock.advance(10s);
  bench.system.poll();
  CHECK(bench.at == Seconds{10});
  CHECK(timer.skipped() == 9);
  bench.pass(1);
  CHECK(bench.at == Seconds{10, 11});
}

TEST_CASE("a timer does not keep an anonymous actor from ending, and stops with it", "[timer]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 1s, Tick{});
  bench.actor.reset();
  bench.system.poll();
  CHECK(bench.system.live_actor_count() == 0);
  bench.pass(1);
  CHECK_FALSE(timer.is_ticking());
  CHECK(bench.system.scheduler().timer_count() == 0);
  CHECK(bench.at.empty());
}

TEST_CASE("a timer stops when its actor is stopped with a tick in the mailbox", "[timer]") {
  Bench bench;
  auto timer = Timer::start_immediately(*bench.actor, 1s, Tick{});
  (void)bench.actor->notify_stop();
  bench.system.poll();
  CHECK_FALSE(timer.is_ticking());
  CHECK(bench.system.dead_letter_count() == 0);
}

TEST_CASE("a timer of an actor that has ended stops by itself", "[timer]") {
  Bench bench;
  join(bench.system, *bench.actor);
  auto timer = Timer::start_immediately(*bench.actor, 1s, Tick{});
  CHECK_FALSE(timer.is_ticking());
}

TEST_CASE("a tick may be put aside, and its timer goes on", "[timer][stash]") {
  struct Keeper : coerce::Actor {
    void handle(Tick tick, ActorContext& ctx) {
      if (!open && ctx.stash(std::move(tick))) return;
      ++handled;
    }
    void handle(Nothing, ActorContext& ctx) {
      open = true;
      ctx.unstash_all();
    }
    bool open = false;
    int handled = 0;
  };
  coerce::ManualClock clock;
  auto system = ActorSystem::builder().worker_threads(0).clock(clock).build();
  const auto keeper = start<Keeper>(system);
  auto timer = Timer::start(keeper, 1s, Tick{});
  const auto pass = [&] {
    clock.advance(1s);
    system.poll();
  };
  const auto handled = [&] {
    return value_of(system.block_on(keeper.exec([](Keeper& self) { return self.handled; })));
  };
  pass();
  CHECK(handled() == 0);
  keeper.notify(Nothing{});
  system.poll();
  CHECK(handled() == 1);
  pass();
  pass();
  CHECK(handled() == 3);
}

TEST_CASE("a failing handler does not stop the timer of an actor that goes on", "[timer]") {
  coerce::ManualClock clock;
  Seconds at;
  auto system = ActorSystem::builder()
                    .worker_threads(0)
                    .clock(clock)
                    .top_level_strategy(coerce::SupervisorStrategy::resume())
                    .build();
  const auto make = [&] { return Clockwork(at, clock); };
  auto actor = value_of(system.block_on(system.new_actor("failing", make)));
  auto timer = Timer::start(actor, 1s, Fail{});
  for (int i = 0; i < 2; ++i) {
    clock.advance(1s);
    system.poll();
  }
  CHECK(at == Seconds{1, 2});
}

TEST_CASE("a full mailbox makes a timer skip ticks, and counts them", "[timer]") {
  for (const auto mode : {Timer::Mode::FixedRate, Timer::Mode::AfterHandled}) {
    Bench bench({.capacity = 1});
    auto timer = Timer::start(*bench.actor, 2s, Tick{}, {.mode = mode});
    bench.actor->notify(SlowTick{5s});
    bench.system.poll();
    bench.actor->notify(Nothing{});  // there is no room for more
    bench.pass(4);
    CHECK(timer.skipped() == 2);
    bench.pass(2);
    CHECK(bench.at == Seconds{0, 6});
    bench.pass(2);
    CHECK(bench.at == Seconds{0, 6, 8});
  }
}

TEST_CASE("a tick that makes room for another message is skipped and counted", "[timer]") {
  for (const auto mode : {Timer::Mode::FixedRate, Timer::Mode::AfterHandled}) {
    Bench bench({.capacity = 1, .overflow = coerce::Overflow::DropOldest});
    auto timer = Timer::start_immediately(*bench.actor, 1s, Tick{}, {.mode = mode});
    bench.actor->notify(Nothing{});
    bench.system.poll();
    CHECK(timer.skipped() == 1);
    bench.pass(1);
    CHECK(bench.at == Seconds{1});
  }
}

TEST_CASE("a period that is not above zero is refused by name", "[timer]") {
  Bench bench;
  CHECK_THROWS_WITH(Timer::start(*bench.actor, 0s, Tick{}), Catch::Contains("period"));
  CHECK_THROWS_AS(Timer::start(*bench.actor, -1s, Tick{}), std::invalid_argument);
}

TEST_CASE("a timer outlives its system and has stopped with it", "[timer]") {
  std::optional<Bench> bench(std::in_place);
  auto armed = Timer::start(*bench->actor, 1s, Tick{});
  auto waiting =
      Timer::start_immediately(*bench->actor, 1s, Tick{}, {.mode = Timer::Mode::AfterHandled});
  bench.reset();
  CHECK_FALSE(armed.is_ticking());
  CHECK_FALSE(waiting.is_ticking());
}

TEST_CASE("a shutdown stops every timer", "[timer]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 1s, Tick{});
  CHECK(bench.system.shutdown_blocking().complete);
  CHECK_FALSE(timer.is_ticking());
  CHECK(bench.system.scheduler().timer_count() == 0);
  CHECK_FALSE(Timer::start(*bench.actor, 1s, Tick{}).is_ticking());
}

TEST_CASE("ticks allocate nothing once the timer runs", "[timer]") {
  Bench bench;
  auto timer = Timer::start(*bench.actor, 1s, SlowTick{0s});
  bench.at.reserve(2000);
  bench.pass(5);
  const std::size_t before = coerce::detail::pool_heap_blocks();
  bench.pass(1000);
  CHECK(coerce::detail::pool_heap_blocks() == before);
  CHECK(bench.at.size() == 1005);
}

TEST_CASE("a timer may be stopped from any thread while it ticks", "[timer]") {
  Gate first;
  struct Opener : coerce::Actor {
    explicit Opener(Gate gate) : gate_(std::move(gate)) {}
    void handle(Nothing, ActorContext&) {
      gate_.open();
      ++count;
    }
    Gate gate_;
    int count = 0;
  };
  auto system = make_system();
  auto actor = start<Opener>(system, first);
  auto timer = Timer::start(actor, 1ms, Nothing{});
  REQUIRE(first.wait());
  CHECK(timer.stop());
  const auto count = [](Opener& opener) { return opener.count; };
  const int ticks = value_of(system.block_on(actor.exec(count)));  // behind what was handled
  CHECK(value_of(system.block_on(actor.exec(count))) == ticks);
}
