#include "persistence/redis/journal_storage.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "persistence/limits.hpp"
#include "persistence/redis/journal_replies.hpp"
#include "persistence/redis/stored_entry.hpp"

namespace coerce::detail::redis {

namespace {

/// What one script may read: it holds up everybody else, and its reply is kept in memory.
constexpr std::size_t kPageBytes = 256 * 1024;
constexpr std::uint64_t kPageEvents = 1000;
/// What one script may remove.
constexpr std::uint64_t kRemovedAtOnce = 1000;

/// Beyond it Lua's numbers are not exact; no journal gets there.
constexpr std::int64_t kMaxSequence = std::int64_t{1} << 53;

/// All digits of an epoch, so that the order of the texts is that of the numbers.
std::string digits(Epoch epoch) { return fmt::format("{:020}", epoch.value); }

std::string bytes_of_id(AppendId id) { return fmt::format("{:016x}{:016x}", id.high, id.low); }

/// Replies beyond it are no replies to us.
ReplyLimits reply_limits(const JournalLimits& limits) {
  constexpr std::size_t kBesides = 1 << 20;
  const std::size_t entry = std::max(limits.max_snapshot_bytes, limits.max_entry_bytes);
  const std::size_t names =
      limits.max_tags * limits.max_tag_bytes + limits.max_type_bytes + limits.max_id_bytes;
  return {.max_bytes = entry + names + kPageBytes + kPageEvents * limits.max_id_bytes + kBesides};
}

std::uint64_t page_bytes(std::size_t max_bytes, std::size_t bytes) {
  return std::min(max_bytes - std::min(bytes, max_bytes), kPageBytes);
}

}  // namespace

RedisJournalStorage::RedisJournalStorage(Endpoint endpoint, const RedisOptions& options,
                                         const JournalLimits& limits)
    : limits_(limits),
      prefix_(options.prefix()),
      client_(std::move(endpoint), options, kJournalScripts, reply_limits(limits)) {}

Task<JournalResult<void>> RedisJournalStorage::connect() {
  const auto connected = co_await client_.connect();
  if (!connected) co_return coerce::unexpected(unavailable(connected.error()));
  co_return JournalResult<void>();
}

Task<JournalResult<OpenedJournal>> RedisJournalStorage::open(std::string id,
                                                             std::optional<Epoch> owner) {
  if (auto bad = check_id(limits_, id)) co_return coerce::unexpected(*bad);
  ScriptCall call = on_journal(JournalScript::Open, id);
  call.arg(owner ? digits(*owner) : std::string());
  co_return co_await opened(std::move(call), std::move(id));
}

Task<JournalResult<OpenedJournal>> RedisJournalStorage::reopen(WriteToken token) {
  ScriptCall call = with_token(JournalScript::Reopen, token);
  co_return co_await opened(std::move(call), std::move(token.persistence_id));
}

Task<JournalResult<std::int64_t>> RedisJournalStorage::append(WriteToken token,
                                                              std::int64_t expected_head,
                                                              AppendId append_id,
                                                              std::vector<JournalEntry> entries) {
  if (auto bad = check_events(limits_, entries)) co_return coerce::unexpected(*bad);
  ScriptCall call = with_token(JournalScript::Append, token);
  call.key(key("events", token.persistence_id)).key(prefix_ + "offset");
  call.arg(std::to_string(expected_head)).arg(bytes_of_id(append_id)).arg(token.persistence_id);
  call.arg(key("tag", "")).arg(entries.size());
  for (const JournalEntry& entry : entries) {
    call.arg(to_stored(entry)).arg(entry.tags.size());
    for (const std::string& tag : entry.tags) call.arg(tag);
  }
  entries.clear();
  const auto reply = co_await write(std::move(call));
  if (!reply) co_return coerce::unexpected(reply.error());
  const auto head = number_at<std::int64_t>(*reply, 1);
  if (!head) co_return coerce::unexpected(unclear("append"));
  co_return *head;
}

Task<JournalResult<std::vector<JournalEntry>>> RedisJournalStorage::read(std::string id,
                                                                         std::int64_t from,
                                                                         std::int64_t to,
                                                                         std::size_t max_bytes) {
  std::vector<JournalEntry> entries;
  ReadBound bound(limits_, max_bytes);
  std::int64_t next = std::max<std::int64_t>(from, 1);
  for (bool more = next < to && next <= kMaxSequence; more;) {
    ScriptCall call = on_journal(JournalScript::Read, id);
    call.key(key("events", id)).arg(std::to_string(next)).arg(std::to_string(to));
    call.arg(page_bytes(max_bytes, bound.bytes())).arg(kPageEvents);
    const auto reply = co_await ask(std::move(call));
    if (!reply) co_return coerce::unexpected(reply.error());
    auto page = read_page(*reply);
    if (!page) co_return coerce::unexpected(page.error());
    if (page->begin != next) {  // what was before it has been deleted, what was read included
      entries.clear();
      bound = ReadBound(limits_, max_bytes);
    }
    for (JournalEntry& entry : page->entries) {
      if (!bound.fits(entry)) co_return entries;
      next = entry.sequence + 1;
      entries.push_back(std::move(entry));
    }
    more = page->more;
  }
  co_return entries;
}

Task<JournalResult<std::int64_t>> RedisJournalStorage::head(std::string id) {
  ScriptCall call = on_journal(JournalScript::Head, id);
  const auto reply = co_await ask(std::move(call));
  if (!reply) co_return coerce::unexpected(reply.error());
  const auto head = number_at<std::int64_t>(*reply, 1);
  if (!head) co_return coerce::unexpected(unreadable("head", id));
  co_return *head;
}

Task<JournalResult<void>> RedisJournalStorage::write_snapshot(WriteToken token,
                                                              JournalEntry snapshot) {
  if (auto bad = check_snapshot(limits_, snapshot)) co_return coerce::unexpected(*bad);
  ScriptCall call = on_snapshots(JournalScript::WriteSnapshot, token);
  call.arg(std::to_string(snapshot.sequence)).arg(to_stored(snapshot));
  snapshot.bytes = {};
  const auto reply = co_await write(std::move(call));
  if (!reply) co_return coerce::unexpected(reply.error());
  co_return JournalResult<void>();
}

Task<JournalResult<std::optional<JournalEntry>>> RedisJournalStorage::read_latest_snapshot(
    std::string id) {
  ScriptCall call(static_cast<std::size_t>(JournalScript::ReadLatestSnapshot));
  call.key(key("snapshots", id)).key(key("snapshot-order", id));
  const auto reply = co_await ask(std::move(call));
  if (!reply) co_return coerce::unexpected(reply.error());
  co_return read_snapshot(*reply);
}

Task<JournalResult<void>> RedisJournalStorage::delete_events_to(WriteToken token, std::int64_t n) {
  ScriptCall call = with_token(JournalScript::DeleteEvents, token);
  call.key(key("events", token.persistence_id)).arg(std::to_string(n)).arg(kRemovedAtOnce);
  call.arg(token.persistence_id).arg(key("tag", ""));
  ScriptCall first = call;
  const auto hidden = co_await write(std::move(first));
  if (!hidden) co_return coerce::unexpected(hidden.error());
  // Nobody sees the events any more; what cannot be removed now, the next deletion removes.
  if (number_at<std::int64_t>(*hidden, 1) == 1) {
    [[maybe_unused]] const auto removed = co_await remove_all(std::move(call));
  }
  co_return JournalResult<void>();
}

Task<JournalResult<void>> RedisJournalStorage::delete_snapshots_to(WriteToken token,
                                                                   std::int64_t n) {
  ScriptCall call = on_snapshots(JournalScript::DeleteSnapshots, token);
  call.arg(std::to_string(n)).arg(kRemovedAtOnce);
  co_return co_await remove_all(std::move(call));
}

Task<JournalResult<void>> RedisJournalStorage::delete_all(WriteToken token) {
  ScriptCall call = on_snapshots(JournalScript::DeleteAll, token);
  const auto reply = co_await write(std::move(call));
  if (!reply) co_return coerce::unexpected(reply.error());
  const auto first = number_at<std::int64_t>(*reply, 1);
  if (!first) co_return coerce::unexpected(unclear("delete_all"));
  // Nobody sees the events any more; what cannot be removed now, the next deletion removes.
  [[maybe_unused]] const auto removed = co_await delete_events_to(std::move(token), *first);
  co_return JournalResult<void>();
}

Task<JournalResult<TaggedEntries>> RedisJournalStorage::read_by_tag(std::string tag,
                                                                    std::uint64_t offset,
                                                                    std::size_t max_bytes) {
  if (auto bad = check_tag(limits_, tag)) co_return coerce::unexpected(*bad);
  TaggedEntries found;
  found.next_offset = offset;
  ReadBound bound(limits_, max_bytes);
  for (bool more = true; more;) {
    ScriptCall call(static_cast<std::size_t>(JournalScript::ReadByTag));
    call.key(key("tag", tag)).key(prefix_ + "offset");
    call.arg(found.next_offset).arg(page_bytes(max_bytes, bound.bytes())).arg(kPageEvents);
    call.arg(key("journal", "")).arg(key("events", ""));
    const auto reply = co_await ask(std::move(call));
    if (!reply) co_return coerce::unexpected(reply.error());
    auto page = read_tag_page(*reply, found.next_offset);
    if (!page) co_return coerce::unexpected(page.error());
    for (TaggedEntry& tagged : page->entries) {
      if (!bound.fits(tagged.entry)) {
        found.next_offset = tagged.offset;
        co_return found;
      }
      found.entries.push_back(std::move(tagged));
    }
    more = page->more;
    found.next_offset = std::max(found.next_offset, more ? page->next : page->last + 1);
  }
  co_return found;
}

std::string RedisJournalStorage::key(std::string_view kind, std::string_view name) const {
  return fmt::format("{}{}:{}", prefix_, kind, name);
}

ScriptCall RedisJournalStorage::on_journal(JournalScript script, std::string_view id) const {
  ScriptCall call(static_cast<std::size_t>(script));
  call.key(key("journal", id));
  return call;
}

ScriptCall RedisJournalStorage::with_token(JournalScript script, const WriteToken& token) const {
  ScriptCall call = on_journal(script, token.persistence_id);
  call.arg(digits(token.epoch)).arg(token.instance);
  return call;
}

ScriptCall RedisJournalStorage::on_snapshots(JournalScript script, const WriteToken& token) const {
  ScriptCall call = with_token(script, token);
  call.key(key("snapshots", token.persistence_id));
  call.key(key("snapshot-order", token.persistence_id));
  return call;
}

Task<JournalResult<Reply>> RedisJournalStorage::write(ScriptCall call) {
  auto reply = co_await client_.call(std::move(call));
  if (!reply) co_return coerce::unexpected(error_of_write(reply.error()));
  if (auto refused = refusal(*reply)) co_return coerce::unexpected(std::move(*refused));
  co_return std::move(*reply);
}

Task<JournalResult<Reply>> RedisJournalStorage::ask(ScriptCall call) {
  auto reply = co_await client_.call(std::move(call));
  if (!reply) co_return coerce::unexpected(error_of_read(reply.error()));
  if (auto refused = refusal(*reply)) co_return coerce::unexpected(std::move(*refused));
  co_return std::move(*reply);
}

Task<JournalResult<OpenedJournal>> RedisJournalStorage::opened(ScriptCall call, std::string id) {
  const auto reply = co_await write(std::move(call));
  if (!reply) co_return coerce::unexpected(reply.error());
  co_return read_opened(*reply, std::move(id));
}

Task<JournalResult<void>> RedisJournalStorage::remove_all(ScriptCall call) {
  for (bool begun = false;; begun = true) {
    ScriptCall again = call;
    const auto reply = co_await write(std::move(again));
    if (!reply && begun)  // by then it is not certainly undone
      co_return coerce::unexpected(JournalErr(JournalErr::Kind::Unknown, reply.error().detail()));
    if (!reply) co_return coerce::unexpected(reply.error());
    const auto more = number_at<std::int64_t>(*reply, 1);
    if (!more) co_return coerce::unexpected(unclear("a deletion"));
    if (*more == 0) co_return JournalResult<void>();
  }
}

}  // namespace coerce::detail::redis
