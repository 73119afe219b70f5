/// \file
/// The writer of a file of journals: commits what many actors ask for together.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "coordination/sqlite_writer.hpp"
#include "persistence/sqlite_tables.hpp"

#include <coerce/persistence/sqlite.hpp>
#include <coerce/runtime/group_worker.hpp>

namespace coerce::detail {

class JournalGroups {
 public:
  struct Open {
    std::string id;
    std::optional<Epoch> owner;
  };
  struct Reopen {
    WriteToken token;
  };
  struct Append {
    WriteToken token;
    std::int64_t expected_head;
    AppendId id;
    std::vector<EncodedEntry> events;
  };
  struct WriteSnapshot {
    WriteToken token;
    EncodedEntry snapshot;
  };
  struct DeleteEvents {
    WriteToken token;
    std::int64_t n;
  };
  struct DeleteSnapshots {
    WriteToken token;
    std::int64_t n;
  };
  struct DeleteAll {
    WriteToken token;
  };
  using What =
      std::variant<Open, Reopen, Append, WriteSnapshot, DeleteEvents, DeleteSnapshots, DeleteAll>;
  using Answer = JournalResult<OpenedJournal>;

  JournalGroups(const std::string& path, const SqliteOptions& options);

  /// Waits until it is committed or refused.
  Task<Answer> write(What what);

  static sqlite::FileOptions file_options(const SqliteOptions& options) noexcept;

 private:
  struct Request {
    Request(What wanted, TimePoint until) : what(std::move(wanted)), deadline(until) {}
    What what;
    TimePoint deadline;           ///< for having the lock
    JournalRow* known = nullptr;  ///< when the group was put in order
  };
  using Worker = GroupWorker<Request, Answer>;
  using Group = Worker::Group;
  struct Place {
    std::int64_t journal;
    std::size_t came;
    Worker::Item* item;
  };

  // Those that give a number have answered so many at the front of the group, one at least.
  std::size_t serve(Group group);
  std::size_t commit_some(Group group);
  static std::size_t answer_all(Group group, const sqlite::Failure& failure);
  std::size_t answer_unbegun(Group group, const sqlite::Failure& failure);
  std::size_t answer_culprit(Group group, std::size_t index, sqlite::Failure failure);

  void put_in_order(Group group);
  static void fetch_request(const Worker::Item& item) noexcept;
  static void fetch_events(const Worker::Item& item) noexcept;
  std::size_t perform_some(JournalTables& tables, Group group);
  static Answer perform(JournalTables& tables, const What& what);
  bool collect_garbage(JournalTables& tables);
  void note_garbage();

  SystemClock clock_;
  const Duration lock_wait_;
  const Duration garbage_time_;  ///< of a transaction
  KnownJournals known_;
  sqlite::FileWriter<JournalTables> writer_;
  std::deque<std::string> garbage_;  ///< journals with rows of deleted events
  std::unordered_set<std::string> is_garbage_;
  std::vector<Place> in_order_;
  std::uint64_t forgettings_ = 0;       ///< of known_, when the group was put in order
  std::vector<std::string> deletions_;  ///< of the present transaction: whose events
  std::size_t left_ = 0;                ///< of the present group, without answers
  int redone_ = 0;                      ///< in the present group
  Worker worker_;                       ///< last: its thread uses the others
};

}  // namespace coerce::detail
