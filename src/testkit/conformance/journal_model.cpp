#include "testkit/conformance/journal_model.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace coerce::testkit::conformance::detail {

namespace {

/// As many from the front as fit, but one.
std::vector<JournalModel::Event> fitting(std::vector<JournalModel::Event> all,
                                         std::size_t max_bytes) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    bytes += all[i].text.size();
    if (i != 0 && bytes > max_bytes) {
      all.resize(i);
      break;
    }
  }
  return all;
}

}  // namespace

const JournalModel::Journal* JournalModel::find(const std::string& id) const {
  const auto place = journals_.find(id);
  return place == journals_.end() ? nullptr : &place->second;
}

bool JournalModel::owns(const WriteToken& token) const {
  const Journal* journal = find(token.persistence_id);
  return journal != nullptr && journal->owner == token.instance && journal->epoch == token.epoch;
}

Verdict JournalModel::open(const std::string& id, std::optional<Epoch> owner) {
  Journal& journal = journals_[id];
  if (owner && *owner < journal.epoch) return Verdict::Fenced;
  if (owner) journal.epoch = *owner;
  journal.owner.reset();
  return Verdict::Done;
}

Verdict JournalModel::reopen(const WriteToken& token) {
  if (!owns(token)) return Verdict::Fenced;
  journals_[token.persistence_id].owner.reset();
  return Verdict::Done;
}

bool JournalModel::give(const OpenedJournal& opened) {
  Journal& journal = journals_[opened.token.persistence_id];
  if (opened.head != journal.head || opened.base != journal.base ||
      opened.last_append != journal.last_append || opened.token.epoch != journal.epoch ||
      opened.token.instance <= journal.openings)
    return false;
  journal.openings = opened.token.instance;
  journal.owner = opened.token.instance;
  return true;
}

Verdict JournalModel::append(const WriteToken& token, std::int64_t expected_head,
                             AppendId append_id, const std::vector<JournalEntry>& entries) {
  if (!owns(token)) return Verdict::Fenced;
  Journal& journal = journals_[token.persistence_id];
  if (journal.head != expected_head) return Verdict::Conflict;
  for (const JournalEntry& entry : entries) {
    std::string text(text_of(entry.bytes));
    events_.push_back({token.persistence_id, ++journal.head, std::move(text), entry.tags, false});
    journal.last_append = append_id;
  }
  return Verdict::Done;
}

Verdict JournalModel::snapshot(const WriteToken& token, const JournalEntry& snapshot) {
  if (!owns(token)) return Verdict::Fenced;
  Journal& journal = journals_[token.persistence_id];
  if (snapshot.sequence < 0 || snapshot.sequence > journal.head) return Verdict::Conflict;
  journal.snapshots[snapshot.sequence] = std::string(text_of(snapshot.bytes));
  return Verdict::Done;
}

Verdict JournalModel::delete_events(const WriteToken& token, std::int64_t n) {
  if (!owns(token)) return Verdict::Fenced;
  for (Event& event : events_)
    if (event.id == token.persistence_id && event.sequence < n) event.is_deleted = true;
  return Verdict::Done;
}

Verdict JournalModel::delete_snapshots(const WriteToken& token, std::int64_t n) {
  if (!owns(token)) return Verdict::Fenced;
  std::erase_if(journals_[token.persistence_id].snapshots,
                [n](const auto& snapshot) { return snapshot.first < n; });
  return Verdict::Done;
}

Verdict JournalModel::delete_all(const WriteToken& token) {
  if (!owns(token)) return Verdict::Fenced;
  Journal& journal = journals_[token.persistence_id];
  for (Event& event : events_)
    if (event.id == token.persistence_id) event.is_deleted = true;
  journal.snapshots.clear();
  journal.base = journal.head;
  return Verdict::Done;
}

std::int64_t JournalModel::head(const std::string& id) const {
  const Journal* journal = find(id);
  return journal == nullptr ? 0 : journal->head;
}

std::string JournalModel::latest_snapshot(const std::string& id) const {
  const Journal* journal = find(id);
  if (journal == nullptr || journal->snapshots.empty()) return "none";
  const auto& [sequence, text] = *journal->snapshots.rbegin();
  return fmt::format("{}:{}", sequence, text);
}

std::vector<JournalModel::Event> JournalModel::read(const std::string& id, std::int64_t from,
                                                    std::int64_t to, std::size_t max_bytes) const {
  std::vector<Event> found;
  for (const Event& event : events_)
    if (event.id == id && !event.is_deleted && event.sequence >= from && event.sequence < to)
      found.push_back(event);
  return fitting(std::move(found), max_bytes);
}

std::optional<std::vector<JournalModel::Event>> JournalModel::tagged(std::string_view tag,
                                                                     const std::string& behind,
                                                                     std::size_t max_bytes) const {
  auto place = events_.begin();
  if (!behind.empty()) {
    place = std::find_if(place, events_.end(), [&](const Event& e) { return e.text == behind; });
    if (place == events_.end()) return std::nullopt;
    ++place;
  }
  std::vector<Event> found;
  for (; place != events_.end(); ++place)
    if (!place->is_deleted &&
        std::find(place->tags.begin(), place->tags.end(), tag) != place->tags.end())
      found.push_back(*place);
  return fitting(std::move(found), max_bytes);
}

}  // namespace coerce::testkit::conformance::detail
