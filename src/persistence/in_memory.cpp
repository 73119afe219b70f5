#include <coerce/persistence/in_memory.hpp>

#include <map>
#include <mutex>
#include <unordered_map>

#include <fmt/format.h>

#include "actor/planted.hpp"
#include "persistence/limits.hpp"

namespace coerce {

namespace {

using Kind = JournalErr::Kind;

struct Journal {
  std::int64_t head = 0;
  std::int64_t base = 0;
  Epoch epoch;
  std::uint64_t instance = 0;
  std::optional<AppendId> last_append;
  std::map<std::int64_t, JournalEntry> events;
  std::map<std::int64_t, JournalEntry> snapshots;
};

/// Where an event is that has a tag.
struct TagPlace {
  std::string persistence_id;
  std::int64_t sequence;
};

class InMemoryJournalStorage final : public JournalStorage {
 public:
  explicit InMemoryJournalStorage(const JournalLimits& limits) : limits_(limits) {}

  Task<JournalResult<OpenedJournal>> open(std::string id, std::optional<Epoch> owner) override {
    if (auto bad = detail::check_id(limits_, id)) co_return coerce::unexpected(*bad);
    const std::lock_guard guard(mutex_);
    Journal& journal = journals_[id];
    if (owner && *owner < journal.epoch)
      co_return fenced(
          fmt::format("epoch {} is stored, {} wants to open", journal.epoch.value, owner->value));
    if (owner) journal.epoch = *owner;
    co_return opened(journal, std::move(id));
  }

  Task<JournalResult<OpenedJournal>> reopen(WriteToken token) override {
    const std::lock_guard guard(mutex_);
    Journal* journal = held(token);
    if (journal == nullptr) co_return fenced("it has been opened since");
    co_return opened(*journal, std::move(token.persistence_id));
  }

  Task<JournalResult<std::int64_t>> append(WriteToken token, std::int64_t expected_head,
                                           AppendId append_id,
                                           std::vector<JournalEntry> entries) override {
    if (auto bad = detail::check_events(limits_, entries)) co_return coerce::unexpected(*bad);
    const std::lock_guard guard(mutex_);
    Journal* journal = held(token);
    if (journal == nullptr) co_return fenced("it has been opened since");
    if (journal->head != expected_head)
      co_return conflict(
          fmt::format("the head is {}, {} was expected", journal->head, expected_head));
    for (JournalEntry& entry : entries) {
      entry.sequence = ++journal->head;
      const std::uint64_t offset = ++last_offset_;
      for (const std::string& tag : entry.tags)
        tags_[tag].emplace(offset, TagPlace{token.persistence_id, entry.sequence});
      journal->events.emplace(entry.sequence, std::move(entry));
    }
    if (!entries.empty()) journal->last_append = append_id;
    co_return journal->head;
  }

  Task<JournalResult<std::vector<JournalEntry>>> read(std::string id, std::int64_t from,
                                                      std::int64_t to,
                                                      std::size_t max_bytes) override {
    const std::lock_guard guard(mutex_);
    std::vector<JournalEntry> entries;
    const Journal* journal = known(id);
    if (journal == nullptr) co_return entries;
    detail::ReadBound bound(limits_, max_bytes);
    for (auto place = journal->events.lower_bound(from);
         place != journal->events.end() && place->first < to; ++place) {
      if (!bound.fits(place->second)) break;
      entries.push_back(place->second);
    }
    co_return entries;
  }

  Task<JournalResult<std::int64_t>> head(std::string id) override {
    const std::lock_guard guard(mutex_);
    const Journal* journal = known(id);
    co_return journal != nullptr ? journal->head : std::int64_t{0};
  }

  Task<JournalResult<void>> write_snapshot(WriteToken token, JournalEntry snapshot) override {
    if (auto bad = detail::check_snapshot(limits_, snapshot)) co_return coerce::unexpected(*bad);
    const std::lock_guard guard(mutex_);
    Journal* journal = held(token);
    if (journal == nullptr) co_return fenced("it has been opened since");
    if (snapshot.sequence < 0 || snapshot.sequence > journal->head)
      co_return conflict(
          fmt::format("a snapshot of {}, the head is {}", snapshot.sequence, journal->head));
    const std::int64_t sequence = snapshot.sequence;
    journal->snapshots.insert_or_assign(sequence, std::move(snapshot));
    co_return JournalResult<void>();
  }

  Task<JournalResult<std::optional<JournalEntry>>> read_latest_snapshot(std::string id) override {
    const std::lock_guard guard(mutex_);
    std::optional<JournalEntry> latest;
    const Journal* journal = known(id);
    if (journal != nullptr && !journal->snapshots.empty())
      latest = journal->snapshots.rbegin()->second;
    co_return latest;
  }

