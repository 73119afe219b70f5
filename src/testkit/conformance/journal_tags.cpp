#include <limits>

#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

Task<TaggedEntries> by_tag(JournalTrial trial, Journals store, std::string tag,
                           std::uint64_t offset, std::size_t max_bytes = kManyBytes) {
  auto result = co_await store->read_by_tag(std::move(tag), offset, max_bytes);
  TaggedEntries found = trial->must(std::move(result), "read_by_tag");
  std::uint64_t last = 0;
  for (const TaggedEntry& place : found.entries) {
    trial->check(place.offset >= offset, "read_by_tag gave an event before the offset");
    trial->check(place.offset > last || last == 0, "offsets do not grow");
    last = place.offset;
  }
  trial->check(found.entries.empty() || found.next_offset > last,
               "next_offset is not behind the events that were given");
  trial->check(found.next_offset >= offset, "next_offset goes back");
  co_return found;
}

/// "account 2:b, other 1:x"
std::string words(const TaggedEntries& found) {
  std::string text;
  for (const TaggedEntry& place : found.entries)
    text += fmt::format("{}{} {}:{}", text.empty() ? "" : ", ", place.persistence_id,
                        place.entry.sequence, text_of(place.entry.bytes));
  return text.empty() ? "none" : text;
}

void expect(JournalTrial trial, const TaggedEntries& found, std::string_view due) {
  trial->check(words(found) == due,
               fmt::format("read_by_tag gave {}; {} was due", words(found), due));
}

Task<void> order(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer account(trial, store, "account");
  Writer other(trial, store, "other");
  co_await account.open();
  co_await other.open();
  (void)co_await account.append(tagged("a", "red"));
  (void)co_await other.append(tagged("x", "red"));
  (void)co_await other.append(tagged("y", "blue"));
  auto batch = tagged("b", "red");
  batch.push_back(event("c"));
  batch.push_back(event("d", {"blue", "red"}));
  (void)co_await account.append(std::move(batch));
  (void)co_await other.append(tagged("z", "red"));
  const auto red = co_await by_tag(trial, store, "red", 0);
  expect(trial, red, "account 1:a, other 1:x, account 2:b, account 4:d, other 3:z");
  const auto blue = co_await by_tag(trial, store, "blue", 0);
  expect(trial, blue, "other 2:y, account 4:d");
  const auto none = co_await by_tag(trial, store, "re", 0);
  expect(trial, none, "none");
  trial->check(blue.entries[1].offset == red.entries[3].offset,
               "one event has two offsets, by two tags");
  trial->check(red.entries[3].entry.tags == (std::vector<std::string>{"blue", "red"}),
               "an event that is found by a tag has lost its tags");
}

Task<void> paging(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  for (int i = 0; i < 7; ++i) {
    (void)co_await writer.append(tagged("four", "red"));
    (void)co_await writer.append(tagged("no", "blue"));
  }
  struct Page {
    std::size_t bytes, due;
  };
  for (const Page page :
       {Page{0, 1}, Page{3, 1}, Page{4, 1}, Page{8, 2}, Page{11, 2}, Page{12, 3}}) {
    std::string found;
    std::uint64_t offset = 0;
    for (int pages = 0; pages < 20; ++pages) {
      const auto part = co_await by_tag(trial, store, "red", offset, page.bytes);
      if (part.entries.empty()) break;
      if (pages == 0)
        trial->check(part.entries.size() == page.due,
                     fmt::format("a page of {} bytes has {} events of 4 bytes", page.bytes,
                                 part.entries.size()));
      for (const TaggedEntry& place : part.entries)
        found += fmt::format("{} ", place.entry.sequence);
      offset = part.next_offset;
    }
    trial->check(found == "1 3 5 7 9 11 13 ", "pages give the events " + found);
  }
}

Task<void> offsets(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  const auto nothing = co_await by_tag(trial, store, "red", 0);
  (void)co_await writer.append(tagged("a", "red"));
  const auto first = co_await by_tag(trial, store, "red", nothing.next_offset);
  expect(trial, first, "account 1:a");
  (void)co_await writer.append(tagged("b", "blue"));
  const auto none = co_await by_tag(trial, store, "red", first.next_offset);
  expect(trial, none, "none");
  (void)co_await writer.append(tagged("c", "red"));
  const auto next = co_await by_tag(trial, store, "red", none.next_offset);
  expect(trial, next, "account 3:c");
  const auto again = co_await by_tag(trial, store, "red", first.entries[0].offset);
  expect(trial, again, "account 1:a, account 3:c");
  trial->check(again.entries[1].offset == next.entries[0].offset, "an event changed its offset");
  const auto behind = co_await by_tag(trial, store, "red", first.entries[0].offset + 1);
  expect(trial, behind, "account 3:c");
}

Task<void> deleted(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer account(trial, store, "account");
  Writer other(trial, store, "other");
  co_await account.open();
  co_await other.open();
  for (const std::string_view text : {"a", "b", "c"})
    (void)co_await account.append(tagged(text, "red"));
  (void)co_await other.append(tagged("x", "red"));
  co_await account.delete_events_to(3);
  const auto some = co_await by_tag(trial, store, "red", 0);
  expect(trial, some, "account 3:c, other 1:x");
  co_await account.delete_all();
  const auto one = co_await by_tag(trial, store, "red", 0, 0);
  expect(trial, one, "other 1:x");
  (void)co_await account.append(tagged("d", "red"));
  const auto next = co_await by_tag(trial, store, "red", one.next_offset);
  expect(trial, next, "account 4:d");
  co_await other.delete_all();
  co_await account.delete_all();
  const auto none = co_await by_tag(trial, store, "red", 0);
  expect(trial, none, "none");
  // Numbers that deleted events had are not given again.
  (void)co_await account.append(tagged("e", "red"));
  const auto last = co_await by_tag(trial, store, "red", next.next_offset);
  expect(trial, last, "account 5:e");
}

Task<void> odd_tags(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  const std::vector<std::string> tags = {
      "a", "A", "a ", std::string("a\0b", 3), "a*", "a%", "a'", "\xc3\xa4", "\xff"};
  for (const std::string& tag : tags) (void)co_await writer.append(tagged(tag, tag));
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto found = co_await by_tag(trial, store, tags[i], 0);
    expect(trial, found, fmt::format("account {}:{}", i + 1, tags[i]));
  }
}

Task<void> refused_appends(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer late(trial, store, "account");
  co_await late.open();
  Writer writer(trial, store, "account");
  co_await writer.open();
  const auto fenced = co_await late.try_append(tagged("late", "red"));
  trial->refused(fenced, JournalErr::Kind::Fenced, "an append of the old owner");
  const auto conflict = co_await writer.try_append_at(5, tagged("misplaced", "red"));
  trial->refused(conflict, JournalErr::Kind::Conflict, "an append behind another head");
  const auto none = co_await by_tag(trial, store, "red", 0);
  expect(trial, none, "none");
}

}  // namespace

std::vector<Case> tag_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  add("read_by_tag gives the events of all journals in the order of their appends", order);
  add("pages of read_by_tag give each event once, and one at least", paging);
  add("what is appended later comes at or behind next_offset, and keeps its offset", offsets);
  add("read_by_tag skips what has been deleted", deleted);
  add("each tag is one of its own, whatever its bytes", odd_tags);
  add("a refused append is found by no tag", refused_appends);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
