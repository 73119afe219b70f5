#include "persistence/sqlite_reader.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace coerce::detail {

using sqlite::Query;

/// Sees one state of the file until its end.
class JournalReader::Moment {
 public:
  explicit Moment(sqlite::Connection& connection) noexcept : connection_(connection) {
    connection_.run("BEGIN");
  }
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;
  ~Moment() { connection_.roll_back(); }

 private:
  sqlite::Connection& connection_;
};

JournalReader::JournalReader(std::unique_ptr<sqlite::Connection> connection)
    : connection_(std::move(connection)),
      find_(*connection_, kFindJournal),
      events_(*connection_,
              "SELECT sequence, place, type, bytes, tags, sum FROM events"
              " WHERE journal = ? AND sequence >= ? AND sequence < ? ORDER BY sequence"),
      snapshot_(*connection_,
                "SELECT sequence, 0, type, bytes, NULL, sum FROM snapshots WHERE journal = ?"
                " ORDER BY sequence DESC LIMIT 1"),
      // What a tag leads to and is not there is told, so none of the joins may drop it.
      tagged_(*connection_,
              "SELECT events.sequence, events.place, events.type, events.bytes, events.tags,"
              " events.sum, tags.place, tags.sequence, journals.id, journals.number, head, first,"
              " base, epoch, instance, last_append, journals.sum FROM tags"
              " LEFT JOIN journals ON journals.number = tags.journal"
              " LEFT JOIN events ON events.journal = tags.journal"
              " AND events.sequence = tags.sequence"
              " WHERE tag = ? AND tags.place >= ? ORDER BY tags.place"),
      last_place_(*connection_, "SELECT last_place FROM store") {}

template <class T>
JournalResult<T> JournalReader::result(T value) {
  if (connection_->failed()) return coerce::unexpected(journal_err(*connection_->take_failure()));
  return value;
}

JournalResult<std::int64_t> JournalReader::head(const std::string& id) {
  return result(find(id).head);
}

JournalResult<JournalReader::Entries> JournalReader::read(const std::string& id, std::int64_t from,
                                                          std::int64_t to, ReadBound bound) {
  Entries entries;
  const Moment moment(*connection_);
  const JournalRow row = find(id);
  from = std::max(from, row.first);
  to = std::min(to, row.head + 1);
  if (row.number != 0 && from < to) read_events(row, from, to, bound, entries);
  return result(std::move(entries));
}

void JournalReader::read_events(const JournalRow& row, std::int64_t from, std::int64_t to,
                                ReadBound bound, Entries& entries) {
  Query query(events_);
  query.bind(row.number).bind(from).bind(to);
  for (std::int64_t next = from; next < to; ++next) {
    const bool found = query.next();
    if (connection_->failed()) return;
    if (!found || query.integer(0) != next)
      return connection_->fail_damaged(fmt::format("event {} is missing", next));
    JournalEntry entry;
    if (!read_event(query, row.number, entry)) return;
    if (!bound.fits(entry)) return;
    entries.push_back(std::move(entry));
  }
}

bool JournalReader::read_event(Query& row, std::int64_t journal, JournalEntry& entry) {
  entry.sequence = row.integer(0);
  entry.payload_type = row.text(2);
  const BytesView bytes = row.blob(3);
  entry.bytes.assign(bytes.begin(), bytes.end());
  const BytesView encoded = row.blob(4);
  auto tags = decode_tags(encoded);
  const std::int64_t sum =
      sum_of(journal, row.natural(1), entry.sequence, sum_of_content(entry, encoded));
  if (tags && row.integer(5) == sum) {
    entry.tags = std::move(*tags);
    return true;
  }
  connection_->fail_damaged(fmt::format("the row of sequence {} is damaged", entry.sequence));
  return false;
}

JournalResult<std::optional<JournalEntry>> JournalReader::latest_snapshot(const std::string& id) {
  std::optional<JournalEntry> latest;
  const Moment moment(*connection_);
  const JournalRow row = find(id);
  Query query(snapshot_);
  if (query.bind(row.number).next()) {
    latest.emplace();
    read_event(query, row.number, *latest);
  }
  return result(std::move(latest));
}

JournalResult<TaggedEntries> JournalReader::by_tag(const std::string& tag, std::uint64_t offset,
                                                   ReadBound bound) {
  TaggedEntries found;
  const Moment moment(*connection_);
  {
    Query last(last_place_);
    if (!last.next()) connection_->fail_damaged("the row that counts events is missing");
    found.next_offset = std::max(offset, last.natural(0) + 1);
  }
  // Places are below 2^63, and no bound of a query may become negative.
  if (offset <= INT64_MAX) read_tagged(tag, offset, bound, found);
  return result(std::move(found));
}

void JournalReader::read_tagged(const std::string& tag, std::uint64_t offset, ReadBound bound,
                                TaggedEntries& found) {
  Query query(tagged_);
  query.bind(std::string_view(tag)).bind(offset);
  while (query.next()) {
    TaggedEntry tagged;
    tagged.offset = query.natural(6);
    const std::int64_t sequence = query.integer(7);
    tagged.persistence_id = query.text(8);
    const auto journal = read_journal(query, 9, tagged.persistence_id);
    // The row of the tag outlives its event's deletion for a while.
    if (journal && sequence < journal->first) continue;
    if (!journal || query.is_null(0) || query.natural(1) != tagged.offset)
      return connection_->fail_damaged(
          fmt::format("event {} of '{}', which has the tag '{}', is missing or damaged", sequence,
                      tagged.persistence_id, tag));
    if (!read_event(query, journal->number, tagged.entry)) return;
    if (!bound.fits(tagged.entry)) {
      found.next_offset = tagged.offset;
      return;
    }
    found.entries.push_back(std::move(tagged));
  }
}

JournalResult<std::unique_ptr<JournalReader>> JournalReaders::take() {
  std::unique_lock guard(mutex_);
  came_.wait(guard, [this] { return !free_.empty() || may_open_ != 0; });
  while (!free_.empty()) {
    auto reader = std::move(free_.back());
    free_.pop_back();
    if (reader->usable()) return reader;
    ++may_open_;
  }
  --may_open_;
  guard.unlock();
  try {
    auto made = make();
    if (!made) give_back(nullptr, false);
    return made;
  } catch (...) {
    give_back(nullptr, false);
    throw;
  }
}

JournalResult<std::unique_ptr<JournalReader>> JournalReaders::make() {
  auto opened = sqlite::open_file(path_, kJournalFormat, {}, sqlite::FileUse::Read, patience_);
  if (!opened) return coerce::unexpected(journal_err(std::move(opened.error())));
  return std::make_unique<JournalReader>(std::move(*opened));
}

void JournalReaders::give_back(std::unique_ptr<JournalReader> reader, bool usable) {
  if (!usable) reader.reset();  // outside of the lock: it closes a file
  const std::lock_guard guard(mutex_);
  if (reader)
    free_.push_back(std::move(reader));
  else
    ++may_open_;
  came_.notify_one();
}

}  // namespace coerce::detail
