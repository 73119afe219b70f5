#include "persistence/redis_fixture.hpp"

#include <limits>

#include <catch2/catch.hpp>

#include <coerce/runtime/when.hpp>

using namespace coerce;
using namespace coerce::test;
using Kind = JournalErr::Kind;

namespace {

constexpr std::size_t kPlenty = 1 << 20;
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("events on Redis are numbered from one and read back with types and tags",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  REQUIRE(opened->head == 0);
  REQUIRE(!opened->last_append);

  const std::vector<JournalEntry> written = {
      event("a"), event(std::string_view("b\0\r\n", 4), {"x", "y"}), event("")};
  const auto head = journals.run(journals->append(opened->token, 0, AppendId{1, 2}, written));
  REQUIRE(head);
  REQUIRE(*head == 3);
  const auto read = journals.run(journals->read("1", 1, kEnd, kPlenty));
  REQUIRE(read);
  REQUIRE(read->size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE((*read)[i].sequence == static_cast<std::int64_t>(i) + 1);
    REQUIRE((*read)[i].bytes == written[i].bytes);
    REQUIRE((*read)[i].tags == written[i].tags);
    REQUIRE((*read)[i].payload_type == "Event");
  }
  const auto again = journals.run(journals->open("1"));
  REQUIRE(again);
  REQUIRE(again->head == 3);
  REQUIRE(again->last_append == AppendId{1, 2});
  REQUIRE(again->token.instance == 2);
}

TEST_CASE("epochs on Redis are compared with all of their 64 bits", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.unix_uri());
  const Epoch high{std::numeric_limits<std::uint64_t>::max()};
  const auto opened = journals.run(journals->open("1", high));
  REQUIRE(opened);
  REQUIRE(opened->token.epoch == high);
  const auto lower = journals.run(journals->open("1", Epoch{high.value - 1}));
  REQUIRE(!lower);
  REQUIRE(lower.error().kind() == Kind::Fenced);
  const auto head = journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a")));
  REQUIRE(head);
}

TEST_CASE("a journal on Redis that was opened again refuses the former owner", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto first = journals.run(journals->open("1"));
  REQUIRE(first);
  const auto second = journals.run(journals->open("1"));
  REQUIRE(second);
  const WriteToken old = first->token;
  const auto kind_of = [](const auto& result) { return result.error().kind(); };
  REQUIRE(kind_of(journals.run(journals->append(old, 0, AppendId{1, 1}, events("a")))) ==
          Kind::Fenced);
  REQUIRE(kind_of(journals.run(journals->write_snapshot(old, snapshot(0, "s")))) == Kind::Fenced);
  REQUIRE(kind_of(journals.run(journals->delete_events_to(old, 1))) == Kind::Fenced);
  REQUIRE(kind_of(journals.run(journals->delete_snapshots_to(old, 1))) == Kind::Fenced);
  REQUIRE(kind_of(journals.run(journals->delete_all(old))) == Kind::Fenced);
  REQUIRE(kind_of(journals.run(journals->reopen(old))) == Kind::Fenced);
  const auto wrong = journals.run(journals->append(second->token, 7, AppendId{1, 1}, events("a")));
  REQUIRE(kind_of(wrong) == Kind::Conflict);
}

TEST_CASE("a read from Redis ends with the last event whose payload fits", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  // More than one page of the server's, in events and in bytes.
  const std::string payload(100, 'x');
  const auto head =
      journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events(payload, 5000)));
  REQUIRE(head);
  const auto count = [&](std::size_t max_bytes) {
    const auto read = journals.run(journals->read("1", 2, kEnd, max_bytes));
    REQUIRE(read);
    REQUIRE(read->front().sequence == 2);
    REQUIRE(read->back().sequence == static_cast<std::int64_t>(read->size()) + 1);
    return read->size();
  };
  REQUIRE(count(0) == 1);
  REQUIRE(count(100) == 1);
  REQUIRE(count(199) == 1);
  REQUIRE(count(200) == 2);
  REQUIRE(count(400'000) == 4000);
  REQUIRE(count(std::numeric_limits<std::size_t>::max()) == 4999);
}

TEST_CASE("a read from Redis far beyond the head finds nothing", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  for (const std::int64_t from : {std::int64_t{1}, (std::int64_t{1} << 53) + 1, kEnd - 1}) {
    const auto read = journals.run(journals->read("1", from, kEnd, kPlenty));
    REQUIRE(read);
    REQUIRE(read->empty());
  }
  const auto tagged = journals.run(journals->read_by_tag("t", ~std::uint64_t{0}, kPlenty));
  REQUIRE(tagged);
  REQUIRE(tagged->next_offset == ~std::uint64_t{0});
}

TEST_CASE("deleted events on Redis are gone from the journal, from its tags and from memory",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  // More than are removed in one go.
  std::vector<JournalEntry> many(3500, event("x", {"tag"}));
  const auto head = journals.run(journals->append(opened->token, 0, AppendId{1, 1}, many));
  REQUIRE(head);
  REQUIRE(journals.run(journals->delete_events_to(opened->token, 3400)));

  const auto read = journals.run(journals->read("1", 1, kEnd, kPlenty));
  REQUIRE(read);
  REQUIRE(read->size() == 101);
  REQUIRE(read->front().sequence == 3400);
  const auto tagged = journals.run(journals->read_by_tag("tag", 0, kPlenty));
  REQUIRE(tagged);
  REQUIRE(tagged->entries.size() == 101);
  REQUIRE(tagged->next_offset == 3501);
  REQUIRE(server.run({"HLEN", "coerce:events:1"}) == "202");
  REQUIRE(server.run({"ZCARD", "coerce:tag:tag"}) == "101");

  REQUIRE(journals.run(journals->delete_all(opened->token)));
  REQUIRE(server.run({"EXISTS", "coerce:events:1", "coerce:tag:tag"}) == "0");
  const auto again = journals.run(journals->open("1"));
  REQUIRE(again);
  REQUIRE(again->head == 3500);
  REQUIRE(again->base == 3500);
  const auto next = journals.run(journals->append(again->token, 3500, AppendId{1, 2}, events("y")));
  REQUIRE(next);
  REQUIRE(*next == 3501);
}

TEST_CASE("the snapshot with the highest sequence on Redis is read, until it is deleted",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  const auto head =
      journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("e", 12)));
  REQUIRE(head);
  for (const std::int64_t sequence : {10, 9, 0})
    REQUIRE(journals.run(
        journals->write_snapshot(opened->token, snapshot(sequence, std::to_string(sequence)))));
  const auto beyond = journals.run(journals->write_snapshot(opened->token, snapshot(13, "?")));
  REQUIRE(!beyond);
  REQUIRE(beyond.error().kind() == Kind::Conflict);
  auto latest = journals.run(journals->read_latest_snapshot("1"));
  REQUIRE(latest);
  REQUIRE(*latest);
  REQUIRE((*latest)->sequence == 10);
  REQUIRE(text_of((*latest)->bytes) == "10");
  REQUIRE(journals.run(journals->delete_snapshots_to(opened->token, 10)));
  REQUIRE(server.run({"HKEYS", "coerce:snapshots:1"}) == "10");
  REQUIRE(journals.run(journals->delete_snapshots_to(opened->token, 11)));
  latest = journals.run(journals->read_latest_snapshot("1"));
  REQUIRE(latest);
  REQUIRE(!*latest);
}

