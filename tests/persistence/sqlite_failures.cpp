#include <coerce/persistence/sqlite.hpp>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/when.hpp>
#include <coerce/testkit/test_system.hpp>

#include "persistence/power_cut_vfs.hpp"
#include "persistence/sqlite_support.hpp"
#include "persistence/temporary_directory.hpp"

namespace coerce::test::sqlite_failure_cases {
namespace {

using namespace std::chrono_literals;
using testkit::TestSystem;
using Kind = JournalErr::Kind;

JournalErr refusal(const std::string& path) {
  const auto opened = SqliteStorageProvider::open(path, {.lock_wait = 50ms});
  REQUIRE(!opened);
  UNSCOPED_INFO(opened.error().to_string());
  return opened.error();
}

TEST_CASE("what is no file of journals is refused with the reason", "[sqlite]") {
  const TemporaryDirectory directory;
  const auto says = [](const JournalErr& error, Kind kind, std::string_view words) {
    CHECK(error.kind() == kind);
    CHECK_THAT(error.detail(), Catch::Contains(std::string(words)));
  };
  says(refusal(directory.file("")), Kind::Unavailable, "a directory");
  says(refusal(""), Kind::Unavailable, "a path");
  says(refusal(directory.file("no/such/file.db")), Kind::Unavailable, "No such file");
  says(refusal("/dev/null"), Kind::Unavailable, "not a regular file");
  std::ofstream(directory.file("text")) << std::string(10'000, 'x');
  says(refusal(directory.file("text")), Kind::Corrupt, "not a database");
  Stranger(directory.file("other.db")).run("CREATE TABLE somebodys (x)");
  says(refusal(directory.file("other.db")), Kind::Corrupt, "application id is 0");
  Stranger(directory.file("another.db")).run("PRAGMA application_id = 77");
  says(refusal(directory.file("another.db")), Kind::Corrupt, "application id is 77");
  open_journal(directory.file("later.db"));
  Stranger(directory.file("later.db")).run("PRAGMA user_version = 3");
  says(refusal(directory.file("later.db")), Kind::Corrupt, "version 3");
  open_journal(directory.file("earlier.db"));
  Stranger(directory.file("earlier.db")).run("PRAGMA user_version = 1");
  says(refusal(directory.file("earlier.db")), Kind::Corrupt, "version 1");
}

TEST_CASE("a path is a path, whatever it looks like and wherever the process goes", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.file(""));
  for (const char* name : {":memory:", "file:x.db?mode=memory", "plain.db"}) {
    const auto journal = open_journal(name);
    std::filesystem::current_path(before);
    const auto opened = test.run(journal->open("a"));
    REQUIRE(opened);
    CHECK(test.run(journal->append(opened->token, 0, AppendId{1, 1}, {event("x")})));
    CHECK(test.run(journal->head("a")) == 1);
    CHECK(std::filesystem::exists(directory.file(name)));
    std::filesystem::current_path(directory.file(""));
  }
  std::filesystem::current_path(before);
}

TEST_CASE("the file of another program is left as it is", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("other.db");
  Stranger(path).run("CREATE TABLE somebodys (x)");
  CHECK(refusal(path).kind() == Kind::Corrupt);
  Stranger stranger(path);
  CHECK(stranger.ask("SELECT count(*) FROM sqlite_schema") == 1);
  CHECK(stranger.ask("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'") == 0);
}

TEST_CASE("of two that make the file at the same time both find it whole", "[sqlite]") {
  const TemporaryDirectory directory;
  ActorSystem system = ActorSystem::builder().build();
  for (int round = 0; round < 20; ++round) {
    const std::string path = directory.file("a.db" + std::to_string(round));
    auto make = [&]() -> Task<std::string> {
      auto open = [&] {
        const auto made = SqliteStorageProvider::open(path);
        return made ? "open" : made.error().to_string();
      };
      co_return co_await blocking(open);
    };
    const auto [one, two] = system.block_on(when_all(make(), make()));
    CHECK(one == "open");
    CHECK(two == "open");
  }
}

TEST_CASE("a file that somebody writes can be opened meanwhile", "[sqlite]") {
  const TemporaryDirectory directory;
  open_journal(directory.file("a.db"));
  Stranger stranger(directory.file("a.db"));
  stranger.run("BEGIN IMMEDIATE");
  open_journal(directory.file("a.db"), {.lock_wait = 20ms});
}

/// A journal "a" with one event, on real files.
struct OneEvent {
  TestSystem test;
  TemporaryDirectory directory;
  std::string path = directory.file("a.db");
  std::shared_ptr<JournalStorage> journal = open_journal(path, {.lock_wait = 30ms});
  OpenedJournal opened = *test.run(journal->open("a"));
  std::int64_t head = *test.run(journal->append(opened.token, 0, AppendId{1, 1}, {event("1")}));

