#include <coerce/persistence/sqlite.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>

#include <fmt/format.h>

#include <coerce/runtime/when.hpp>
#include <coerce/testkit/explore.hpp>

#include "persistence/power_cut_vfs.hpp"
#include "persistence/sqlite_support.hpp"
#include "persistence/temporary_directory.hpp"

namespace coerce::test::sqlite_power_cut_cases {
namespace {

using testkit::TestSystem;
using Kind = JournalErr::Kind;

/// What happened in a batch of runs.
struct Seen {
  int cuts = 0;      ///< of the power, while a store was open
  int unopened = 0;  ///< while it was being opened
  int done = 0;      ///< appends of an unknown outcome that turned out to be done
  int not_done = 0;  ///< and those that did not
};

/// What the writer of a journal knows about it.
struct Ledger {
  std::string id;
  std::vector<JournalEntry> events;  ///< acknowledged, without those deleted
  std::int64_t head = 0;
  std::int64_t first = 1;
  std::optional<AppendId> last_append;
  std::optional<JournalEntry> snapshot;
  Epoch epoch;
  std::uint64_t instance = 0;

  // Asked for, with an unknown outcome.
  std::vector<JournalEntry> perhaps_events;
  AppendId perhaps_id;
  std::optional<JournalEntry> perhaps_snapshot;
  std::int64_t perhaps_first = 1;
  bool perhaps_opened = false;

  void settle() {
    perhaps_events.clear();
    perhaps_snapshot.reset();
    perhaps_first = first;
    perhaps_opened = false;
  }
  void appended(const std::vector<JournalEntry>& more, const AppendId& append_id) {
    events.insert(events.end(), more.begin(), more.end());
    head += static_cast<std::int64_t>(more.size());
    last_append = append_id;
  }
  void deleted_below(std::int64_t n) {
    first = n;
    std::erase_if(events, [&](const JournalEntry& entry) { return entry.sequence < n; });
  }
};

/// Draws operations and notes what came of them, until one fails.
class Writer {
 public:
  Writer(TestSystem& test, JournalStorage& journal, Ledger& ledger, Rng& rng)
      : test_(test), journal_(journal), ledger_(ledger), rng_(rng) {}

  Task<void> run(std::uint64_t rounds) {
    const bool is_open = co_await open();
    bool goes_on = is_open;
    while (goes_on && rounds-- != 0) {
      const std::uint64_t choice = rng_.below(10);
      if (choice < 7)
        goes_on = co_await append();
      else if (choice < 9)
        goes_on = co_await write_snapshot();
      else
        goes_on = co_await delete_events();
    }
  }

 private:
  /// What is certainly not done leaves no doubt behind.
  template <class T>
  bool done(const JournalResult<T>& result) {
    if (result || result.error().kind() == Kind::Unavailable) return result.has_value();
    test_.check(result.error().kind() == Kind::Unknown,
                "an error besides Unavailable and Unknown: " + result.error().to_string());
    in_doubt_ = true;
    return false;
  }
  template <class T>
  bool finish(const JournalResult<T>& result) {
    const bool is_done = done(result);
    if (!in_doubt_) ledger_.settle();
    return is_done;
  }

  Task<bool> open() {
    ledger_.perhaps_opened = true;
    const auto opened = co_await journal_.open(ledger_.id, Epoch{ledger_.epoch.value + 1});
    if (opened) {
      token_ = opened->token;
      ledger_.epoch = token_.epoch;
      ledger_.instance = token_.instance;
    }
    co_return finish(opened);
  }

