/// \file
/// How journals lie in a SQLite file, and what both its readers and its writer do with a row.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
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
/// Number 0 if it is not there, or if the connection has failed: also because the row is damaged.
JournalRow find_journal(sqlite::Connection& connection, sqlite::Statement& statement,
                        std::string_view id);

Bytes encode_tags(const std::vector<std::string>& tags);
std::optional<std::vector<std::string>> decode_tags(BytesView bytes);

using AppendIdBytes = std::array<std::uint8_t, 16>;
AppendIdBytes encode_append_id(const AppendId& id) noexcept;

/// Of an event or a snapshot, which has no place and no tags. The sequence of `entry` is ignored.
std::int64_t sum_of(std::int64_t journal, std::uint64_t place, std::int64_t sequence,
                    const JournalEntry& entry, BytesView tags);

JournalErr journal_err(sqlite::Failure failure);

}  // namespace coerce::detail
