/// \file
/// What the writer of a file of journals does inside a transaction.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/sqlite_format.hpp"
#include "persistence/sqlite_known.hpp"

namespace coerce::detail {

/// Prepared statements of a connection, and the operations made of them. They look before they
/// write: what is refused has changed nothing. After a failure of the connection what they gave
/// means nothing, and the transaction must be rolled back.
class JournalTables {
 public:
  explicit JournalTables(sqlite::Connection& connection);

  /// Once at the beginning of each transaction. `known` is what the transactions before it have
  /// left there; it is emptied if that need not be true any more: the last one was not committed,
  /// or another connection has written since.
  void begin(KnownJournals& known);

  /// Where `known` has the row of the journal that the next operation is about; null: not there.
  void expect(JournalRow* row) noexcept { expected_ = row; }

  using Opened = JournalResult<OpenedJournal>;

  Opened open(const std::string& id, std::optional<Epoch> owner);
  Opened reopen(const WriteToken& token);
  /// Like those that follow it gives the journal's head alone.
  Opened append(const WriteToken& token, std::int64_t expected_head, const AppendId& append_id,
                const std::vector<EncodedEntry>& events);
  Opened write_snapshot(const WriteToken& token, const EncodedEntry& snapshot);
  /// Their rows go away later (collect_garbage), so that no transaction becomes long.
  Opened delete_events_to(const WriteToken& token, std::int64_t n);
  Opened delete_snapshots_to(const WriteToken& token, std::int64_t n);
  Opened delete_all(const WriteToken& token);

  /// Removes some rows of deleted events of the journal. False: there are no more.
  bool collect_garbage(const std::string& id);

  /// Once at the end of each transaction, before its COMMIT.
  void finish();
  /// Its COMMIT has succeeded.
  void committed() noexcept { committed_ = true; }

  sqlite::Connection& connection() noexcept { return connection_; }

 private:
  /// Null: there is no such journal, or the connection has failed.
  JournalRow* find(std::string_view id);
  /// Null also if the token is not the current one.
  JournalRow* held(const WriteToken& token);
  JournalRow* create(const std::string& id);
  void update(const JournalRow& row, std::string_view id);
  Opened opened(JournalRow& row, const std::string& id);
  void insert(std::int64_t journal, const EncodedEntry& event, std::int64_t sequence);
  void drop_snapshots(std::int64_t journal, std::int64_t below);
  std::uint64_t next_place();

  sqlite::Connection& connection_;
  KnownJournals* known_ = nullptr;  ///< in this transaction
  JournalRow* expected_ = nullptr;
  std::int64_t data_version_ = 0;  ///< at the beginning of the last transaction
  bool committed_ = false;         ///< is what is known so of the last transaction?
  sqlite::Statement find_data_version_;
  sqlite::Statement find_;
  sqlite::Statement create_;
  sqlite::Statement update_;
  sqlite::Statement insert_event_;
  sqlite::Statement insert_tag_;
  sqlite::Statement insert_snapshot_;
  sqlite::Statement delete_snapshots_;
  sqlite::Statement garbage_;
  sqlite::Statement delete_event_;
  sqlite::Statement delete_tag_;
  sqlite::Statement read_place_;
  sqlite::Statement write_place_;
  std::optional<std::uint64_t> last_place_;  ///< if it is known
  bool has_new_places_ = false;              ///< in this transaction
};

}  // namespace coerce::detail
