/// \file
/// Journals as scripts that a Redis server runs.

#pragma once

#include "coordination/redis/client.hpp"
#include "persistence/redis/scripts.hpp"

#include <coerce/persistence/journal.hpp>

namespace coerce::detail::redis {

class RedisJournalStorage final : public JournalStorage {
 public:
  RedisJournalStorage(Endpoint endpoint, const RedisOptions& options, const JournalLimits& limits);

  /// Connects if it is not connected.
  Task<JournalResult<void>> connect();

  Task<JournalResult<OpenedJournal>> open(std::string id, std::optional<Epoch> owner) override;
  Task<JournalResult<OpenedJournal>> reopen(WriteToken token) override;
  Task<JournalResult<std::int64_t>> append(WriteToken token, std::int64_t expected_head,
                                           AppendId append_id,
                                           std::vector<JournalEntry> entries) override;
  Task<JournalResult<std::vector<JournalEntry>>> read(std::string id, std::int64_t from,
                                                      std::int64_t to,
                                                      std::size_t max_bytes) override;
  Task<JournalResult<std::int64_t>> head(std::string id) override;
  Task<JournalResult<void>> write_snapshot(WriteToken token, JournalEntry snapshot) override;
  Task<JournalResult<std::optional<JournalEntry>>> read_latest_snapshot(std::string id) override;
  Task<JournalResult<void>> delete_events_to(WriteToken token, std::int64_t n) override;
  Task<JournalResult<void>> delete_snapshots_to(WriteToken token, std::int64_t n) override;
  Task<JournalResult<void>> delete_all(WriteToken token) override;
  Task<JournalResult<TaggedEntries>> read_by_tag(std::string tag, std::uint64_t offset,
                                                 std::size_t max_bytes) override;
  const JournalLimits& limits() const noexcept override { return limits_; }

 private:
  ScriptCall on_journal(JournalScript script, std::string_view id) const;
  ScriptCall with_token(JournalScript script, const WriteToken& token) const;
  ScriptCall on_snapshots(JournalScript script, const WriteToken& token) const;
  std::string key(std::string_view kind, std::string_view name) const;

  /// Runs a script that changes the journal. Gives the reply if it says ok.
  Task<JournalResult<Reply>> write(ScriptCall call);
  /// Runs a script that changes nothing.
  Task<JournalResult<Reply>> ask(ScriptCall call);
  Task<JournalResult<OpenedJournal>> opened(ScriptCall call, std::string id);
  /// Calls again as long as the script says that there is more to remove.
  Task<JournalResult<void>> remove_all(ScriptCall call);

  const JournalLimits limits_;
  const std::string prefix_;
  Client client_;
};

}  // namespace coerce::detail::redis
