#include <coerce/persistence/sqlite.hpp>

#include <catch2/catch.hpp>

#include <coerce/runtime/when.hpp>
#include <coerce/testkit/test_system.hpp>

#include "persistence/sqlite_support.hpp"
#include "persistence/temporary_directory.hpp"

namespace coerce::test::sqlite_cases {
namespace {

using namespace std::chrono_literals;
using testkit::TestSystem;
using Kind = JournalErr::Kind;

TEST_CASE("what was appended is there when the file is opened again", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  {
    const auto journal = open_journal(directory.file("a.db"));
    const auto opened = test.run(journal->open("bank", Epoch{7}));
    REQUIRE(opened);
    const auto head = test.run(
        journal->append(opened->token, 0, AppendId{1, 2}, {event("a", {"x", "y"}), event("b")}));
    REQUIRE(head);
    CHECK(*head == 2);
    CHECK(test.run(journal->write_snapshot(opened->token, event("state", {}, 2))));
  }
  const auto journal = open_journal(directory.file("a.db"));
  const auto opened = test.run(journal->open("bank"));
  REQUIRE(opened);
  CHECK(opened->head == 2);
  CHECK(opened->token.epoch == Epoch{7});
  CHECK(opened->token.instance == 2);
  CHECK(opened->last_append == AppendId{1, 2});
  const auto read = test.run(journal->read("bank", 1, 100, 1000));
  REQUIRE(read);
  CHECK(*read == std::vector{event("a", {"x", "y"}, 1), event("b", {}, 2)});
  const auto snapshot = test.run(journal->read_latest_snapshot("bank"));
  REQUIRE(snapshot);
  CHECK(*snapshot == event("state", {}, 2));
}

TEST_CASE("ids, types, tags and payloads may be any bytes", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  const std::string odd("\0\xff'\x80;--\0", 8);
  const auto opened = test.run(journal->open(odd));
  REQUIRE(opened);
  JournalEntry entry = event("", {odd, "x"}, 1);
  entry.payload_type = odd;
  REQUIRE(test.run(journal->append(opened->token, 0, AppendId{1, 1}, {entry})));
  const auto read = test.run(journal->read(odd, 1, 2, 10));
  REQUIRE(read);
  CHECK(*read == std::vector{entry});
  const auto tagged = test.run(journal->read_by_tag(odd, 0, 10));
  REQUIRE(tagged);
  REQUIRE(tagged->entries.size() == 1);
  CHECK(tagged->entries[0].persistence_id == odd);
  CHECK(tagged->entries[0].entry == entry);
}

TEST_CASE("epochs beyond 2^63 are compared as they are meant", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  const Epoch high{UINT64_MAX - 1};
  REQUIRE(test.run(journal->open("a", high)));
  const auto low = test.run(journal->open("a", Epoch{5}));
  REQUIRE(!low);
  CHECK(low.error().kind() == Kind::Fenced);
  const auto again = test.run(journal->open("a"));
  REQUIRE(again);
  CHECK(again->token.epoch == high);
}

TEST_CASE("another process that opens a journal shuts out the first", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto first = open_journal(directory.file("a.db"));
  const auto second = open_journal(directory.file("a.db"));
  const auto old = test.run(first->open("a", Epoch{1}));
  REQUIRE(old);
  REQUIRE(test.run(first->append(old->token, 0, AppendId{1, 1}, {event("1")})));
  const auto current = test.run(second->open("a", Epoch{2}));
  REQUIRE(current);
  CHECK(current->head == 1);
  const auto late = test.run(first->append(old->token, 1, AppendId{1, 2}, {event("late")}));
  REQUIRE(!late);
  CHECK(late.error().kind() == Kind::Fenced);
  CHECK(test.run(second->append(current->token, 1, AppendId{2, 1}, {event("2")})));
  CHECK(test.run(first->head("a")) == 2);
}

TEST_CASE("who is refused does not disturb those whose requests are committed with it",
          "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  const auto fenced = test.run(journal->open("a"));
  REQUIRE(test.run(journal->open("a")));
  const auto conflicting = test.run(journal->open("b"));
  const auto good = test.run(journal->open("c"));
  auto all = when_all(journal->append(fenced->token, 0, AppendId{1, 1}, {event("x")}),
                      journal->append(conflicting->token, 9, AppendId{1, 2}, {event("x")}),
                      journal->append(good->token, 0, AppendId{1, 3}, {event("x")}));
  const auto [first, second, third] = test.run(std::move(all));
  REQUIRE(!first);
  CHECK(first.error().kind() == Kind::Fenced);
  REQUIRE(!second);
  CHECK(second.error().kind() == Kind::Conflict);
  CHECK(third);
  CHECK(test.run(journal->head("a")) == 0);
  CHECK(test.run(journal->head("b")) == 0);
  CHECK(test.run(journal->head("c")) == 1);
}

TEST_CASE("the rows of deleted events go away with later transactions", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  const auto opened = test.run(journal->open("a"));
  std::vector<JournalEntry> events(5'000, event("x", {"tag"}));
  REQUIRE(test.run(journal->append(opened->token, 0, AppendId{1, 1}, std::move(events))));
  REQUIRE(test.run(journal->delete_events_to(opened->token, 4'999)));
  const auto left = test.run(journal->read("a", 1, 10'000, 1 << 20));
  REQUIRE(left);
  CHECK(left->size() == 2);
  const auto tagged = test.run(journal->read_by_tag("tag", 0, 1 << 20));
  REQUIRE(tagged);
  CHECK(tagged->entries.size() == 2);
  CHECK(count_rows(directory.file("a.db"), "events") == 5'000);
  // Each removes as many as the rest of a turn allows, a batch at least if the disk is that slow.
  for (int i = 0; i < 100 && count_rows(directory.file("a.db"), "events") != 2; ++i)
    REQUIRE(test.run(journal->open("b")));
  CHECK(count_rows(directory.file("a.db"), "events") == 2);
  CHECK(count_rows(directory.file("a.db"), "tags") == 2);
}

TEST_CASE("rows of deleted events go away although every transaction lasts for a turn",
          "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"), {.turn = 1ns});
  const auto opened = test.run(journal->open("a"));
  std::vector<JournalEntry> events(1'000, event("x", {"tag"}));
  REQUIRE(test.run(journal->append(opened->token, 0, AppendId{1, 1}, std::move(events))));
  REQUIRE(test.run(journal->delete_events_to(opened->token, 1'001)));
  for (int i = 0; i < 10; ++i) REQUIRE(test.run(journal->open("b")));
  CHECK(count_rows(directory.file("a.db"), "events") == 0);
  CHECK(count_rows(directory.file("a.db"), "tags") == 0);
}

TEST_CASE("a store that knows two journals writes many", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"), {.max_known_journals = 2});
  std::vector<WriteToken> tokens;
  for (int i = 0; i < 9; ++i) {
    const auto opened = test.run(journal->open("journal " + std::to_string(i)));
    REQUIRE(opened);
    tokens.push_back(opened->token);
  }
  for (std::int64_t head = 0; head < 4; ++head) {
    std::vector<Task<JournalResult<std::int64_t>>> appends;
    for (const WriteToken& token : tokens)
      appends.push_back(journal->append(token, head, AppendId{1, 1}, {event("x")}));
    for (const auto& appended : test.run(when_all(std::move(appends)))) {
      REQUIRE(appended);
      CHECK(*appended == head + 1);
    }
  }
  CHECK(count_rows(directory.file("a.db"), "events") == 36);
}

TEST_CASE("what another process has written meanwhile is known to who has written before",
          "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto one = open_journal(directory.file("a.db"));
  const auto two = open_journal(directory.file("a.db"));
  const auto opened = test.run(one->open("a"));
  REQUIRE(test.run(one->append(opened->token, 0, AppendId{1, 1}, {event("1")})));
  // With the same token, as a writer whose request lands late.
  REQUIRE(test.run(two->append(opened->token, 1, AppendId{1, 2}, {event("2")})));
  const auto conflict = test.run(one->append(opened->token, 1, AppendId{1, 3}, {event("3")}));
  REQUIRE(!conflict);
  CHECK(conflict.error().kind() == Kind::Conflict);
  const auto third = test.run(one->append(opened->token, 2, AppendId{1, 3}, {event("3")}));
  CHECK(third == 3);
  REQUIRE(test.run(two->open("a")));
  const auto fenced = test.run(one->append(opened->token, 3, AppendId{1, 4}, {event("4")}));
  REQUIRE(!fenced);
  CHECK(fenced.error().kind() == Kind::Fenced);
}

TEST_CASE("a deletion is complete for every reader although its rows are still there", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"));
  const auto opened = test.run(journal->open("a"));
  REQUIRE(test.run(
      journal->append(opened->token, 0, AppendId{1, 1}, {event("1", {"t"}), event("2", {"t"})})));
  REQUIRE(test.run(journal->delete_all(opened->token)));
  CHECK(count_rows(directory.file("a.db"), "events") == 2);
  CHECK(test.run(journal->read("a", 1, 100, 1000)) == std::vector<JournalEntry>());
  const auto tagged = test.run(journal->read_by_tag("t", 0, 1000));
  REQUIRE(tagged);
  CHECK(tagged->entries.empty());
  CHECK(tagged->next_offset == 3);
  const auto again = test.run(journal->open("a"));
  REQUIRE(again);
  CHECK(again->head == 2);
  CHECK(again->base == 2);
}

TEST_CASE("requests beyond max_waiting are refused at once", "[sqlite]") {
  TestSystem test;
  const TemporaryDirectory directory;
  const auto journal = open_journal(directory.file("a.db"), {.max_waiting = 2});
  auto all = when_all(journal->open("a"), journal->open("b"), journal->open("c"));
  const auto [first, second, third] = test.run(std::move(all));
  const int refused = !first + !second + !third;
  CHECK(refused == 1);
  for (const auto* one : {&first, &second, &third})
    if (!*one) CHECK(one->error().kind() == Kind::Unavailable);
}

TEST_CASE("options out of their bounds are refused", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.db");
  for (const SqliteOptions& bad :
       {SqliteOptions{.lock_wait = 0s}, SqliteOptions{.turn = 0s}, SqliteOptions{.max_waiting = 0},
        SqliteOptions{.max_group = 0}, SqliteOptions{.max_readers = 0},
        SqliteOptions{.log_bytes = 0}}) {
    const auto opened = SqliteStorageProvider::open(path, bad);
    REQUIRE(!opened);
    CHECK(opened.error().kind() == Kind::Limit);
  }
}

TEST_CASE("more reads than readers all get their answers", "[sqlite]") {
  const TemporaryDirectory directory;
  ActorSystem system = ActorSystem::builder().build();
  const auto journal = open_journal(directory.file("a.db"), {.max_readers = 1});
  auto story = [&]() -> Task<void> {
    const auto opened = co_await journal->open("a");
    REQUIRE(opened);
    std::vector<JournalEntry> events(100, event("x"));
    const auto written =
        co_await journal->append(opened->token, 0, AppendId{1, 1}, std::move(events));
    REQUIRE(written);
    std::vector<Task<JournalResult<std::vector<JournalEntry>>>> reads;
    for (int i = 0; i < 50; ++i) reads.push_back(journal->read("a", 1, 101, 1 << 20));
    const auto all = co_await when_all(std::move(reads));
    for (const auto& one : all) {
      REQUIRE(one);
      CHECK(one->size() == 100);
    }
  };
  system.block_on(story());
}

}  // namespace
}  // namespace coerce::test::sqlite_cases
