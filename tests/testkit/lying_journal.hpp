/// \file
/// Journals that break one promise.

#pragma once

#include <coerce/persistence/storage_provider.hpp>
#include <coerce/runtime/sleep.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coerce::test {

enum class JournalLie : std::uint8_t {
  None,
  // ownership
  AppendNotFenced,
  SnapshotNotFenced,
  DeletionOfEventsNotFenced,
  DeletionOfSnapshotsNotFenced,
  DeletionOfAllNotFenced,
  ReopenNotFenced,
  FencedByTheFirstWriteOnly,
  LowerEpochOpens,
  RefusedOpenFences,
  EpochStoredByTheFirstWriteOnly,
  EpochNotStored,
  EqualEpochsShareAToken,
  SignedEpochs,
  RoundedEpochs,
  FenceForgottenByAHandle,
  // appends
  ConflictBeforeFenced,
  ConflictIgnored,
  AcknowledgedAndLost,
  TornBatch,
  TornWhenUnknown,
  TwiceWhenUnknown,
  LandsBehindAFence,
  WrittenThoughUnavailable,
  ChecksThenWrites,
  SequencesOfTheCaller,
  TagsDropped,
  AppendIdOfRefused,
  // reads
  ClosedRange,
  BytesIgnored,
  NothingThatDoesNotFit,
  // deletions
  DeletesToN,
  DeletesTooLittle,
  DeleteAllResetsTheHead,
  DeleteAllForgetsTheEpoch,
  DeleteAllForgetsTheOpenings,
  DeleteAllForgetsTheBase,
  DeleteAllForgetsTheAppend,
  DeleteAllKeepsSnapshots,
  // snapshots
  LastWrittenSnapshot,
  SnapshotNotReplaced,
  SnapshotAboveTheHead,
  // tags
  TagSkipped,
  DeletedFoundByTag,
  TagsInOrderOfJournals,
  OffsetsGivenAgain,
  NextOffsetTooFar,
  NextOffsetTooNear,
  TagsSeenOutOfOrder,
  // limits
  NoLimits,
  WrittenUpToTheLimit,
  // restarts
  RestartForgetsTheOpenings,
  RestartForgetsTheEpoch,
  RestartLosesTheLastEvent,
  RestartLosesSnapshots,
  RestartBringsDeletedBack,
  Last = RestartBringsDeletedBack
};

/// What a lying store keeps.
struct LyingStore {
  struct Journal {
    std::int64_t head = 0;
    std::int64_t base = 0;
    Epoch epoch;
    std::optional<Epoch> unwritten_epoch;
    std::uint64_t instance = 0;
    std::uint64_t unwritten_instance = 0;
    std::optional<AppendId> last_append;
    std::vector<JournalEntry> events;
    std::vector<JournalEntry> deleted;
    std::vector<JournalEntry> snapshots;  ///< in the order of their writing
  };
  struct Place {
    std::uint64_t offset;
    std::string id;
    JournalEntry entry;
    bool is_deleted = false;
    bool is_seen = true;
  };
  struct Late {
    WriteToken token;
    AppendId append_id;
    std::vector<JournalEntry> entries;
  };
  std::map<std::string, Journal> journals;
  std::vector<Place> places;
  std::uint64_t last_offset = 0;
  std::optional<Late> late;
  std::uint64_t appends = 0;
};

class LyingJournal final : public JournalStorage {
  using Kind = JournalErr::Kind;
  using Lie = JournalLie;
  using Journal = LyingStore::Journal;

 public:
  LyingJournal(std::shared_ptr<LyingStore> store, Lie lie) : store_(std::move(store)), lie_(lie) {}

