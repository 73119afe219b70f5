/// \file
/// The writer of a file of journals: commits what many actors ask for together.

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
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
    std::vector<JournalEntry> entries;
  };
  struct WriteSnapshot {
    WriteToken token;
    JournalEntry snapshot;
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
    Request(What wanted, TimePoint now) : what(std::move(wanted)), asked(now) {}
    What what;
    TimePoint asked;
  };
  using Worker = GroupWorker<Request, Answer>;

  void serve(Worker::Group group);
  void commit_some();
  std::size_t perform_some(JournalTables& tables);
  static Answer perform(JournalTables& tables, const What& what);
  /// The first `count` of those that wait have got their answers.
  void answered(std::size_t count);
  void answer_all(std::size_t count, const sqlite::Failure& failure);
  void answer_culprit(std::size_t index, sqlite::Failure failure);
  bool collect_garbage(JournalTables& tables);
  void note_garbage(const What& what);

  SystemClock clock_;
  const Duration lock_wait_;
  sqlite::FileWriter<JournalTables> writer_;
  std::deque<std::string> garbage_;     ///< journals with rows of deleted events
  std::vector<Worker::Item*> waiting_;  ///< of the present group, without answers
  std::vector<Answer> answers_;         ///< of the present transaction
  int redone_ = 0;                      ///< in the present group
  Worker worker_;                       ///< last: its thread uses the others
};

}  // namespace coerce::detail