  Task<bool> append() {
    std::vector<JournalEntry> events;
    for (std::uint64_t i = 1 + rng_.below(3); i != 0; --i) {
      const auto sequence = ledger_.head + static_cast<std::int64_t>(events.size()) + 1;
      const std::string text = fmt::format("{} {} {}", ledger_.id, sequence, rng_.next());
      events.push_back(event(text + std::string(rng_.below(6'000), 'x'), {"tag"}, sequence));
    }
    ledger_.perhaps_events = events;
    ledger_.perhaps_id = AppendId::draw(rng_);
    const auto head = co_await journal_.append(token_, ledger_.head, ledger_.perhaps_id, events);
    if (head) ledger_.appended(events, ledger_.perhaps_id);
    co_return finish(head);
  }

  Task<bool> write_snapshot() {
    ledger_.perhaps_snapshot = event(fmt::format("state {}", rng_.next()), {}, ledger_.head);
    const auto written = co_await journal_.write_snapshot(token_, *ledger_.perhaps_snapshot);
    if (written) ledger_.snapshot = ledger_.perhaps_snapshot;
    co_return finish(written);
  }

  Task<bool> delete_events() {
    const auto kept = static_cast<std::int64_t>(rng_.below(4));
    const std::int64_t n = std::max(ledger_.first, ledger_.head + 1 - kept);
    ledger_.perhaps_first = n;
    const auto deleted = co_await journal_.delete_events_to(token_, n);
    if (deleted) ledger_.deleted_below(n);
    co_return finish(deleted);
  }

  TestSystem& test_;
  JournalStorage& journal_;
  Ledger& ledger_;
  Rng& rng_;
  WriteToken token_;
  bool in_doubt_ = false;
};

/// Compares what is stored with what was acknowledged, and takes over what turned out to be done.
void check(TestSystem& test, JournalStorage& journal, Ledger& ledger, Seen& seen) {
  const auto opened = test.run(journal.open(ledger.id));
  test.check(opened.has_value(), opened ? "" : opened.error().to_string());
  test.check(opened->token.instance > ledger.instance, "an opening was forgotten");
  test.check(opened->token.epoch == ledger.epoch ||
                 (ledger.perhaps_opened && opened->token.epoch.value == ledger.epoch.value + 1),
             "an epoch was forgotten");
  const auto more = static_cast<std::int64_t>(ledger.perhaps_events.size());
  const bool is_done = opened->head == ledger.head + more;
  if (more != 0) ++(is_done ? seen.done : seen.not_done);
  if (more != 0 && is_done) ledger.appended(ledger.perhaps_events, ledger.perhaps_id);
  test.check(opened->head == ledger.head, "the head is neither before nor after the last append");
  test.check(opened->last_append == ledger.last_append, "the id of another append");

  const auto events = test.run(journal.read(ledger.id, 1, opened->head + 1, 100 << 20));
  test.check(events.has_value(), events ? "" : events.error().to_string());
  const std::int64_t first = events->empty() ? opened->head + 1 : events->front().sequence;
  if (first == ledger.perhaps_first) ledger.deleted_below(first);
  test.check(*events == ledger.events, "other events than were acknowledged");

  const auto snapshot = test.run(journal.read_latest_snapshot(ledger.id));
  test.check(snapshot.has_value(), snapshot ? "" : snapshot.error().to_string());
  if (ledger.perhaps_snapshot && *snapshot == ledger.perhaps_snapshot) ledger.snapshot = *snapshot;
  test.check(*snapshot == ledger.snapshot, "another snapshot than was acknowledged");
  ledger.epoch = opened->token.epoch;
  ledger.instance = opened->token.instance;
  ledger.settle();
}

/// Some lives of a process that share a disk; many of them end with the power.
void lives_and_power_cuts(TestSystem& test, const SqliteOptions& options, Seen& seen) {
  Rng rng(test.seed());
  PowerCutDisk disk(rng.next());
  const TemporaryDirectory directory;
  const std::string path = directory.file("journals.db");
  std::vector<Ledger> ledgers(3);
  for (std::size_t i = 0; i < ledgers.size(); ++i) ledgers[i].id = fmt::format("journal {}", i);

  for (int life = 0; life < 4; ++life) {
    if (rng.below(4) != 0) disk.cut_after(1 + rng.below(rng.below(2) == 0 ? 60 : 600));
    const auto provider = SqliteStorageProvider::open(path, options);
    test.check(provider || disk.is_off(), "a file that a power cut has left is not opened");
    if (provider) {
      const auto journal = provider->journal_storage();
      std::vector<Writer> writers;
      for (Ledger& ledger : ledgers) writers.emplace_back(test, *journal, ledger, rng);
      std::vector<Task<void>> runs;
      for (Writer& writer : writers) runs.push_back(writer.run(rng.below(30)));
      test.run(when_all(std::move(runs)));
      if (disk.is_off()) {
        ++seen.cuts;
        disk.restart();
      }
    } else {
      ++seen.unopened;
      disk.restart();
    }
    disk.cut_after(UINT64_MAX / 2);
    const auto survivor = open_journal(path, options);
    for (Ledger& ledger : ledgers) check(test, *survivor, ledger, seen);
  }
}

testkit::ExploreReport explore_lives(SqliteDurability durability, std::size_t seeds, Seen& seen) {
  const SqliteOptions options{.durability = durability, .log_bytes = 64 << 10};
  const auto scenario = [&](TestSystem& test) { lives_and_power_cuts(test, options, seen); };
  return testkit::explore(scenario, {.seeds = seeds});
}

TEST_CASE("power cuts lose nothing that was acknowledged, under 1000 seeds",
          "[sqlite][power_cut]") {
  Seen seen;
  const auto report = explore_lives(SqliteDurability::Full, 1'000, seen);
  INFO(testkit::to_string(report));
  REQUIRE(report.passed);
  if (report.seeds_run != 1'000) return;  // one seed was asked for
  INFO(seen.cuts << " cuts, " << seen.unopened << " while opening; of unknown appends " << seen.done
                 << " were done, " << seen.not_done << " not");
  CHECK(seen.cuts > 1'000);
  CHECK(seen.unopened > 50);
  CHECK(seen.done > 50);
  CHECK(seen.not_done > 50);
}

TEST_CASE("a store that does not wait for the disk is found out by the same power cuts",
          "[sqlite][power_cut]") {
  Seen seen;
  const auto report = explore_lives(SqliteDurability::Relaxed, 200, seen);
  CHECK(!report.passed);
}

TEST_CASE("what is acknowledged has been synced", "[sqlite][power_cut]") {
  TestSystem test;
  PowerCutDisk disk(test.seed(), true);
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  const auto opened = test.run(journal->open("a"));
  REQUIRE(opened);
  for (std::int64_t i = 0; i < 50; ++i) {
    const std::size_t before = disk.syncs("-wal");
    REQUIRE(test.run(journal->append(opened->token, i, AppendId{1, 1}, {event("x")})));
    REQUIRE(!disk.has_unsynced("-wal"));
    REQUIRE(disk.syncs("-wal") == before + 1);
  }
}

TEST_CASE("one sync serves a group, and every group has one", "[sqlite][power_cut]") {
  TestSystem test;
  PowerCutDisk disk(test.seed(), true);
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  std::int64_t acknowledged = 0;
  const auto write = [&](std::string id) -> Task<void> {
    const auto opened = co_await journal->open(id);
    REQUIRE(opened);
    for (std::int64_t i = 0; i < 20; ++i) {
      std::vector<JournalEntry> events(1, event("x"));
      const auto head =
          co_await journal->append(opened->token, i, AppendId{1, 1}, std::move(events));
      REQUIRE(head);
      ++acknowledged;
    }
  };
  std::vector<Task<void>> writers;
  for (int i = 0; i < 100; ++i) writers.push_back(write(fmt::format("{}", i)));
  test.run(when_all(std::move(writers)));
  REQUIRE(acknowledged == 2'000);

  const std::string history = disk.history("-wal");
  const auto groups = std::count(history.begin(), history.end(), 'W');
  INFO(groups << " groups: " << history);
  CHECK(groups < acknowledged / 4);
  CHECK(history.back() == 'S');
  CHECK(history.find("WW") == std::string::npos);
  CHECK(static_cast<std::size_t>(groups) <= disk.syncs("-wal"));
}

}  // namespace
}  // namespace coerce::test::sqlite_power_cut_cases