  /// What a restart of the store does.
  void restart() {
    for (auto& [id, journal] : store_->journals) {
      if (is(Lie::RestartForgetsTheOpenings)) journal.instance = 0;
      if (is(Lie::RestartForgetsTheEpoch)) journal.epoch = Epoch{};
      if (is(Lie::RestartLosesTheLastEvent) && !journal.events.empty()) {
        journal.events.pop_back();
        --journal.head;
      }
      if (is(Lie::RestartLosesSnapshots)) journal.snapshots.clear();
      if (is(Lie::RestartBringsDeletedBack)) {
        for (JournalEntry& event : journal.deleted) journal.events.push_back(std::move(event));
        journal.deleted.clear();
        std::sort(journal.events.begin(), journal.events.end(),
                  [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
      }
    }
  }

  Task<JournalResult<OpenedJournal>> open(std::string id, std::optional<Epoch> owner) override {
    if (!is(Lie::NoLimits) && (id.empty() || id.size() > limits_.max_id_bytes))
      co_return error(Kind::Limit);
    Journal& journal = store_->journals[id];
    if (owner && below(*owner, journal.epoch) && !is(Lie::LowerEpochOpens)) {
      if (is(Lie::RefusedOpenFences)) ++journal.instance;
      co_return error(Kind::Fenced);
    }
    const bool is_new_epoch = owner && *owner != journal.epoch;
    if (owner) {
      if (is(Lie::EpochStoredByTheFirstWriteOnly))
        journal.unwritten_epoch = *owner;
      else if (!is(Lie::EpochNotStored))
        journal.epoch = *owner;
    }
    const Epoch epoch = owner.value_or(journal.epoch);
    if (is(Lie::EqualEpochsShareAToken) && !is_new_epoch && journal.instance != 0)
      co_return opened(journal, std::move(id), epoch, journal.instance);
    if (is(Lie::FencedByTheFirstWriteOnly)) {
      journal.unwritten_instance = std::max(journal.unwritten_instance, journal.instance) + 1;
      if (journal.instance == 0) journal.instance = journal.unwritten_instance;
      co_return opened(journal, std::move(id), epoch, journal.unwritten_instance);
    }
    co_return opened(journal, std::move(id), epoch, ++journal.instance);
  }

  Task<JournalResult<OpenedJournal>> reopen(WriteToken token) override {
    Journal* journal = held(token, Lie::ReopenNotFenced);
    if (journal == nullptr) co_return error(Kind::Fenced);
    journal->instance = std::max(journal->instance, journal->unwritten_instance) + 1;
    co_return opened(*journal, token.persistence_id, token.epoch, journal->instance);
  }

  Task<JournalResult<std::int64_t>> append(WriteToken token, std::int64_t expected, AppendId id,
                                           std::vector<JournalEntry> entries) override {
    const bool is_lucky = ++store_->appends % 5 != 0;
    const std::size_t within = within_limits(entries);
    if (within != entries.size() && !is(Lie::NoLimits)) {
      if (is(Lie::WrittenUpToTheLimit)) {
        entries.resize(std::min(within, limits_.max_batch_entries));
        if (Journal* journal = held(token, Lie::None)) write(*journal, token, id, entries);
      }
      co_return error(Kind::Limit);
    }
    Journal* journal = held(token, Lie::AppendNotFenced);
    if (is(Lie::ConflictBeforeFenced)) {
      const Journal& any = store_->journals[token.persistence_id];
      if (any.head != expected) co_return error(Kind::Conflict);
    }
    if (journal == nullptr) co_return error(Kind::Fenced);
    if (journal->head != expected && !is(Lie::ConflictIgnored)) {
      if (is(Lie::AppendIdOfRefused)) journal->last_append = id;
      co_return error(Kind::Conflict);
    }
    if (is(Lie::ChecksThenWrites)) co_await yield();
    settle(*journal, token);
    if (!is_lucky && is(Lie::LandsBehindAFence)) {
      store_->late.emplace();
      store_->late->token = token;
      store_->late->append_id = id;
      store_->late->entries = std::move(entries);
      co_return error(Kind::Unknown);
    }
    if (!is_lucky && is(Lie::AcknowledgedAndLost) && !entries.empty())
      co_return journal->head + static_cast<std::int64_t>(entries.size());
    if (!is_lucky && entries.size() > 1 && (is(Lie::TornBatch) || is(Lie::TornWhenUnknown)))
      entries.pop_back();
    write(*journal, token, id, entries);
    if (is(Lie::TagsSeenOutOfOrder)) {
      const std::size_t first = store_->places.size() - entries.size();
      for (std::size_t i = first; i < store_->places.size(); ++i) store_->places[i].is_seen = false;
      co_await yield();
      for (std::size_t i = first; i < first + entries.size(); ++i) store_->places[i].is_seen = true;
    }
    if (!is_lucky && is(Lie::TwiceWhenUnknown)) write(*journal, token, id, entries);
    if (!is_lucky && (is(Lie::TornWhenUnknown) || is(Lie::TwiceWhenUnknown)))
      co_return error(Kind::Unknown);
    if (!is_lucky && is(Lie::WrittenThoughUnavailable)) co_return error(Kind::Unavailable);
    co_return journal->head;
  }

  Task<JournalResult<std::vector<JournalEntry>>> read(std::string id, std::int64_t from,
                                                      std::int64_t to,
                                                      std::size_t max_bytes) override {
    land();
    std::vector<JournalEntry> found;
    std::size_t bytes = 0;
    for (const JournalEntry& event : store_->journals[id].events) {
      const bool is_before_end =
          event.sequence < to || (is(Lie::ClosedRange) && event.sequence == to);
      if (event.sequence < from || !is_before_end) continue;
      bytes += event.bytes.size();
      if (too_much(found.empty(), bytes, max_bytes)) break;
      found.push_back(event);
    }
    co_return found;
  }

  Task<JournalResult<std::int64_t>> head(std::string id) override {
    land();
    co_return store_->journals[id].head;
  }

  Task<JournalResult<void>> write_snapshot(WriteToken token, JournalEntry snapshot) override {
    if (snapshot.bytes.size() > limits_.max_snapshot_bytes && !is(Lie::NoLimits))
      co_return error(Kind::Limit);
    Journal* journal = held(token, Lie::SnapshotNotFenced);
    if (journal == nullptr) co_return error(Kind::Fenced);
    if ((snapshot.sequence < 0 || snapshot.sequence > journal->head) &&
        !is(Lie::SnapshotAboveTheHead))
      co_return error(Kind::Conflict);
    settle(*journal, token);
    const auto same = [&](const JournalEntry& s) { return s.sequence == snapshot.sequence; };
    auto& all = journal->snapshots;
    if (is(Lie::SnapshotNotReplaced) && std::any_of(all.begin(), all.end(), same))
      co_return JournalResult<void>();
    std::erase_if(all, same);
    all.push_back(std::move(snapshot));
    co_return JournalResult<void>();
  }

  Task<JournalResult<std::optional<JournalEntry>>> read_latest_snapshot(std::string id) override {
    const auto& all = store_->journals[id].snapshots;
    std::optional<JournalEntry> found;
    for (const JournalEntry& each : all)
      if (!found || each.sequence >= found->sequence || is(Lie::LastWrittenSnapshot)) found = each;
    co_return found;
  }

  Task<JournalResult<void>> delete_events_to(WriteToken token, std::int64_t n) override {
    Journal* journal = held(token, Lie::DeletionOfEventsNotFenced);
    if (journal == nullptr) co_return error(Kind::Fenced);
    settle(*journal, token);
    if (is(Lie::DeletesToN) && n < std::numeric_limits<std::int64_t>::max()) ++n;
    if (is(Lie::DeletesTooLittle)) --n;
    erase_events(*journal, token.persistence_id, n);
    co_return JournalResult<void>();
  }

  Task<JournalResult<void>> delete_snapshots_to(WriteToken token, std::int64_t n) override {
    Journal* journal = held(token, Lie::DeletionOfSnapshotsNotFenced);
    if (journal == nullptr) co_return error(Kind::Fenced);
    settle(*journal, token);
    std::erase_if(journal->snapshots, [n](const JournalEntry& s) { return s.sequence < n; });
    co_return JournalResult<void>();
  }

  Task<JournalResult<void>> delete_all(WriteToken token) override {
    Journal* journal = held(token, Lie::DeletionOfAllNotFenced);
    if (journal == nullptr) co_return error(Kind::Fenced);
    settle(*journal, token);
    erase_events(*journal, token.persistence_id, std::numeric_limits<std::int64_t>::max());
    if (!is(Lie::DeleteAllKeepsSnapshots)) journal->snapshots.clear();
    if (!is(Lie::DeleteAllForgetsTheBase)) journal->base = journal->head;
    if (is(Lie::DeleteAllResetsTheHead)) journal->head = journal->base = 0;
    if (is(Lie::DeleteAllForgetsTheEpoch)) journal->epoch = Epoch{};
    if (is(Lie::DeleteAllForgetsTheOpenings)) journal->instance = 0;
    if (is(Lie::DeleteAllForgetsTheAppend)) journal->last_append.reset();
    co_return JournalResult<void>();
  }

  Task<JournalResult<TaggedEntries>> read_by_tag(std::string tag, std::uint64_t offset,
                                                 std::size_t max_bytes) override {
    TaggedEntries found;
    found.next_offset = std::max(offset, store_->last_offset + 1);
    auto places = store_->places;
    if (is(Lie::TagsInOrderOfJournals))
      std::stable_sort(places.begin(), places.end(),
                       [](const auto& a, const auto& b) { return a.id < b.id; });
    std::size_t bytes = 0;
    for (const LyingStore::Place& place : places) {
      const auto& tags = place.entry.tags;
      if (place.offset < offset || std::find(tags.begin(), tags.end(), tag) == tags.end()) continue;
      if ((place.is_deleted && !is(Lie::DeletedFoundByTag)) || !place.is_seen) continue;
      if (is(Lie::TagSkipped) && place.offset % 7 == 3) continue;
      bytes += place.entry.bytes.size();
      if (too_much(found.entries.empty(), bytes, max_bytes)) {
        found.next_offset = place.offset + (is(Lie::NextOffsetTooFar) ? 1 : 0);
        break;
      }
      TaggedEntry entry;
      entry.offset = place.offset;
      entry.persistence_id = place.id;
      entry.entry = place.entry;
      found.entries.push_back(std::move(entry));
    }
    if (is(Lie::NextOffsetTooNear) && !found.entries.empty())
      found.next_offset = found.entries.back().offset;
    co_return found;
  }

  const JournalLimits& limits() const noexcept override { return limits_; }

 private:
  bool is(Lie lie) const noexcept { return lie_ == lie; }
  static tl::unexpected<JournalErr> error(Kind kind) {
    return coerce::unexpected(JournalErr(kind, "so says a liar"));
  }
  bool below(Epoch one, Epoch other) const {
    if (is(Lie::SignedEpochs))
      return static_cast<std::int64_t>(one.value) < static_cast<std::int64_t>(other.value);
    if (is(Lie::RoundedEpochs))
      return static_cast<double>(one.value) < static_cast<double>(other.value);
    return one < other;
  }
  bool too_much(bool is_first, std::size_t bytes, std::size_t max_bytes) const {
    if (is(Lie::BytesIgnored)) return false;
    return bytes > max_bytes && (!is_first || is(Lie::NothingThatDoesNotFit));
  }

  OpenedJournal opened(const Journal& journal, std::string id, Epoch epoch,
                       std::uint64_t instance) {
    OpenedJournal result;
    result.head = journal.head;
    result.base = journal.base;
    result.last_append = journal.last_append;
    result.token.persistence_id = std::move(id);
    result.token.epoch = epoch;
    result.token.instance = instance;
    own_[result.token.persistence_id] = instance;
    return result;
  }

  /// The journal, if the token is its current one, or the lie says that it may be any.
  Journal* held(const WriteToken& token, Lie excuse) {
    const auto place = store_->journals.find(token.persistence_id);
    if (place == store_->journals.end()) return nullptr;
    Journal& journal = place->second;
    if (journal.instance == 0) return nullptr;  // was only read
    if (excuse != Lie::None && is(excuse)) return &journal;
    if (is(Lie::FenceForgottenByAHandle) && own_[token.persistence_id] == token.instance)
      return &journal;
    if (is(Lie::FencedByTheFirstWriteOnly) && token.instance == journal.unwritten_instance)
      return &journal;
    const bool is_epoch = token.epoch == journal.epoch || is(Lie::EpochNotStored) ||
                          token.epoch == journal.unwritten_epoch;
    return token.instance == journal.instance && is_epoch ? &journal : nullptr;
  }
  /// A first write makes the opening take effect.
  void settle(Journal& journal, const WriteToken& token) {
    if (is(Lie::FencedByTheFirstWriteOnly)) journal.instance = token.instance;
    if (journal.unwritten_epoch) journal.epoch = *std::exchange(journal.unwritten_epoch, {});
    land();
  }
  /// Writes what is late, whoever has opened the journal since.
  void land() {
    if (!store_->late) return;
    const LyingStore::Late late = std::move(*std::exchange(store_->late, std::nullopt));
    write(store_->journals[late.token.persistence_id], late.token, late.append_id, late.entries);
  }

  void write(Journal& journal, const WriteToken& token, AppendId id,
             const std::vector<JournalEntry>& entries) {
    for (JournalEntry entry : entries) {
      ++journal.head;
      if (!is(Lie::SequencesOfTheCaller) || entry.sequence == 0) entry.sequence = journal.head;
      if (is(Lie::TagsDropped) && entry.tags.size() > 1) entry.tags.pop_back();
      LyingStore::Place place;
      place.offset = ++store_->last_offset;
      place.id = token.persistence_id;
      place.entry = entry;
      store_->places.push_back(std::move(place));
      journal.events.push_back(std::move(entry));
      journal.last_append = id;
    }
  }

  void erase_events(Journal& journal, const std::string& id, std::int64_t n) {
    for (JournalEntry& event : journal.events)
      if (event.sequence < n) journal.deleted.push_back(event);
    std::erase_if(journal.events, [n](const JournalEntry& e) { return e.sequence < n; });
    for (LyingStore::Place& place : store_->places)
      if (place.id == id && place.entry.sequence < n) place.is_deleted = true;
    if (!is(Lie::OffsetsGivenAgain)) return;
    while (!store_->places.empty() && store_->places.back().is_deleted) store_->places.pop_back();
    store_->last_offset = store_->places.empty() ? 0 : store_->places.back().offset;
  }

  /// How many events from the front are as they may be; all, if the batch is.
  std::size_t within_limits(const std::vector<JournalEntry>& entries) const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const JournalEntry& entry = entries[i];
      bytes += entry.bytes.size();
      const auto is_bad = [&](const std::string& tag) {
        return tag.empty() || tag.size() > limits_.max_tag_bytes;
      };
      if (i >= limits_.max_batch_entries || bytes > limits_.max_batch_bytes ||
          entry.payload_type.empty() || entry.payload_type.size() > limits_.max_type_bytes ||
          entry.bytes.size() > limits_.max_entry_bytes || entry.tags.size() > limits_.max_tags ||
          std::any_of(entry.tags.begin(), entry.tags.end(), is_bad))
        return i;
    }
    return entries.size();
  }

  std::shared_ptr<LyingStore> store_;
  const Lie lie_;
  const JournalLimits limits_;
  std::map<std::string, std::uint64_t> own_;  ///< what this handle has opened last
};

/// Lying stores by their names.
class LyingJournals {
 public:
  explicit LyingJournals(JournalLie lie) : lie_(lie) {}

  std::shared_ptr<JournalStorage> operator()(const std::string& name) {
    std::shared_ptr<LyingStore>& store = stores_[name];
    const bool is_new = store == nullptr;
    if (is_new) store = std::make_shared<LyingStore>();
    auto journal = std::make_shared<LyingJournal>(store, lie_);
    if (!is_new) journal->restart();
    return journal;
  }

 private:
  JournalLie lie_;
  std::map<std::string, std::shared_ptr<LyingStore>> stores_;
};

}  // namespace coerce::test
