#include "persistence/sqlite_format.hpp"

#include <utility>

#include "coordination/row_sum.hpp"

#include <fmt/format.h>

namespace coerce::detail {

// Events lie together by journal, as a recovery reads them. `place` counts all events of the file
// in the order of their commits. Numbers of journals and places are never used again, so the
// counters outlive what they counted: no row of journals is ever deleted, and `store` keeps the
// last place.
const sqlite::FileFormat kJournalFormat = {
    .application_id = 0x636f6a31,  // "coj1"
    .version = 2,
    .schema = R"(
      CREATE TABLE store (only INTEGER PRIMARY KEY CHECK (only = 1), last_place INTEGER NOT NULL);
      INSERT INTO store VALUES (1, 0);
      CREATE TABLE journals (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, head INTEGER NOT NULL,
        first INTEGER NOT NULL, base INTEGER NOT NULL, epoch INTEGER NOT NULL,
        instance INTEGER NOT NULL, last_append BLOB, sum INTEGER NOT NULL);
      CREATE TABLE events (
        journal INTEGER NOT NULL, sequence INTEGER NOT NULL, place INTEGER NOT NULL,
        type TEXT NOT NULL, bytes BLOB NOT NULL, tags BLOB, sum INTEGER NOT NULL,
        PRIMARY KEY (journal, sequence)) WITHOUT ROWID;
      CREATE TABLE tags (
        tag TEXT NOT NULL, place INTEGER NOT NULL, journal INTEGER NOT NULL,
        sequence INTEGER NOT NULL, PRIMARY KEY (tag, place)) WITHOUT ROWID;
      CREATE TABLE snapshots (
        journal INTEGER NOT NULL, sequence INTEGER NOT NULL, type TEXT NOT NULL,
        bytes BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (journal, sequence));
    )",
    .what = "file of journals",
};

namespace {

void put_number(Bytes& bytes, std::uint64_t number, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

std::uint64_t number_at(BytesView bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) number |= std::uint64_t{bytes[i]} << (8 * i);
  return number;
}

std::optional<AppendId> decode_append_id(BytesView bytes) {
  if (bytes.size() != 16) return std::nullopt;
  return AppendId{number_at(bytes.first(8)), number_at(bytes.last(8))};
}

}  // namespace

std::int64_t sum_of(const JournalRow& row, std::string_view id) {
  RowSum sum;
  sum.add(row.number).add(row.head).add(row.first).add(row.base).add(row.epoch.value);
  sum.add(row.instance).add(id);
  if (row.last_append) sum.add(row.last_append->high).add(row.last_append->low);
  return sum.value();
}

std::optional<JournalRow> read_journal(const sqlite::Query& query, int column,
                                       std::string_view id) {
  JournalRow row;
  row.number = query.integer(column);
  row.head = query.integer(column + 1);
  row.first = query.integer(column + 2);
  row.base = query.integer(column + 3);
  row.epoch.value = query.natural(column + 4);
  row.instance = query.natural(column + 5);
  row.last_append = decode_append_id(query.blob(column + 6));
  const bool sound =
      row.number > 0 && row.head >= 0 && query.integer(column + 7) == sum_of(row, id);
  return sound ? std::optional(row) : std::nullopt;
}

JournalRow find_journal(sqlite::Connection& connection, sqlite::Statement& statement,
                        std::string_view id) {
  sqlite::Query query(statement);
  if (!query.bind(id).next()) return {};
  if (const auto row = read_journal(query, 0, id)) return *row;
  connection.fail_damaged(fmt::format("the row of journal '{}' is damaged", id));
  return {};
}

Bytes encode_tags(const std::vector<std::string>& tags) {
  Bytes bytes;
  for (const std::string& tag : tags) {
    put_number(bytes, tag.size(), 4);
    bytes.insert(bytes.end(), tag.begin(), tag.end());
  }
  return bytes;
}

std::optional<std::vector<std::string>> decode_tags(BytesView bytes) {
  std::vector<std::string> tags;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return std::nullopt;
    const std::uint64_t size = number_at(bytes.first(4));
    bytes = bytes.subspan(4);
    if (size > bytes.size()) return std::nullopt;
    tags.emplace_back(text_of(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  return tags;
}

AppendIdBytes encode_append_id(const AppendId& id) noexcept {
  AppendIdBytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(id.high >> (8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(id.low >> (8 * i));
  }
  return bytes;
}

std::uint64_t sum_of_content(const JournalEntry& entry, BytesView tags) {
  RowSum sum;
  sum.add(std::string_view(entry.payload_type)).add(BytesView(entry.bytes)).add(tags);
  return static_cast<std::uint64_t>(sum.value());
}

std::int64_t sum_of(std::int64_t journal, std::uint64_t place, std::int64_t sequence,
                    std::uint64_t sum_of_content) {
  return RowSum().add(journal).add(place).add(sequence).add(sum_of_content).value();
}

JournalErr journal_err(sqlite::Failure failure) {
  switch (failure.kind) {
    case sqlite::FailureKind::Unknown:
      return JournalErr(JournalErr::Kind::Unknown, std::move(failure.text));
    case sqlite::FailureKind::Damaged:
      return JournalErr(JournalErr::Kind::Corrupt, std::move(failure.text));
    case sqlite::FailureKind::NotDone:
      break;
  }
  return JournalErr(JournalErr::Kind::Unavailable, std::move(failure.text));
}

}  // namespace coerce::detail
