#include "persistence/redis_fixture.hpp"

#include <array>
#include <atomic>

#include <catch2/catch.hpp>

#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "persistence/placed_events.hpp"

using namespace coerce;
using namespace coerce::test;
using namespace std::chrono_literals;
using Kind = JournalErr::Kind;

namespace {

constexpr std::size_t kJournals = 16;
constexpr int kKills = 3;

struct Load {
  explicit Load(std::uint64_t seed) : rng(seed) {}
  Rng rng;
  std::atomic<int> acknowledged{0};
  std::atomic<bool> ending{false};
  std::array<std::int64_t, kJournals> heads{};
  std::atomic<int> unknown{0};  ///< appends whose fate had to be asked for
};

/// Opens again until the store says what became of an append.
Task<JournalResult<OpenedJournal>> ask_for_fate(JournalStorage& storage, std::string id) {
  for (;;) {
    auto opened = co_await storage.open(id);
    const bool may_come = !opened && (opened.error().kind() == Kind::Unavailable ||
                                      opened.error().kind() == Kind::Unknown);
    if (!may_come) co_return opened;
    co_await sleep_for(5ms);
  }
}

/// Appends as a persistent actor does, through all failures. Gives what it ended with.
Task<std::string> write(JournalStorage& storage, std::size_t number, Load& load) {
  const std::string id = std::to_string(number);
  auto opened = co_await ask_for_fate(storage, id);
  while (!load.ending) {
    if (!opened) co_return opened.error().to_string();
    const AppendId append = AppendId::draw(load.rng);
    auto batch = placed_batch(load.heads[number], 1 + load.rng.below(4));
    const auto size = static_cast<std::int64_t>(batch.size());
    auto head =
        co_await storage.append(opened->token, load.heads[number], append, std::move(batch));
    if (!head) {
      if (head.error().kind() == Kind::Unknown) ++load.unknown;
      opened = co_await ask_for_fate(storage, id);
      if (!opened) co_return opened.error().to_string();
      const bool done = opened->last_append == append;
      const std::int64_t expected = load.heads[number] + (done ? size : 0);
      if (opened->head != expected) co_return "the head is another than it can be";
      load.heads[number] = expected;
      continue;
    }
    load.heads[number] = *head;
    ++load.acknowledged;
    load.acknowledged.notify_all();
  }
  co_return std::string();
}

}  // namespace

TEST_CASE("a Redis server killed under load loses nothing that it acknowledged",
          "[redis][journal]") {
  const std::uint64_t seed = Rng::random_seed();
  INFO("seed " << seed);
  Load load(seed);
  RedisServer server;
  RedisJournals journals(server.uri(), RedisOptions().max_back_off(20ms));
  std::array<std::string, kJournals> ends;
  std::atomic<std::size_t> running{kJournals};
  const auto run = [&](std::size_t number) -> Task<void> {
    ends[number] = co_await write(*journals.operator->(), number, load);
    --running;
    running.notify_all();
  };
  for (std::size_t i = 0; i < kJournals; ++i) journals.scheduler().spawn(run(i));

  const auto wait_for_more = [&] {
    const int enough = load.acknowledged + 50 + static_cast<int>(load.rng.below(500));
    for (int now = load.acknowledged; now < enough; now = load.acknowledged)
      load.acknowledged.wait(now);
  };
  for (int kill = 0; kill < kKills; ++kill) {
    wait_for_more();
    server.kill9();
    server.start();
  }
  wait_for_more();
  load.ending = true;
  for (std::size_t left = running; left > 0; left = running) running.wait(left);
  for (const std::string& end : ends) REQUIRE(end.empty());
  for (std::size_t i = 0; i < kJournals; ++i)
    check_placed(journals, std::to_string(i), load.heads[i]);
  WARN(load.unknown << " appends had to ask for their fate");
}
