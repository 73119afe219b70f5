/// \file
/// What the cases of the journal suite are written with.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/persistence/journal.hpp>

#include "testkit/conformance/trial.hpp"
#include "testkit/conformance/words.hpp"

namespace coerce::testkit::conformance::detail {

inline constexpr std::size_t kManyBytes = std::size_t{1} << 30;

/// Passes every call on, and writes it down.
class LoggedJournal final : public JournalStorage {
 public:
  LoggedJournal(Trial& trial, std::shared_ptr<JournalStorage> inner, std::string label)
      : trial_(&trial), inner_(std::move(inner)), label_(std::move(label)) {}

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
  const JournalLimits& limits() const noexcept override { return inner_->limits(); }

 private:
  Trial* trial_;
  std::shared_ptr<JournalStorage> inner_;
  const std::string label_;
};

using Journals = std::shared_ptr<JournalStorage>;

/// Opens the stores of one trial.
class JournalTrial {
 public:
  JournalTrial(Trial& trial, const JournalStores& stores)
      : trial_(&trial), stores_(&stores), name_(fresh_store_name()) {}

  Trial& operator*() const noexcept { return *trial_; }
  Trial* operator->() const noexcept { return trial_; }
  /// The trial's store, empty at first; opened anew by each call if has_restarts().
  Task<Journals> store();
  bool has_restarts() const noexcept { return stores_->named; }

 private:
  Trial* trial_;
  const JournalStores* stores_;
  std::string name_;
  int handles_ = 0;
};

/// One who has opened a journal, and what he believes of it.
class Writer {
 public:
  Writer(JournalTrial trial, Journals store, std::string id)
      : trial_(std::move(trial)), store_(std::move(store)), id_(std::move(id)) {}

  /// Must succeed.
  Task<void> open(std::optional<Epoch> owner = {});
  /// Must succeed; gives the sequence of the last event.
  Task<std::int64_t> append(std::vector<JournalEntry> entries);
  Task<JournalResult<std::int64_t>> try_append(std::vector<JournalEntry> entries);
  Task<JournalResult<std::int64_t>> try_append_at(std::int64_t head,
                                                  std::vector<JournalEntry> entries);
  Task<JournalResult<void>> try_snapshot(std::int64_t sequence, std::string_view text);
  Task<void> snapshot(std::int64_t sequence, std::string_view text);
  Task<void> delete_events_to(std::int64_t n);
  Task<void> delete_snapshots_to(std::int64_t n);
  Task<void> delete_all();

  /// All that is left of the journal, read in one go.
  Task<std::vector<JournalEntry>> events();
  Task<std::vector<JournalEntry>> events(std::int64_t from, std::int64_t to,
                                         std::size_t max_bytes = kManyBytes);
  Task<std::string> latest_snapshot();  ///< "5 text", or "none"
  Task<std::int64_t> stored_head();

  /// Each change that a token allows is Fenced, and changes nothing.
  Task<void> expect_fenced(std::string_view why);

  const std::string& id() const noexcept { return id_; }

  OpenedJournal opened;
  std::int64_t head = 0;
  AppendId last_append;

 private:
  Task<std::string> everything();

  JournalTrial trial_;
  Journals store_;
  std::string id_;
};

JournalEntry event(std::string_view text, std::vector<std::string> tags = {});
template <class... T>
std::vector<JournalEntry> events(T... texts) {
  std::vector<JournalEntry> made;
  (made.push_back(event(texts)), ...);
  return made;
}
std::vector<JournalEntry> tagged(std::string_view text, std::string_view tag);
/// "3:c 4:d": sequences and payloads.
std::string words(const std::vector<JournalEntry>& entries);

std::vector<Case> append_cases(const JournalStores& stores);
std::vector<Case> ownership_cases(const JournalStores& stores);
std::vector<Case> deletion_cases(const JournalStores& stores);
std::vector<Case> snapshot_cases(const JournalStores& stores);
std::vector<Case> tag_cases(const JournalStores& stores);
std::vector<Case> limit_cases(const JournalStores& stores);
std::vector<Case> restart_cases(const JournalStores& stores);
std::vector<Case> random_cases(const JournalStores& stores);
std::vector<Case> race_cases(const JournalStores& stores);

/// A case of the journal suite; the stores live as long as it.
template <class F>
Case journal_case(const JournalStores& stores, std::string promise, F body) {
  return {std::move(promise),
          [stores, body](Trial& trial) { return body(JournalTrial(trial, stores)); }};
}

}  // namespace coerce::testkit::conformance::detail
