#include "testkit/conformance/journal_trial.hpp"

#include <algorithm>
#include <limits>

namespace coerce::testkit::conformance::detail {

namespace {

std::string words(const JournalErr& error) { return "-> " + error.to_string(); }

std::string words(const WriteToken& token) {
  return fmt::format("{}#{}@{}", shown(token.persistence_id), token.instance, token.epoch.value);
}

std::string words(const OpenedJournal& opened) {
  return fmt::format(
      "-> {}, head {}, base {}, last append {}", words(opened.token), opened.head, opened.base,
      opened.last_append
          ? fmt::format("{:x}.{:x}", opened.last_append->high, opened.last_append->low)
          : "none");
}

std::string words(std::int64_t value) { return fmt::format("-> {}", value); }

std::string words(const std::optional<JournalEntry>& entry) {
  if (!entry) return "-> none";
  return fmt::format("-> {}:{}", entry->sequence, shown(text_of(entry->bytes)));
}

std::string words(const TaggedEntries& found) {
  std::string text = "->";
  for (const TaggedEntry& place : found.entries)
    text +=
        fmt::format(" {}={}:{}", place.offset, shown(place.persistence_id), place.entry.sequence);
  return text + fmt::format(", next {}", found.next_offset);
}

template <class T>
std::string words(const JournalResult<T>& result) {
  if (!result) return words(result.error());
  if constexpr (std::is_void_v<T>)
    return "-> done";
  else if constexpr (std::same_as<T, std::vector<JournalEntry>>)
    return "-> " + detail::words(*result);
  else
    return words(*result);
}

}  // namespace

// ---- words --------------------------------------------------------------------------------------

std::string words(const std::vector<JournalEntry>& entries) {
  constexpr std::size_t kMost = 30;
  std::string text;
  for (std::size_t i = 0; i < entries.size() && i < kMost; ++i)
    text += fmt::format("{}{}:{}", i == 0 ? "" : " ", entries[i].sequence,
                        shown(text_of(entries[i].bytes)));
  if (entries.size() > kMost) text += fmt::format(" ...({} events)", entries.size());
  return entries.empty() ? "none" : text;
}

JournalEntry event(std::string_view text, std::vector<std::string> tags) {
  JournalEntry made;
  made.payload_type = "Event";
  made.bytes = bytes_of(text);
  made.tags = std::move(tags);
  return made;
}

std::vector<JournalEntry> tagged(std::string_view text, std::string_view tag) {
  std::vector<JournalEntry> made;
  made.push_back(event(text, std::vector<std::string>(1, std::string(tag))));
  return made;
}

// ---- LoggedJournal ------------------------------------------------------------------------------

Task<JournalResult<OpenedJournal>> LoggedJournal::open(std::string id, std::optional<Epoch> owner) {
  std::string call = fmt::format("{}: open {} as {}", label_, shown(id),
                                 owner ? fmt::format("{}", owner->value) : "before");
  auto result = co_await inner_->open(std::move(id), owner);
  trial_->answered("open", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<OpenedJournal>> LoggedJournal::reopen(WriteToken token) {
  std::string call = fmt::format("{}: reopen {}", label_, words(token));
  auto result = co_await inner_->reopen(std::move(token));
  trial_->answered("reopen", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<std::int64_t>> LoggedJournal::append(WriteToken token,
                                                        std::int64_t expected_head,
                                                        AppendId append_id,
                                                        std::vector<JournalEntry> entries) {
  std::string call =
      fmt::format("{}: append {} behind {} {:x}.{:x} {} events", label_, words(token),
                  expected_head, append_id.high, append_id.low, entries.size());
  auto result =
      co_await inner_->append(std::move(token), expected_head, append_id, std::move(entries));
  trial_->answered("append", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<std::vector<JournalEntry>>> LoggedJournal::read(std::string id,
                                                                   std::int64_t from,
                                                                   std::int64_t to,
                                                                   std::size_t max_bytes) {
  std::string call =
      fmt::format("{}: read {} [{}, {}) {} bytes", label_, shown(id), from, to, max_bytes);
  auto result = co_await inner_->read(std::move(id), from, to, max_bytes);
  trial_->answered("read", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<std::int64_t>> LoggedJournal::head(std::string id) {
  std::string call = fmt::format("{}: head {}", label_, shown(id));
  auto result = co_await inner_->head(std::move(id));
  trial_->answered("head", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<void>> LoggedJournal::write_snapshot(WriteToken token, JournalEntry snapshot) {
  std::string call = fmt::format("{}: snapshot {} of {}", label_, words(token), snapshot.sequence);
  auto result = co_await inner_->write_snapshot(std::move(token), std::move(snapshot));
  trial_->answered("write_snapshot", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<std::optional<JournalEntry>>> LoggedJournal::read_latest_snapshot(
    std::string id) {
  std::string call = fmt::format("{}: latest snapshot {}", label_, shown(id));
  auto result = co_await inner_->read_latest_snapshot(std::move(id));
  trial_->answered("read_latest_snapshot", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<void>> LoggedJournal::delete_events_to(WriteToken token, std::int64_t n) {
  std::string call = fmt::format("{}: delete {} events to {}", label_, words(token), n);
  auto result = co_await inner_->delete_events_to(std::move(token), n);
  trial_->answered("delete_events_to", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<void>> LoggedJournal::delete_snapshots_to(WriteToken token, std::int64_t n) {
  std::string call = fmt::format("{}: delete {} snapshots to {}", label_, words(token), n);
  auto result = co_await inner_->delete_snapshots_to(std::move(token), n);
  trial_->answered("delete_snapshots_to", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<void>> LoggedJournal::delete_all(WriteToken token) {
  std::string call = fmt::format("{}: delete {} all", label_, words(token));
  auto result = co_await inner_->delete_all(std::move(token));
  trial_->answered("delete_all", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

Task<JournalResult<TaggedEntries>> LoggedJournal::read_by_tag(std::string tag, std::uint64_t offset,
                                                              std::size_t max_bytes) {
  std::string call =
      fmt::format("{}: read tag {} from {} {} bytes", label_, shown(tag), offset, max_bytes);
  auto result = co_await inner_->read_by_tag(std::move(tag), offset, max_bytes);
  trial_->answered("read_by_tag", result);
  trial_->log(call + ' ' + words(result));
  co_return result;
}

// ---- JournalTrial -------------------------------------------------------------------------------

Task<Journals> JournalTrial::store() {
  // Without names each call gives an empty store of its own.
  std::string label(1, static_cast<char>('a' + handles_++ % 26));
  trial_->log(label + ": the store is opened");
  auto opened = co_await stores_->open(name_);
  auto inner = trial_->must(std::move(opened), "the store is opened");
  trial_->check(inner != nullptr, "the factory gave no store");
  co_return std::make_shared<LoggedJournal>(*trial_, std::move(inner), std::move(label));
}

// ---- Writer -------------------------------------------------------------------------------------

Task<void> Writer::open(std::optional<Epoch> owner) {
  auto result = co_await store_->open(id_, owner);
  opened = trial_->must(std::move(result), "open");
  trial_->check(opened.token.persistence_id == id_, "open gave a token of another journal");
  trial_->check(!owner || opened.token.epoch == *owner, "open gave a token of another epoch");
  head = opened.head;
}

Task<JournalResult<std::int64_t>> Writer::try_append_at(std::int64_t expected,
                                                        std::vector<JournalEntry> entries) {
  last_append = AppendId::draw(trial_->rng);
  const WriteToken token = opened.token;
  auto result = co_await store_->append(token, expected, last_append, std::move(entries));
  co_return result;
}

Task<JournalResult<std::int64_t>> Writer::try_append(std::vector<JournalEntry> entries) {
  auto result = co_await try_append_at(head, std::move(entries));
  if (result) head = *result;
  co_return result;
}

Task<std::int64_t> Writer::append(std::vector<JournalEntry> entries) {
  const auto due = head + static_cast<std::int64_t>(entries.size());
  auto result = co_await try_append(std::move(entries));
  const std::int64_t given = trial_->must(std::move(result), "append by the owner");
  trial_->check(given == due, fmt::format("append gave the head {}; {} was due", given, due));
  co_return given;
}

Task<JournalResult<void>> Writer::try_snapshot(std::int64_t sequence, std::string_view text) {
  JournalEntry snapshot;
  snapshot.sequence = sequence;
  snapshot.payload_type = "Snapshot";
  snapshot.bytes = bytes_of(text);
  const WriteToken token = opened.token;
  auto result = co_await store_->write_snapshot(token, snapshot);
  co_return result;
}

Task<void> Writer::snapshot(std::int64_t sequence, std::string_view text) {
  auto result = co_await try_snapshot(sequence, text);
  trial_->must(std::move(result), "snapshot by the owner");
}

Task<void> Writer::delete_events_to(std::int64_t n) {
  const WriteToken token = opened.token;
  auto result = co_await store_->delete_events_to(token, n);
  trial_->must(std::move(result), "deletion of events by the owner");
}

Task<void> Writer::delete_snapshots_to(std::int64_t n) {
  const WriteToken token = opened.token;
  auto result = co_await store_->delete_snapshots_to(token, n);
  trial_->must(std::move(result), "deletion of snapshots by the owner");
}

Task<void> Writer::delete_all() {
  const WriteToken token = opened.token;
  auto result = co_await store_->delete_all(token);
  trial_->must(std::move(result), "deletion of everything by the owner");
}

Task<std::vector<JournalEntry>> Writer::events(std::int64_t from, std::int64_t to,
                                               std::size_t max_bytes) {
  auto result = co_await store_->read(id_, from, to, max_bytes);
  co_return trial_->must(std::move(result), "read");
}

Task<std::vector<JournalEntry>> Writer::events() {
  auto all = co_await events(1, std::numeric_limits<std::int64_t>::max());
  co_return all;
}

Task<std::string> Writer::latest_snapshot() {
  auto result = co_await store_->read_latest_snapshot(id_);
  const auto found = trial_->must(std::move(result), "read of the latest snapshot");
  if (!found) co_return "none";
  co_return fmt::format("{} {}", found->sequence, text_of(found->bytes));
}

Task<std::int64_t> Writer::stored_head() {
  auto result = co_await store_->head(id_);
  co_return trial_->must(std::move(result), "head");
}

Task<std::string> Writer::everything() {
  const auto left = co_await events();
  const auto snapshot = co_await latest_snapshot();
  const auto at = co_await stored_head();
  co_return fmt::format("events {}; snapshot {}; head {}", words(left), snapshot, at);
}

Task<void> Writer::expect_fenced(std::string_view why) {
  constexpr auto kFenced = JournalErr::Kind::Fenced;
  const auto told = [&](std::string_view what) { return fmt::format("{} {}", what, why); };
  const WriteToken token = opened.token;
  const auto before = co_await everything();

  const auto appended = co_await try_append(detail::events("late"));
  trial_->refused(appended, kFenced, told("an append"));
  const auto nothing = co_await try_append({});
  trial_->refused(nothing, kFenced, told("an append of no events"));
  const auto misplaced = co_await try_append_at(head + 7, detail::events("late"));
  trial_->refused(misplaced, kFenced, told("an append behind another head"));
  const auto written = co_await try_snapshot(0, "late");
  trial_->refused(written, kFenced, told("a snapshot"));
  const auto beyond = co_await try_snapshot(head + 100, "late");
  trial_->refused(beyond, kFenced, told("a snapshot above the head"));
  const auto events_gone = co_await store_->delete_events_to(token, head + 1);
  trial_->refused(events_gone, kFenced, told("a deletion of events"));
  const auto snapshots_gone = co_await store_->delete_snapshots_to(token, head + 1);
  trial_->refused(snapshots_gone, kFenced, told("a deletion of snapshots"));
  const auto all_gone = co_await store_->delete_all(token);
  trial_->refused(all_gone, kFenced, told("a deletion of everything"));
  const auto again = co_await store_->reopen(token);
  trial_->refused(again, kFenced, told("a reopening"));

  const auto after = co_await everything();
  trial_->check(
      before == after,
      fmt::format("what was Fenced changed the journal: before: {}; after: {}", before, after));
}

}  // namespace coerce::testkit::conformance::detail
