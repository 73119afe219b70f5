#include <coerce/persistence/in_memory.hpp>

#include <catch2/catch.hpp>

#include <coerce/testkit/test_system.hpp>

namespace {

using namespace coerce;

JournalEntry event(std::string_view text, std::vector<std::string> tags = {}) {
  JournalEntry entry;
  entry.payload_type = "Event";
  entry.bytes = bytes_of(text);
  entry.tags = std::move(tags);
  return entry;
}

}  // namespace

TEST_CASE("a batch of events is read back in order and numbered from one", "[journal]") {
  testkit::TestSystem test;
  const auto journal = InMemoryStorageProvider().journal_storage();
  const auto opened = test.run(journal->open("1"));
  REQUIRE(opened);
  REQUIRE(opened->head == 0);

  const auto head = test.run(
      journal->append(opened->token, 0, AppendId{1, 1}, {event("a"), event("b"), event("c")}));
  REQUIRE(head);
  REQUIRE(*head == 3);
  const auto read = test.run(journal->read("1", 1, 4, 1 << 20));
  REQUIRE(read);
  REQUIRE(read->size() == 3);
  REQUIRE((*read)[2].sequence == 3);
  REQUIRE(text_of((*read)[2].bytes) == "c");
}

TEST_CASE("who opened a journal first cannot write once it has been opened again", "[journal]") {
  testkit::TestSystem test;
  const auto journal = InMemoryStorageProvider().journal_storage();
  const auto first = test.run(journal->open("1"));
  const auto second = test.run(journal->open("1"));
  const auto late = test.run(journal->append(first->token, 0, AppendId{1, 1}, {event("late")}));
  REQUIRE(!late);
  REQUIRE(late.error().kind() == JournalErr::Kind::Fenced);
  const auto wins = test.run(journal->append(second->token, 0, AppendId{1, 2}, {event("own")}));
  REQUIRE(wins);
}

TEST_CASE("a read gives so many events at the most, however small they are", "[journal]") {
  testkit::TestSystem test;
  JournalLimits limits;
  limits.max_read_entries = 3;
  const auto journal = InMemoryStorageProvider(limits).journal_storage();
  const auto opened = test.run(journal->open("1"));
  const std::vector<JournalEntry> entries(5, event("", {"all"}));
  REQUIRE(test.run(journal->append(opened->token, 0, AppendId{1, 1}, entries)));
  REQUIRE(test.run(journal->read("1", 1, 6, 1 << 20))->size() == 3);
  const auto tagged = test.run(journal->read_by_tag("all", 0, 1 << 20));
  REQUIRE(tagged->entries.size() == 3);
  REQUIRE(test.run(journal->read_by_tag("all", tagged->next_offset, 1 << 20))->entries.size() == 2);
}
