/// \file
/// The contract between persistent actors and the stores that keep their events.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <coerce/actor/epoch.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/persistence/journal_err.hpp>
#include <coerce/runtime/rng.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce {

/// An event or a snapshot, as it is stored.
struct JournalEntry {
  /// Of an event: 1 for the first one, then one more each. Of a snapshot: that of the last event
  /// whose effect it includes; 0 if there was none.
  std::int64_t sequence = 0;
  std::string payload_type{};  ///< the identifier under which its type was registered
  Bytes bytes{};
  std::vector<std::string> tags{};  ///< of an event, to be found by read_by_tag

  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

/// 128 random bits that name one append, so that its writer recognises it.
struct AppendId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static AppendId draw(Rng& rng) noexcept { return {rng.next(), rng.next()}; }
  friend auto operator<=>(const AppendId&, const AppendId&) = default;
};

/// Proof of having opened a journal. Current until somebody opens it again.
struct WriteToken {
  std::string persistence_id{};
  Epoch epoch{};
  std::uint64_t instance = 0;  ///< how often the journal has been opened

  friend bool operator==(const WriteToken&, const WriteToken&) = default;
};

struct OpenedJournal {
  std::int64_t head = 0;  ///< the sequence of the last event ever appended; 0: none
  WriteToken token{};
  /// The history begins behind it: 0, or what the head was at the last delete_all(). A recovery
  /// without a snapshot needs all events behind it.
  std::int64_t base = 0;
  std::optional<AppendId> last_append{};  ///< the append that wrote the event at `head`
};

/// An event that was found by a tag.
struct TaggedEntry {
  std::uint64_t offset = 0;  ///< its place among all events of the store
  std::string persistence_id{};
  JournalEntry entry{};
};

struct TaggedEntries {
  std::vector<TaggedEntry> entries{};
  std::uint64_t next_offset = 0;  ///< where to read on
};

/// What a store takes and gives; beyond it an operation gets JournalErr::Limit.
struct JournalLimits {
  std::size_t max_id_bytes = 1024;         ///< of a persistence id, which must not be empty
  std::size_t max_type_bytes = 256;        ///< of a payload type, which must not be empty
  std::size_t max_entry_bytes = 4u << 20;  ///< payload of one event
  std::size_t max_snapshot_bytes = 64u << 20;
  std::size_t max_batch_entries = 10'000;
  std::size_t max_batch_bytes = 16u << 20;  ///< all payloads of one append
  std::size_t max_read_entries = 10'000;    ///< that one read gives, whatever their size
  std::size_t max_tags = 16;                ///< of one event
  std::size_t max_tag_bytes = 256;          ///< of one tag, which must not be empty
};

/// Keeps the events and snapshots of many journals, each named by its persistence id.
///
/// Who writes has opened the journal first, and by that has shut out everybody who had opened it
/// before: open() raises the stored epoch and counts the opening, atomically; whatever changes the
/// journal takes the token and is done only while that is the current one. A recovery reads only
/// after it has opened, or a paused former owner could append behind what was read.
///
/// Numbering has no gaps: n events appended at head h get h+1 ... h+n. Ranges are half-open,
/// [from, to). Head, epoch and count of openings outlive every deletion. What is acknowledged
/// survives the crash of the process and of the machine, unless the provider was told otherwise.
/// An append is atomic.
///
/// Thread-safe. Operations on one journal take effect in the order in which they were begun if each
/// is begun after the one before has ended. Every call ends: a provider has deadlines of its own.
/// Operations cannot be cancelled.
class JournalStorage {
 public:
  JournalStorage() = default;
  JournalStorage(const JournalStorage&) = delete;
  JournalStorage& operator=(const JournalStorage&) = delete;
  virtual ~JournalStorage() = default;

  /// Becomes the one who may write, with the epoch `owner`, or with the one that is stored (0 for a
  /// new journal) if there is none. Fenced: a higher epoch is stored.
  virtual Task<JournalResult<OpenedJournal>> open(std::string persistence_id,
                                                  std::optional<Epoch> owner = {}) = 0;
  /// Opens again what `token` had opened, so that nothing sent with it can take effect any more:
  /// then `head` and `last_append` say what became of it. Fenced: it is not the current token, or
  /// its journal has never been opened.
  virtual Task<JournalResult<OpenedJournal>> reopen(WriteToken token) = 0;

  /// Writes all events behind `expected_head`, or none; their `sequence` is ignored. Gives the new
  /// head. No entries: nothing is written, and the errors are the same. Errors: Fenced, Conflict
  /// (the head is another), Limit, Unavailable, Unknown. Fenced comes before Conflict.
  virtual Task<JournalResult<std::int64_t>> append(WriteToken token, std::int64_t expected_head,
                                                   AppendId id,
                                                   std::vector<JournalEntry> entries) = 0;
  /// Events with from <= sequence < to that have not been deleted, in order; as many as fit into
  /// `max_bytes` of payload and into the limit of entries, but one at least if there is one.
  virtual Task<JournalResult<std::vector<JournalEntry>>> read(std::string persistence_id,
                                                              std::int64_t from, std::int64_t to,
                                                              std::size_t max_bytes) = 0;
  /// The sequence of the last event ever appended; 0: none.
  virtual Task<JournalResult<std::int64_t>> head(std::string persistence_id) = 0;

  /// Stores a snapshot, in place of one of the same sequence. Conflict: its sequence is not between
  /// 0 and the head.
  virtual Task<JournalResult<void>> write_snapshot(WriteToken token, JournalEntry snapshot) = 0;
  /// The one with the highest sequence.
  virtual Task<JournalResult<std::optional<JournalEntry>>> read_latest_snapshot(
      std::string persistence_id) = 0;

  /// Deletes the events with a sequence below `n`.
  virtual Task<JournalResult<void>> delete_events_to(WriteToken token, std::int64_t n) = 0;
  /// Deletes the snapshots with a sequence below `n`.
  virtual Task<JournalResult<void>> delete_snapshots_to(WriteToken token, std::int64_t n) = 0;
  /// Deletes all events and snapshots. The next event continues the numbering.
  virtual Task<JournalResult<void>> delete_all(WriteToken token) = 0;

  /// Events of any journal that have the tag, from `offset` (0: the first one) on, in the order of
  /// their appends; as many as fit into `max_bytes`, but one at least if there is one. An event
  /// that was acknowledged before the call is seen, one that is appended later never comes before
  /// `next_offset`. Deleted events are skipped.
  virtual Task<JournalResult<TaggedEntries>> read_by_tag(std::string tag, std::uint64_t offset,
                                                         std::size_t max_bytes) = 0;

  virtual const JournalLimits& limits() const noexcept = 0;
};

}  // namespace coerce
