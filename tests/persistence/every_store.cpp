// The one contract of all stores, in the plainest words; conformance.* tries all of it.

#include <coerce/persistence/storage_provider.hpp>

#include <catch2/catch.hpp>

#include <coerce/persistence/in_memory.hpp>
#include <coerce/persistence/redis.hpp>
#include <coerce/persistence/sqlite.hpp>
#include <coerce/runtime/scheduler.hpp>

#include "persistence/temporary_directory.hpp"
#include "support/redis_server.hpp"

namespace coerce::test::every_store_cases {
namespace {

JournalEntry numbered(std::string_view type, std::int64_t number) {
  JournalEntry entry;
  entry.sequence = number;
  entry.payload_type = type;
  entry.bytes = bytes_of(std::to_string(number));
  return entry;
}

std::vector<JournalEntry> five() {
  std::vector<JournalEntry> entries;
  for (std::int64_t i = 1; i <= 5; ++i) entries.push_back(numbered("Event", i));
  return entries;
}

struct InMemory {
  JournalResult<InMemoryStorageProvider> open(const Scheduler&) { return provider; }
  InMemoryStorageProvider provider;
};
struct InSqlite {
  JournalResult<SqliteStorageProvider> open(const Scheduler&) {
    return SqliteStorageProvider::open(directory.file("a.db"));
  }
  TemporaryDirectory directory;
};
struct OnRedis {
  JournalResult<RedisStorageProvider> open(const Scheduler& scheduler) {
    return scheduler.block_on(RedisStorageProvider::connect(server.unix_uri()));
  }
  RedisServer server;
};

/// An opened journal of a new store.
template <class Place>
class Opened {
 public:
  Opened() {
    const auto provider = place_.open(scheduler_);
    REQUIRE(provider);
    storage_ = provider->journal_storage();
    const auto opened = run(storage_->open("1"));
    REQUIRE(opened);
    token = opened->token;
  }

  template <Awaitable A>
  AwaitResult<A> run(A&& awaitable) {
    return scheduler_.block_on(std::forward<A>(awaitable));
  }
  JournalStorage* operator->() const noexcept { return storage_.get(); }

  void append(std::int64_t behind, std::vector<JournalEntry> entries) {
    const AppendId id{1, static_cast<std::uint64_t>(behind)};
    const auto head = run(storage_->append(token, behind, id, std::move(entries)));
    REQUIRE(head);
  }
  std::vector<std::int64_t> sequences(std::int64_t from = 0, std::int64_t to = 1'000) {
    const auto read = run(storage_->read("1", from, to, 1 << 20));
    REQUIRE(read);
    std::vector<std::int64_t> found;
    for (const JournalEntry& entry : *read) {
      CHECK(text_of(entry.bytes) == std::to_string(entry.sequence));
      found.push_back(entry.sequence);
    }
    return found;
  }
  void delete_to(std::int64_t n) {
    const auto deleted = run(storage_->delete_events_to(token, n));
    REQUIRE(deleted);
  }

  WriteToken token;

 private:
  Place place_;
  Scheduler scheduler_{SchedulerOptions{.workers = 1}};
  std::shared_ptr<JournalStorage> storage_;
};

using Sequences = std::vector<std::int64_t>;

}  // namespace

TEMPLATE_TEST_CASE("a deletion takes the events below its number, and not that one",
                   "[journal][B-026][B-052]", InMemory, InSqlite, OnRedis) {
  Opened<TestType> journal;
  journal.append(0, five());
  journal.delete_to(3);
  REQUIRE(journal.sequences() == Sequences{3, 4, 5});
  journal.delete_to(5);
  REQUIRE(journal.sequences() == Sequences{5});
  journal.delete_to(6);
  REQUIRE(journal.sequences().empty());
  const auto head = journal.run(journal->head("1"));
  REQUIRE(head);
  REQUIRE(*head == 5);
}

TEMPLATE_TEST_CASE("the latest snapshot is the one of the highest sequence", "[journal][B-053]",
                   InMemory, InSqlite, OnRedis) {
  Opened<TestType> journal;
  journal.append(0, five());
  for (const std::int64_t sequence : {1, 3, 2}) {
    const auto written =
        journal.run(journal->write_snapshot(journal.token, numbered("Snapshot", sequence)));
    REQUIRE(written);
  }
  const auto latest = journal.run(journal->read_latest_snapshot("1"));
  REQUIRE(latest);
  REQUIRE(*latest);
  REQUIRE((*latest)->sequence == 3);
  REQUIRE(text_of((*latest)->bytes) == "3");
}

TEMPLATE_TEST_CASE("events that are appended one by one are read in their order",
                   "[journal][B-054]", InMemory, InSqlite, OnRedis) {
  Opened<TestType> journal;
  journal.append(0, {numbered("Event", 1)});
  journal.append(1, {numbered("Event", 2)});
  REQUIRE(journal.sequences() == Sequences{1, 2});
}

TEMPLATE_TEST_CASE("a batch is numbered from one, and any part of it is read by its numbers",
                   "[journal][B-055][B-056]", InMemory, InSqlite, OnRedis) {
  Opened<TestType> journal;
  journal.append(0, five());
  REQUIRE(journal.sequences() == Sequences{1, 2, 3, 4, 5});
  REQUIRE(journal.sequences(3, 4) == Sequences{3});
  REQUIRE(journal.sequences(2, 5) == Sequences{2, 3, 4});
  REQUIRE(journal.sequences(6).empty());
}

}  // namespace coerce::test::every_store_cases