TEST_CASE("events are found by tag on Redis in the order of their appends, page by page",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const std::string odd_id = "a:b\n\xff";
  std::int64_t heads[2] = {0, 0};
  const JournalResult<OpenedJournal> opened[2] = {journals.run(journals->open("1")),
                                                  journals.run(journals->open(odd_id))};
  for (int i = 0; i < 10; ++i) {
    const int which = i % 2;
    const auto head = journals.run(journals->append(opened[which]->token, heads[which],
                                                    AppendId{1, 1}, {event("1234", {"t"})}));
    REQUIRE(head);
    heads[which] = *head;
  }
  std::uint64_t offset = 0;
  std::vector<std::string> found;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = journals.run(journals->read_by_tag("t", offset, 11));
    REQUIRE(page);
    for (const TaggedEntry& tagged : page->entries)
      found.push_back(tagged.persistence_id + "/" + std::to_string(tagged.entry.sequence));
    offset = page->next_offset;
  }
  REQUIRE(found.size() == 10);
  for (std::size_t i = 0; i < found.size(); ++i)
    REQUIRE(found[i] == (i % 2 == 0 ? "1" : odd_id) + "/" + std::to_string(i / 2 + 1));
  REQUIRE(offset == 11);
}

TEST_CASE("the largest snapshot that is allowed can be kept on Redis", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  const std::string large(journals->limits().max_snapshot_bytes, 's');
  REQUIRE(journals.run(journals->write_snapshot(opened->token, snapshot(0, large))));
  const auto latest = journals.run(journals->read_latest_snapshot("1"));
  REQUIRE(latest);
  REQUIRE(*latest);
  const bool is_whole = text_of((*latest)->bytes) == large;
  REQUIRE(is_whole);
}

TEST_CASE("providers with different prefixes or databases share nothing", "[redis][journal]") {
  const RedisServer server;
  RedisJournals here(server.uri());
  RedisJournals other_prefix(server.uri(), RedisOptions().prefix("other:"));
  RedisJournals other_db(server.uri() + "/3");
  const auto opened = here.run(here->open("1"));
  REQUIRE(opened);
  REQUIRE(here.run(here->append(opened->token, 0, AppendId{1, 1}, events("a"))));
  REQUIRE(other_prefix.run(other_prefix->head("1")) == 0);
  REQUIRE(other_db.run(other_db->head("1")) == 0);
  REQUIRE(here.run(here->head("1")) == 1);
}

TEST_CASE("appends of many actors that wait together share syncs of the server",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  constexpr int kJournals = 200;
  constexpr int kRounds = 5;
  const auto write = [&](int number) -> Task<int> {
    const std::string id = std::to_string(number);
    const auto opened = co_await journals->open(id);
    if (!opened) co_return 0;
    std::int64_t head = 0;
    for (int round = 0; round < kRounds; ++round) {
      std::vector<JournalEntry> entries = events("x");
      const auto next =
          co_await journals->append(opened->token, head, AppendId{1, 1}, std::move(entries));
      if (!next) co_return round;
      head = *next;
    }
    co_return kRounds;
  };
  std::vector<Task<int>> writers;
  for (int i = 0; i < kJournals; ++i) writers.push_back(write(i));
  const std::uint64_t before = server.writes();
  const auto written = journals.run(when_all(std::move(writers)));
  for (const int count : written) REQUIRE(count == kRounds);

  // Alone, each request would take a write to the file, with its sync, and one to the socket.
  REQUIRE(server.run({"INFO", "commandstats"}).find("cmdstat_evalsha:calls=1200,") !=
          std::string::npos);
  REQUIRE(server.writes() - before < 1200 / 2);
}
