#include "persistence/sqlite_tables.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "coordination/row_sum.hpp"

#include <fmt/format.h>

namespace coerce::detail {

using Kind = JournalErr::Kind;
using sqlite::Query;

namespace {

/// Rows that are removed at a time: about a millisecond.
constexpr std::int64_t kGarbageRows = 200;

tl::unexpected<JournalErr> fenced() {
  return coerce::unexpected(JournalErr(Kind::Fenced, "it has been opened since"));
}

OpenedJournal just_head(std::int64_t head) {
  OpenedJournal result;
  result.head = head;
  return result;
}

}  // namespace

JournalTables::JournalTables(sqlite::Connection& connection)
    : connection_(connection),
      find_data_version_(connection, "PRAGMA data_version"),
      find_(connection, kFindJournal),
      create_(connection,
              "INSERT INTO journals (id, head, first, base, epoch, instance, sum)"
              " VALUES (?, 0, 1, 0, 0, 0, 0)"),
      update_(connection,
              "UPDATE journals SET head = ?, first = ?, base = ?, epoch = ?, instance = ?,"
              " last_append = ?, sum = ? WHERE number = ?"),
      insert_event_(connection,
                    "INSERT INTO events (journal, sequence, place, type, bytes, tags, sum)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)"),
      insert_tag_(connection,
                  "INSERT OR IGNORE INTO tags (tag, place, journal, sequence) VALUES (?, ?, ?, ?)"),
      insert_snapshot_(connection,
                       "INSERT OR REPLACE INTO snapshots (journal, sequence, type, bytes, sum)"
                       " VALUES (?, ?, ?, ?, ?)"),
      delete_snapshots_(connection, "DELETE FROM snapshots WHERE journal = ? AND sequence < ?"),
      garbage_(connection,
               "SELECT sequence, place, tags FROM events WHERE journal = ? AND sequence < ?"
               " ORDER BY sequence LIMIT ?"),
      delete_event_(connection, "DELETE FROM events WHERE journal = ? AND sequence = ?"),
      delete_tag_(connection, "DELETE FROM tags WHERE tag = ? AND place = ?"),
      read_place_(connection, "SELECT last_place FROM store"),
      write_place_(connection, "UPDATE store SET last_place = ?") {}

void JournalTables::begin(KnownJournals& known) {
  known_ = &known;
  Query query(find_data_version_);
  const std::int64_t version = query.next() ? query.integer(0) : 0;
  if (!committed_ || version != data_version_) {
    known.clear();
    last_place_.reset();
  }
  data_version_ = version;
  committed_ = false;
  has_new_places_ = false;
}

JournalRow* JournalTables::find(std::string_view id) {
  if (JournalRow* const expected = std::exchange(expected_, nullptr)) return expected;
  if (JournalRow* const known = known_->find(id)) return known;
  const JournalRow row = find_journal(connection_, find_, id);
  return row.number != 0 ? known_->put(id, row) : nullptr;
}

JournalRow* JournalTables::held(const WriteToken& token) {
  JournalRow* const row = find(token.persistence_id);
  const bool current =
      row != nullptr && row->epoch == token.epoch && row->instance == token.instance;
  return current ? row : nullptr;
}

JournalRow* JournalTables::create(const std::string& id) {
  if (!Query(create_).bind(std::string_view(id)).run()) return nullptr;
  JournalRow row;
  row.number = sqlite3_last_insert_rowid(connection_.handle());
  return known_->put(id, row);
}

void JournalTables::update(const JournalRow& row, std::string_view id) {
  AppendIdBytes append_id;
  Query query(update_);
  query.bind(row.head).bind(row.first).bind(row.base).bind(row.epoch.value).bind(row.instance);
  if (row.last_append) {
    append_id = encode_append_id(*row.last_append);
    query.bind(BytesView(append_id));
  } else {
    query.bind_null();
  }
  const bool done = query.bind(sum_of(row, id)).bind(row.number).run();
  if (done && sqlite3_changes(connection_.handle()) != 1)
    connection_.fail_damaged(fmt::format("the row of journal '{}' is missing", id));
}

JournalTables::Opened JournalTables::opened(JournalRow& row, const std::string& id) {
  ++row.instance;
  update(row, id);
  OpenedJournal result;
  result.head = row.head;
  result.base = row.base;
  result.token.persistence_id = id;
  result.token.epoch = row.epoch;
  result.token.instance = row.instance;
  result.last_append = row.last_append;
  return result;
}

JournalTables::Opened JournalTables::open(const std::string& id, std::optional<Epoch> owner) {
  JournalRow* row = find(id);
  if (row != nullptr && owner && *owner < row->epoch)
    return coerce::unexpected(JournalErr(
        Kind::Fenced,
        fmt::format("epoch {} is stored, {} wants to open", row->epoch.value, owner->value)));
  if (row == nullptr) row = create(id);
  if (row == nullptr) return OpenedJournal();  // the connection has failed
  if (owner) row->epoch = *owner;
  return opened(*row, id);
}

JournalTables::Opened JournalTables::reopen(const WriteToken& token) {
  JournalRow* const row = held(token);
  if (row == nullptr) return fenced();
  return opened(*row, token.persistence_id);
}

JournalTables::Opened JournalTables::append(const WriteToken& token, std::int64_t expected_head,
                                            const AppendId& append_id,
                                            const std::vector<EncodedEntry>& events) {
  JournalRow* const current = held(token);
  if (current == nullptr) return fenced();
  JournalRow& row = *current;
  if (row.head != expected_head)
    return coerce::unexpected(JournalErr(
        Kind::Conflict, fmt::format("the head is {}, {} was expected", row.head, expected_head)));
  if (events.empty()) return just_head(row.head);
  for (const EncodedEntry& event : events) insert(row.number, event, ++row.head);
  row.last_append = append_id;
  update(row, token.persistence_id);
  return just_head(row.head);
}

void JournalTables::insert(std::int64_t journal, const EncodedEntry& event, std::int64_t sequence) {
  const std::uint64_t place = next_place();
  const JournalEntry& entry = event.entry;
  Query query(insert_event_);
  query.bind(journal).bind(sequence).bind(place);
  query.bind(std::string_view(entry.payload_type)).bind(BytesView(entry.bytes));
  if (event.tags.empty())
    query.bind_null();
  else
    query.bind(BytesView(event.tags));
  query.bind(sum_of(journal, place, sequence, event.sum_of_content)).run();
  for (const std::string& tag : entry.tags)
    Query(insert_tag_).bind(std::string_view(tag)).bind(place).bind(journal).bind(sequence).run();
}

std::uint64_t JournalTables::next_place() {
  if (!last_place_) {
    Query query(read_place_);
    if (query.next())
      last_place_ = query.natural(0);
    else
      connection_.fail_damaged("the row that counts events is missing");
  }
  if (last_place_) ++*last_place_;
  has_new_places_ = true;
  return last_place_.value_or(0);
}

JournalTables::Opened JournalTables::write_snapshot(const WriteToken& token,
                                                    const EncodedEntry& encoded) {
  const JournalRow* const current = held(token);
  if (current == nullptr) return fenced();
  const JournalRow& row = *current;
  const JournalEntry& snapshot = encoded.entry;
  if (snapshot.sequence < 0 || snapshot.sequence > row.head)
    return coerce::unexpected(
        JournalErr(Kind::Conflict,
                   fmt::format("a snapshot of {}, the head is {}", snapshot.sequence, row.head)));
  const std::int64_t sum = sum_of(row.number, 0, snapshot.sequence, encoded.sum_of_content);
  Query query(insert_snapshot_);
  query.bind(row.number).bind(snapshot.sequence).bind(std::string_view(snapshot.payload_type));
  query.bind(BytesView(snapshot.bytes)).bind(sum).run();
  return just_head(row.head);
}

JournalTables::Opened JournalTables::delete_events_to(const WriteToken& token, std::int64_t n) {
  JournalRow* const current = held(token);
  if (current == nullptr) return fenced();
  JournalRow& row = *current;
  const std::int64_t first = std::min(n, row.head + 1);
  if (first > row.first) {
    row.first = first;
    update(row, token.persistence_id);
  }
  return just_head(row.head);
}

JournalTables::Opened JournalTables::delete_snapshots_to(const WriteToken& token, std::int64_t n) {
  const JournalRow* const row = held(token);
  if (row == nullptr) return fenced();
  drop_snapshots(row->number, n);
  return just_head(row->head);
}

JournalTables::Opened JournalTables::delete_all(const WriteToken& token) {
  JournalRow* const current = held(token);
  if (current == nullptr) return fenced();
  JournalRow& row = *current;
  drop_snapshots(row.number, std::numeric_limits<std::int64_t>::max());
  row.first = row.head + 1;
  row.base = row.head;
  update(row, token.persistence_id);
  return just_head(row.head);
}

void JournalTables::drop_snapshots(std::int64_t journal, std::int64_t below) {
  Query(delete_snapshots_).bind(journal).bind(below).run();
}

bool JournalTables::collect_garbage(const std::string& id) {
  struct Row {
    std::int64_t sequence;
    std::int64_t place;
    std::optional<std::vector<std::string>> tags;
  };
  const JournalRow* const journal = find(id);
  if (journal == nullptr) return false;
  std::vector<Row> rows;
  {
    Query query(garbage_);
    query.bind(journal->number).bind(journal->first).bind(kGarbageRows);
    while (query.next())
      rows.push_back({query.integer(0), query.integer(1), decode_tags(query.blob(2))});
  }
  for (const Row& row : rows) {
    // Damaged tags leave rows behind that lead nowhere, which reading skips.
    if (row.tags)
      for (const std::string& tag : *row.tags)
        Query(delete_tag_).bind(std::string_view(tag)).bind(row.place).run();
    Query(delete_event_).bind(journal->number).bind(row.sequence).run();
  }
  return !connection_.failed() && rows.size() == static_cast<std::size_t>(kGarbageRows);
}

void JournalTables::finish() {
  if (last_place_ && has_new_places_) Query(write_place_).bind(*last_place_).run();
}

}  // namespace coerce::detail
