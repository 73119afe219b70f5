#include <coerce/actor/system.hpp>

#include <coerce/runtime/sleep.hpp>

#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>

#include "actor/fixtures.hpp"

namespace coerce::test::shuffled_cases {
namespace {

using namespace std::chrono_literals;

using Log = std::string;

struct Note {
  char name;
};

/// Writes down what it gets; all such actors share the log.
class Writer : public Actor {
 public:
  explicit Writer(Log& log) : log_(&log) {}
  void handle(Note note, ActorContext&) { *log_ += note.name; }

 private:
  Log* log_;
};

ActorSystem shuffled_system(std::uint64_t seed, ManualClock& clock, unsigned budget = 64) {
  return ActorSystem::builder().shuffled(true).seed(seed).clock(clock).budget(budget).build();
}

template <class F>
std::set<Log> outcomes(F&& scenario, std::uint64_t seeds) {
  std::set<Log> different;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    ManualClock clock;
    Log log;
    ActorSystem system = shuffled_system(seed, clock);
    scenario(system, log);
    (void)system.poll();
    different.insert(log);
  }
  return different;
}

TEST_CASE("two actors that have messages run in both orders", "[shuffled]") {
  const auto scenario = [](ActorSystem& system, Log& log) {
    const auto a = start<Writer>(system, log);
    const auto b = start<Writer>(system, log);
    (void)a.notify(Note{'a'});
    (void)b.notify(Note{'b'});
  };
  CHECK(outcomes(scenario, 50) == std::set<Log>{"ab", "ba"});
}

TEST_CASE("two senders' messages mix in every way, each sender's in order", "[shuffled]") {
  const auto send = [](LocalActorRef<Writer> to, std::string names) -> Task<void> {
    for (const char name : names) {
      (void)to.notify(Note{name});
      co_await yield();
    }
  };
  const auto scenario = [&send](ActorSystem& system, Log& log) {
    const auto writer = start<Writer>(system, log);
    system.spawn(send(writer, "12"));
    system.spawn(send(writer, "34"));
  };
  CHECK(outcomes(scenario, 200) == std::set<Log>{"1234", "1324", "1342", "3124", "3142", "3412"});
}

TEST_CASE("an actor's turn takes as many messages as are drawn, up to the budget", "[shuffled]") {
  const auto turns_for_eight = [](unsigned budget) {
    std::set<std::size_t> turns;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      ManualClock clock;
      Log log;
      ActorSystem system = shuffled_system(seed, clock, budget);
      const auto writer = start<Writer>(system, log);
      for (int i = 0; i < 8; ++i) (void)writer.notify(Note{'a'});
      turns.insert(system.poll());
    }
    return turns;
  };
  CHECK(turns_for_eight(1) == std::set<std::size_t>{8});
  const auto turns = turns_for_eight(4);
  CHECK(*turns.begin() == 2);
  CHECK(turns.size() >= 5);
}

TEST_CASE("a system of actors, timers and blocking work repeats itself under its seed",
          "[shuffled]") {
  const auto work = [](LocalActorRef<Writer> to, char name) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      (void)co_await sleep_for(1ms);
      const auto draw = [&to, name] { (void)to.notify(Note{name}); };
      co_await blocking(draw);
      (void)co_await to.send(Note{static_cast<char>(name + 1)}, 1ms);
    }
  };
  const auto run = [&work](std::uint64_t seed) {
    ManualClock clock;
    Log log;
    ActorSystem system = shuffled_system(seed, clock);
    const auto writer = start<Writer>(system, log);
    for (const char name : {'a', 'k', 's'}) system.spawn(work(writer, name));
    for (int i = 0; i < 5; ++i) {
      (void)system.poll();
      clock.advance(1ms);
    }
    (void)system.poll();
    return log;
  };
  std::set<Log> different;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const Log log = run(seed);
    CHECK(log == run(seed));
    CHECK(log.size() == 18);
    different.insert(log);
  }
  CHECK(different.size() > 20);
}

TEST_CASE("a shuffled system has no threads", "[shuffled]") {
  CHECK_THROWS_AS(ActorSystem::builder().shuffled(true).worker_threads(2).build(),
                  std::invalid_argument);
  CHECK(ActorSystem::builder().shuffled(true).build().scheduler().workers() == 0);
}

}  // namespace
}  // namespace coerce::test::shuffled_cases