  Task<JournalResult<void>> delete_events_to(WriteToken token, std::int64_t n) override {
    const std::lock_guard guard(mutex_);
    Journal* journal = held_to_delete(token);
    if (journal == nullptr) co_return fenced("it has been opened since");
    journal->events.erase(journal->events.begin(), journal->events.lower_bound(n));
    co_return JournalResult<void>();
  }

  Task<JournalResult<void>> delete_snapshots_to(WriteToken token, std::int64_t n) override {
    const std::lock_guard guard(mutex_);
    Journal* journal = held_to_delete(token);
    if (journal == nullptr) co_return fenced("it has been opened since");
    journal->snapshots.erase(journal->snapshots.begin(), journal->snapshots.lower_bound(n));
    co_return JournalResult<void>();
  }

  Task<JournalResult<void>> delete_all(WriteToken token) override {
    const std::lock_guard guard(mutex_);
    Journal* journal = held_to_delete(token);
    if (journal == nullptr) co_return fenced("it has been opened since");
    journal->events.clear();
    journal->snapshots.clear();
    journal->base = journal->head;
    co_return JournalResult<void>();
  }

  Task<JournalResult<TaggedEntries>> read_by_tag(std::string tag, std::uint64_t offset,
                                                 std::size_t max_bytes) override {
    if (auto bad = detail::check_tag(limits_, tag)) co_return coerce::unexpected(*bad);
    const std::lock_guard guard(mutex_);
    TaggedEntries found;
    found.next_offset = std::max(offset, last_offset_ + 1);
    std::map<std::uint64_t, TagPlace>& places = tags_[tag];
    detail::ReadBound bound(limits_, max_bytes);
    for (auto place = places.lower_bound(offset); place != places.end();) {
      const JournalEntry* event = event_at(place->second);
      if (event == nullptr) {
        place = places.erase(place);  // deleted meanwhile
        continue;
      }
      if (!bound.fits(*event)) {
        found.next_offset = place->first;
        break;
      }
      TaggedEntry entry{place->first, place->second.persistence_id, *event};
      found.entries.push_back(std::move(entry));
      ++place;
    }
    if (places.empty()) tags_.erase(tag);
    co_return found;
  }

  const JournalLimits& limits() const noexcept override { return limits_; }

 private:
  static tl::unexpected<JournalErr> fenced(std::string why) {
    return coerce::unexpected(JournalErr(Kind::Fenced, std::move(why)));
  }
  static tl::unexpected<JournalErr> conflict(std::string why) {
    return coerce::unexpected(JournalErr(Kind::Conflict, std::move(why)));
  }

  static OpenedJournal opened(Journal& journal, std::string id) {
    ++journal.instance;
    OpenedJournal result;
    result.head = journal.head;
    result.base = journal.base;
    result.token.persistence_id = std::move(id);
    result.token.epoch = journal.epoch;
    result.token.instance = journal.instance;
    result.last_append = journal.last_append;
    return result;
  }
  /// The journal, if the token is its current one.
  Journal* held(const WriteToken& token) {
    const auto place = journals_.find(token.persistence_id);
    if (place == journals_.end()) return nullptr;
    Journal& journal = place->second;
    return journal.epoch == token.epoch && journal.instance == token.instance ? &journal : nullptr;
  }
  /// The same, for deletions.
  Journal* held_to_delete(const WriteToken& token) {
    if (detail::planted(detail::Bug::DeletionNotFenced)) return &journals_[token.persistence_id];
    return held(token);
  }
  const Journal* known(const std::string& id) const {
    const auto place = journals_.find(id);
    return place != journals_.end() ? &place->second : nullptr;
  }
  const JournalEntry* event_at(const TagPlace& place) const {
    const Journal* journal = known(place.persistence_id);
    const auto event = journal->events.find(place.sequence);
    return event != journal->events.end() ? &event->second : nullptr;
  }

  const JournalLimits limits_;
  std::mutex mutex_;
  std::unordered_map<std::string, Journal> journals_;
  std::unordered_map<std::string, std::map<std::uint64_t, TagPlace>> tags_;
  std::uint64_t last_offset_ = 0;
};

}  // namespace

InMemoryStorageProvider::InMemoryStorageProvider(const JournalLimits& limits)
    : storage_(std::make_shared<InMemoryJournalStorage>(limits)) {}

std::shared_ptr<JournalStorage> InMemoryStorageProvider::journal_storage() const {
  return storage_;
}

}  // namespace coerce
