/// \file
/// How journals lie in a SQLite file, and what both its readers and its writer do with a row.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordination/sqlite_file.hpp"

#include <coerce/persistence/journal.hpp>

namespace coerce::detail {

extern const sqlite::FileFormat kJournalFormat;

/// A journal's row, without its id.
struct JournalRow {
  std::int64_t number = 0;  ///< its key in the other tables; 0: there is no such journal
  std::int64_t head = 0;
  std::int64_t first = 1;  ///< events below it are deleted, even if rows of them are still there
  std::int64_t base = 0;
  Epoch epoch{};
  std::uint64_t instance = 0;
  std::optional<AppendId> last_append{};
};

std::int64_t sum_of(const JournalRow& row, std::string_view id);

inline constexpr const char* kFindJournal =
    "SELECT number, head, first, base, epoch, instance, last_append, sum FROM journals WHERE id = "
    "?";
/// What a query gives in the order of kFindJournal, from a column on. Nothing: it is damaged.
std::optional<JournalRow> read_journal(const sqlite::Query& query, int column, std::string_view id);
/// Number 0 if it is not there, or if the connection has failed: also because the row is damaged.
JournalRow find_journal(sqlite::Connection& connection, sqlite::Statement& statement,
                        std::string_view id);

Bytes encode_tags(const std::vector<std::string>& tags);
std::optional<std::vector<std::string>> decode_tags(BytesView bytes);

using AppendIdBytes = std::array<std::uint8_t, 16>;
AppendIdBytes encode_append_id(const AppendId& id) noexcept;

/// Of what is in an event or a snapshot, which has no tags.
std::uint64_t sum_of_content(const JournalEntry& entry, BytesView tags);
/// Of its row. A snapshot has the place 0.
std::int64_t sum_of(std::int64_t journal, std::uint64_t place, std::int64_t sequence,
                    std::uint64_t sum_of_content);

/// As much of the row of an event or a snapshot as is known before it has its place.
struct EncodedEntry {
  explicit EncodedEntry(JournalEntry what)
      : entry(std::move(what)),
        tags(encode_tags(entry.tags)),
        sum_of_content(detail::sum_of_content(entry, tags)) {}
  JournalEntry entry;
  Bytes tags;
  std::uint64_t sum_of_content;
};

JournalErr journal_err(sqlite::Failure failure);

}  // namespace coerce::detail
