#include <limits>

#include "testkit/conformance/journal_trial.hpp"

namespace coerce::testkit::conformance::detail {

namespace {

Task<void> numbering(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  trial->check(writer.head == 0, "the head of a new journal is not 0");
  trial->check(!writer.opened.last_append, "a new journal has a last append");
  trial->check(writer.opened.base == 0, "the base of a new journal is not 0");
  (void)co_await writer.append(events("a"));
  (void)co_await writer.append(events("b", "c", "d"));
  (void)co_await writer.append(events("e"));
  const auto all = co_await writer.events();
  trial->check(words(all) == "1:a 2:b 3:c 4:d 5:e", "read gave " + words(all));
  const auto head = co_await writer.stored_head();
  trial->check(head == 5, fmt::format("head gave {}; 5 was due", head));
}

Task<void> given_sequences(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  auto batch = events("a", "b");
  batch[0].sequence = 70;
  batch[1].sequence = -3;
  (void)co_await writer.append(std::move(batch));
  const auto all = co_await writer.events();
  trial->check(words(all) == "1:a 2:b", "read gave " + words(all));
}

Task<void> half_open(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a", "b", "c", "d", "e"));
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  struct Range {
    std::int64_t from, to;
    std::string_view due;
  };
  constexpr Range kRanges[] = {{1, 6, "1:a 2:b 3:c 4:d 5:e"},
                               {1, 5, "1:a 2:b 3:c 4:d"},
                               {2, 3, "2:b"},
                               {3, 3, "none"},
                               {4, 2, "none"},
                               {5, 6, "5:e"},
                               {6, 9, "none"},
                               {0, 2, "1:a"},
                               {-9, 3, "1:a 2:b"},
                               {4, kMost, "4:d 5:e"},
                               {kLeast, kMost, "1:a 2:b 3:c 4:d 5:e"}};
  for (const Range& range : kRanges) {
    const auto read = co_await writer.events(range.from, range.to);
    trial->check(words(read) == range.due,
                 fmt::format("read [{}, {}) gave {}; {} was due", range.from, range.to, words(read),
                             range.due));
  }
}

Task<void> bounded_reads(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("aaaa", "bbbb", "cccc", "", "eeee"));
  struct Bound {
    std::int64_t from;
    std::size_t bytes;
    std::string_view due;
  };
  constexpr Bound kBounds[] = {
      {1, 0, "1:aaaa"},
      {1, 3, "1:aaaa"},
      {1, 4, "1:aaaa"},
      {1, 7, "1:aaaa"},
      {1, 8, "1:aaaa 2:bbbb"},
      {2, 8, "2:bbbb 3:cccc 4:"},
      {2, 11, "2:bbbb 3:cccc 4:"},
      {4, 0, "4:"},
      {4, 4, "4: 5:eeee"},
      {6, 0, "none"},
      {1, std::numeric_limits<std::size_t>::max(), "1:aaaa 2:bbbb 3:cccc 4: 5:eeee"}};
  for (const Bound& bound : kBounds) {
    const auto read = co_await writer.events(bound.from, 6, bound.bytes);
    trial->check(words(read) == bound.due,
                 fmt::format("read from {} of {} bytes gave {}; {} was due", bound.from,
                             bound.bytes, words(read), bound.due));
  }
}

Task<void> payloads(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  std::string all_bytes;
  for (int c = 0; c < 256; ++c) all_bytes += static_cast<char>(c);
  const std::size_t large = std::min<std::size_t>(1u << 20, store->limits().max_entry_bytes);
  std::vector<JournalEntry> batch;
  for (const std::string& payload : {std::string(), all_bytes, std::string(large, '\xff')})
    batch.push_back(event(payload, {"red", std::string("a\0b", 3), "\xc3\xa4"}));
  batch[1].payload_type = "Bank.Deposited:v2 'x' %s";
  const auto wanted = batch;
  (void)co_await writer.append(std::move(batch));
  const auto read = co_await writer.events();
  trial->check(read.size() == wanted.size(), "not all events are read back");
  for (std::size_t i = 0; i < read.size(); ++i) {
    trial->check(read[i].bytes == wanted[i].bytes, "a payload is read back changed");
    trial->check(read[i].payload_type == wanted[i].payload_type, "a type is read back changed");
    trial->check(read[i].tags == wanted[i].tags, "the tags are read back changed");
  }
}

Task<void> separate_journals(JournalTrial trial) {
  const auto store = co_await trial.store();
  const std::vector<std::string> ids = {
      "a",   "A",        "a ",       "a:b", std::string("a\0b", 3), "a*", "a%", "a_b", "{a}",
      "a'b", "\xc3\xa4", "\xff\xfe", "a/b"};
  for (const std::string& id : ids) {
    Writer writer(trial, store, id);
    co_await writer.open();
    trial->check(writer.head == 0, "a journal sees the events of another: " + shown(id));
    (void)co_await writer.append(events(std::string_view(id)));
  }
  for (const std::string& id : ids) {
    Writer reader(trial, store, id);
    const auto all = co_await reader.events();
    trial->check(all.size() == 1 && text_of(all[0].bytes) == id,
                 fmt::format("{} has {}", shown(id), words(all)));
  }
  Writer stranger(trial, store, "never opened");
  const auto none = co_await stranger.events();
  const auto snapshot = co_await stranger.latest_snapshot();
  const auto head = co_await stranger.stored_head();
  trial->check(none.empty() && snapshot == "none" && head == 0,
               "a journal that was never opened has something");
}

Task<void> conflicts(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  (void)co_await writer.append(events("a", "b"));
  const AppendId last = writer.last_append;
  for (const std::int64_t expected : {0, 1, 3, -1, 100}) {
    const auto result = co_await writer.try_append_at(expected, events("x"));
    trial->refused(result, JournalErr::Kind::Conflict, "an append behind another head");
    const auto none = co_await writer.try_append_at(expected, {});
    trial->refused(none, JournalErr::Kind::Conflict, "an append of nothing behind another head");
  }
  const auto all = co_await writer.events();
  trial->check(words(all) == "1:a 2:b", "after a Conflict read gives " + words(all));
  co_await writer.open();
  trial->check(writer.head == 2, "a Conflict moved the head");
  trial->check(writer.opened.last_append == last, "a Conflict left its append id");
  (void)co_await writer.append(events("c"));
}

Task<void> append_ids(JournalTrial trial) {
  const auto store = co_await trial.store();
  Writer writer(trial, store, "account");
  co_await writer.open();
  constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
  const AppendId ids[] = {{0, 0}, {kAll, kAll}, {std::uint64_t{1} << 63, 1}, {1, kAll - 1}};
  for (const AppendId id : ids) {
    const WriteToken token = writer.opened.token;
    auto written = co_await store->append(token, writer.head, id, events("x"));
    (void)trial->must(std::move(written), "append");
    const WriteToken current = writer.opened.token;
    auto opened = co_await store->reopen(current);
    writer.opened = trial->must(std::move(opened), "reopen by the owner");
    trial->check(writer.opened.last_append == id, "reopen does not tell the last append");
    trial->check(writer.opened.head == writer.head + 1, "reopen does not tell the head");
    writer.head = writer.opened.head;
  }
  (void)co_await writer.append({});
  co_await writer.open();
  trial->check(writer.opened.last_append == ids[3], "an append of nothing left its append id");
  trial->check(writer.head == 4, "an append of nothing moved the head");
}

}  // namespace

std::vector<Case> append_cases(const JournalStores& stores) {
  std::vector<Case> cases;
  const auto add = [&](std::string promise, Task<void> (*body)(JournalTrial)) {
    cases.push_back(journal_case(stores, std::move(promise), body));
  };
  add("events are numbered from one without gaps, in the order of their appends", numbering);
  add("the sequence that an appended event brings along is ignored", given_sequences);
  add("read gives from <= sequence < to", half_open);
  add("read gives as many events as fit into max_bytes, but one at least", bounded_reads);
  add("payloads, types and tags are read back as they were written", payloads);
  add("each persistence id is a journal of its own, whatever its bytes", separate_journals);
  add("an append behind another head is a Conflict and writes nothing", conflicts);
  add("open and reopen tell the last append by its id", append_ids);
  return cases;
}

}  // namespace coerce::testkit::conformance::detail