  JournalResult<std::int64_t> append() {
    auto result = test.run(journal->append(opened.token, head, AppendId{1, 2}, {event("more")}));
    if (result) head = *result;
    return result;
  }
  void fails(Kind kind) {
    const auto result = append();
    REQUIRE(!result);
    UNSCOPED_INFO(result.error().to_string());
    CHECK(result.error().kind() == kind);
  }
  void succeeds() {
    const auto result = append();
    INFO((result ? "" : result.error().to_string()));
    CHECK(result);
  }
};

TEST_CASE("a file that another has locked is Unavailable, and goes on when it is free",
          "[sqlite]") {
  OneEvent one;
  {
    Stranger stranger(one.path);
    stranger.run("BEGIN IMMEDIATE");
    one.fails(Kind::Unavailable);
    CHECK(one.test.run(one.journal->head("a")) == 1);  // reads need no lock
  }
  one.succeeds();
  CHECK(one.head == 2);
}

TEST_CASE("each request waits for the lock until its own deadline, whoever waits with it",
          "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.db");
  const auto journal = open_journal(path, {.lock_wait = 2s});
  ActorSystem system = ActorSystem::builder().build();
  test_deadlines_of_waiting(path, 2s, [&](const std::string& id) {
    return system.block_on(journal->open(id)).has_value();
  });
}

TEST_CASE("a file that is gone is Unavailable, is not made anew, and goes on when it is back",
          "[sqlite]") {
  OneEvent one;
  const std::string kept = one.directory.file("kept.db");
  for (const char* more : {"", "-wal", "-shm"})
    std::filesystem::rename(one.path + more, kept + more);
  one.fails(Kind::Unavailable);
  one.fails(Kind::Unavailable);
  CHECK(!one.test.run(one.journal->head("a")));
  CHECK(!std::filesystem::exists(one.path));
  for (const char* more : {"", "-wal", "-shm"})
    if (std::filesystem::exists(kept + more)) std::filesystem::rename(kept + more, one.path + more);
  one.succeeds();
  CHECK(one.head == 2);
}

TEST_CASE("a file in whose place is another program's is Corrupt", "[sqlite]") {
  OneEvent one;
  for (const char* more : {"", "-wal", "-shm"}) std::filesystem::remove(one.path + more);
  Stranger(one.path).run("CREATE TABLE somebodys (x)");
  one.fails(Kind::Corrupt);
  const auto read = one.test.run(one.journal->read("a", 1, 2, 100));
  REQUIRE(!read);
  CHECK(read.error().kind() == Kind::Corrupt);
}

TEST_CASE("a file may grow to its limit and not beyond; what is too large concerns itself alone",
          "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"), {.max_file_bytes = 200'000});
  const auto large = test.run(journal->open("large"));
  const auto small = test.run(journal->open("small"));
  auto both =
      when_all(journal->append(large->token, 0, AppendId{1, 1}, {event(std::string(400'000, 'x'))}),
               journal->append(small->token, 0, AppendId{1, 1}, {event("x")}));
  const auto [refused, done] = test.run(std::move(both));
  REQUIRE(!refused);
  CHECK(refused.error().kind() == Kind::Unavailable);
  CHECK(done);
  CHECK(test.run(journal->head("large")) == 0);
  CHECK(test.run(journal->append(large->token, 0, AppendId{1, 2}, {event("x")})));
}

/// A journal "a" on a disk in memory.
struct OnDisk {
  TestSystem test;
  PowerCutDisk disk{test.seed(), true};
  TemporaryDirectory directory;
  std::shared_ptr<JournalStorage> journal = open_journal(directory.file("a.db"));
  OpenedJournal opened = *test.run(journal->open("a"));

  JournalResult<std::int64_t> append(std::int64_t head, std::uint64_t id, std::string text = "x") {
    return test.run(journal->append(opened.token, head, AppendId{1, id}, {event(std::move(text))}));
  }
  Kind failure(std::int64_t head, std::uint64_t id, std::string text = "x") {
    const auto result = append(head, id, std::move(text));
    REQUIRE(!result);
    UNSCOPED_INFO(result.error().to_string());
    return result.error().kind();
  }
};

TEST_CASE("a full disk writes nothing, and everything again when it has space", "[sqlite]") {
  for (int skip = 0; skip < 8; ++skip) {
    OnDisk on;
    on.disk.fail(DiskOperation::Write, "-wal", SQLITE_FULL, skip);
    std::int64_t head = 0;
    while (on.append(head, 1, std::string(9'000, 'x'))) ++head;
    CHECK(on.failure(head, 2) == Kind::Unavailable);
    on.disk.mend();
    CHECK(on.test.run(on.journal->head("a")) == head);
    CHECK(on.append(head, 3) == head + 1);
    // The same by what a power cut would leave.
    on.journal.reset();
    on.disk.cut_after(0);
    on.disk.restart();
    CHECK(on.test.run(open_journal(on.directory.file("a.db"))->head("a")) == head + 1);
  }
}

TEST_CASE("a file that cannot be written is Unavailable and can be read", "[sqlite]") {
  OnDisk on;
  REQUIRE(on.append(0, 1));
  on.disk.fail(DiskOperation::Write, "-wal", SQLITE_READONLY);
  CHECK(on.failure(1, 2) != Kind::Corrupt);
  const auto read = on.test.run(on.journal->read("a", 1, 2, 100));
  REQUIRE(read);
  CHECK(read->size() == 1);
  on.disk.mend();
  const auto again = on.test.run(on.journal->reopen(on.opened.token));
  REQUIRE(again);
  CHECK(again->head == 1);
}

TEST_CASE("a COMMIT whose sync fails is Unknown, and reopening tells what became of it",
          "[sqlite]") {
  OnDisk on;
  REQUIRE(on.append(0, 1));
  on.disk.fail(DiskOperation::Sync, "-wal", SQLITE_IOERR_FSYNC);
  CHECK(on.failure(1, 2) == Kind::Unknown);
  on.disk.mend();
  const auto again = on.test.run(on.journal->reopen(on.opened.token));
  REQUIRE(again);
  const bool done = again->head == 2;
  CHECK(again->head == (done ? 2 : 1));
  CHECK(again->last_append == AppendId{1, done ? 2u : 1u});
  CHECK(on.test.run(on.journal->append(again->token, again->head, AppendId{1, 3}, {event("y")})));
}

TEST_CASE("a disk that cannot be read is Unavailable, and goes on when it can", "[sqlite]") {
  OnDisk on;
  REQUIRE(on.append(0, 1));
  on.journal = open_journal(on.directory.file("a.db"));  // nothing is in a cache
  on.disk.fail(DiskOperation::Read, ".db", SQLITE_IOERR_READ);
  CHECK(on.failure(1, 2) == Kind::Unavailable);
  const auto read = on.test.run(on.journal->read("a", 1, 2, 100));
  REQUIRE(!read);
  CHECK(read.error().kind() == Kind::Unavailable);
  on.disk.mend();
  CHECK(on.append(1, 3) == 2);
}

TEST_CASE("a file that cannot be opened is Unavailable, and goes on when it can", "[sqlite]") {
  OnDisk on;
  on.journal = open_journal(on.directory.file("a.db"));
  on.disk.fail(DiskOperation::Open, ".db", SQLITE_CANTOPEN);
  CHECK(on.failure(0, 1) == Kind::Unavailable);
  on.disk.mend();
  CHECK(on.append(0, 2) == 1);
}

/// Ten journals of thirty events of different sizes, checkpointed and closed.
void fill(TestSystem& test, const std::string& path) {
  const auto journal = open_journal(path);
  for (int i = 0; i < 10; ++i) {
    const auto opened = test.run(journal->open("journal " + std::to_string(i)));
    REQUIRE(opened);
    std::vector<JournalEntry> events;
    for (std::size_t k = 0; k < 30; ++k) events.push_back(event(std::string(k * k, 'x'), {"t"}));
    REQUIRE(test.run(journal->append(opened->token, 0, AppendId{1, 1}, std::move(events))));
    REQUIRE(test.run(journal->write_snapshot(opened->token, event("state", {}, 30))));
  }
}

/// Each read gives what was written, or an error; none crashes. Gives how many failed.
int read_all(TestSystem& test, JournalStorage& journal) {
  int failed = 0;
  const auto count = [&](const auto& result) {
    if (!result) {
      ++failed;
      INFO(result.error().to_string());
      CHECK((result.error().kind() == Kind::Corrupt || result.error().kind() == Kind::Unavailable));
    }
    return result.has_value();
  };
  for (int i = 0; i < 10; ++i) {
    const std::string id = "journal " + std::to_string(i);
    const auto head = test.run(journal.head(id));
    if (!count(head) || *head == 0) continue;  // what is damaged may hide a journal from its index
    CHECK(*head == 30);
    const auto events = test.run(journal.read(id, 1, 31, 1 << 20));
    if (count(events)) {
      CHECK(events->size() == 30);
      for (std::size_t k = 0; k < events->size(); ++k)
        CHECK((*events)[k] ==
              event(std::string(k * k, 'x'), {"t"}, static_cast<std::int64_t>(k) + 1));
    }
    const auto snapshot = test.run(journal.read_latest_snapshot(id));
    if (count(snapshot) && *snapshot) CHECK(**snapshot == event("state", {}, 30));
  }
  const auto tagged = test.run(journal.read_by_tag("t", 0, 10 << 20));
  if (count(tagged))
    for (const TaggedEntry& found : tagged->entries) CHECK(found.entry.payload_type == "Event");
  return failed;
}

/// Changes a copy of the file, reads and writes it. Gives how many operations failed.
int damage(const std::string& whole, const TemporaryDirectory& directory,
           const std::function<void(std::vector<char>&)>& change) {
  const std::string path = directory.file("damaged.db");
  for (const char* more : {"", "-wal", "-shm"}) std::filesystem::remove(path + more);
  std::ifstream in(whole, std::ios::binary);
  std::vector<char> content((std::istreambuf_iterator<char>(in)), {});
  change(content);
  std::ofstream(path, std::ios::binary)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
  TestSystem test;
  const auto provider = SqliteStorageProvider::open(path);
  if (!provider) {
    INFO(provider.error().to_string());
    CHECK(
        (provider.error().kind() == Kind::Corrupt || provider.error().kind() == Kind::Unavailable));
    return 1;
  }
  const auto journal = provider->journal_storage();
  int failed = read_all(test, *journal);
  for (int i = 0; i < 10; ++i) {
    const auto opened = test.run(journal->open("journal " + std::to_string(i)));
    failed += !opened;
    if (!opened) continue;
    failed += !test.run(journal->append(opened->token, opened->head, AppendId{2, 2}, {event("n")}));
    failed += !test.run(journal->delete_all(opened->token));
  }
  return failed;
}

TEST_CASE("a file that is damaged anywhere gives errors and never something else",
          "[sqlite][damage]") {
  const TemporaryDirectory directory;
  const std::string whole = directory.file("whole.db");
  {
    TestSystem test;
    fill(test, whole);
  }
  const std::uint64_t seed = Rng::random_seed();
  INFO("seed " << seed);
  Rng rng(seed);
  int failed = 0;
  for (int round = 0; round < 150; ++round)
    failed += damage(whole, directory, [&](std::vector<char>& content) {
      for (std::uint64_t i = 1 + rng.below(20); i != 0; --i)
        content[rng.below(content.size())] = static_cast<char>(rng.below(256));
    });
  CHECK(failed > 150);
}

TEST_CASE("a file that is cut short anywhere gives errors and never something else",
          "[sqlite][damage]") {
  const TemporaryDirectory directory;
  const std::string whole = directory.file("whole.db");
  {
    TestSystem test;
    fill(test, whole);
  }
  const std::uint64_t seed = Rng::random_seed();
  INFO("seed " << seed);
  Rng rng(seed);
  int failed = 0;
  for (int round = 0; round < 60; ++round)
    failed += damage(whole, directory, [&](std::vector<char>& content) {
      content.resize(1 + rng.below(content.size() - 1));
    });
  CHECK(failed >= 60);
}

TEST_CASE("a damaged row fails its readers and not the others", "[sqlite][damage]") {
  OneEvent one;
  const auto other = one.test.run(one.journal->open("b"));
  REQUIRE(one.test.run(one.journal->append(other->token, 0, AppendId{1, 1}, {event("b")})));
  Stranger(one.path).run("UPDATE events SET bytes = CAST('2' AS BLOB) WHERE journal = 1");
  const auto damaged = one.test.run(one.journal->read("a", 1, 2, 100));
  REQUIRE(!damaged);
  CHECK(damaged.error().kind() == Kind::Corrupt);
  CHECK(one.test.run(one.journal->read("b", 1, 2, 100)));
  Stranger(one.path).run("DELETE FROM events WHERE journal = 2");
  const auto missing = one.test.run(one.journal->read("b", 1, 2, 100));
  REQUIRE(!missing);
  CHECK(missing.error().kind() == Kind::Corrupt);
}

TEST_CASE("a tag whose event is missing or another is told, unless the event was deleted",
          "[sqlite][damage]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.db");
  const auto journal = open_journal(path);
  const auto opened = test.run(journal->open("a"));
  const std::vector<JournalEntry> events{event("1", {"t"}), event("2", {"t"}), event("3", {"t"})};
  REQUIRE(test.run(journal->append(opened->token, 0, AppendId{1, 1}, events)));
  REQUIRE(test.run(journal->delete_events_to(opened->token, 2)));
  const auto count = [&]() -> std::size_t {
    const auto found = test.run(journal->read_by_tag("t", 0, 1000));
    if (!found) CHECK(found.error().kind() == Kind::Corrupt);
    return found ? found->entries.size() : 0;
  };
  CHECK(count() == 2);
  // The first event is deleted, with its row or without it.
  Stranger(path).run("DELETE FROM events WHERE sequence = 1");
  CHECK(count() == 2);
  Stranger(path).run("UPDATE tags SET place = 9 WHERE place = 3");
  CHECK(count() == 0);
  Stranger(path).run("UPDATE tags SET place = 3 WHERE place = 9");
  CHECK(count() == 2);
  Stranger(path).run("UPDATE journals SET first = 4");
  CHECK(count() == 0);
  Stranger(path).run("UPDATE journals SET first = 2");
  CHECK(count() == 2);
  Stranger(path).run("DELETE FROM events WHERE sequence = 2");
  CHECK(count() == 0);
}

TEST_CASE("a damaged journal fails its writers and not those who are committed with them",
          "[sqlite][damage]") {
  OneEvent one;
  const auto other = one.test.run(one.journal->open("b"));
  Stranger(one.path).run("UPDATE journals SET head = 7 WHERE id = 'a'");
  auto both = when_all(one.journal->append(one.opened.token, 7, AppendId{1, 2}, {event("a")}),
                       one.journal->append(other->token, 0, AppendId{1, 1}, {event("b")}));
  const auto [damaged, done] = one.test.run(std::move(both));
  REQUIRE(!damaged);
  CHECK(damaged.error().kind() == Kind::Corrupt);
  CHECK(done);
}

}  // namespace
}  // namespace coerce::test::sqlite_failure_cases
