/// \file
/// What a store of journals should be, as simply as possible: lists, and no limits.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/persistence/journal.hpp>

namespace coerce::testkit::conformance::detail {

/// What an operation that changes something should come to.
enum class Verdict : std::uint8_t { Done, Fenced, Conflict };

/// A value: copies are the branches of what may have happened.
class JournalModel {
 public:
  struct Event {
    std::string id;
    std::int64_t sequence;
    std::string text;  ///< names the event: no two of a trial have the same
    std::vector<std::string> tags;
    bool is_deleted;

    friend bool operator==(const Event&, const Event&) = default;
  };

  /// Afterwards nobody knows the token yet: give() tells it.
  Verdict open(const std::string& id, std::optional<Epoch> owner);
  Verdict reopen(const WriteToken& token);
  /// Does what was opened agree with what was given? Then its token is the current one.
  bool give(const OpenedJournal& opened);

  Verdict append(const WriteToken& token, std::int64_t expected_head, AppendId append_id,
                 const std::vector<JournalEntry>& entries);
  Verdict snapshot(const WriteToken& token, const JournalEntry& snapshot);
  Verdict delete_events(const WriteToken& token, std::int64_t n);
  Verdict delete_snapshots(const WriteToken& token, std::int64_t n);
  Verdict delete_all(const WriteToken& token);

  std::int64_t head(const std::string& id) const;
  std::string latest_snapshot(const std::string& id) const;  ///< "5:text", or "none"
  std::vector<Event> read(const std::string& id, std::int64_t from, std::int64_t to,
                          std::size_t max_bytes) const;
  /// Behind the event with the text `behind` (or from the first on), none if there is no such.
  std::optional<std::vector<Event>> tagged(std::string_view tag, const std::string& behind,
                                           std::size_t max_bytes) const;

  friend bool operator==(const JournalModel&, const JournalModel&) = default;

 private:
  struct Journal {
    Epoch epoch;
    std::uint64_t openings = 0;          ///< the highest count that was given
    std::optional<std::uint64_t> owner;  ///< the count of whoever may write, if we know him
    std::int64_t head = 0;
    std::int64_t base = 0;
    std::optional<AppendId> last_append;
    std::map<std::int64_t, std::string> snapshots;

    friend bool operator==(const Journal&, const Journal&) = default;
  };
  bool owns(const WriteToken& token) const;
  const Journal* find(const std::string& id) const;

  std::map<std::string, Journal> journals_;
  std::vector<Event> events_;  ///< of all journals, in the order of their appends
};

}  // namespace coerce::testkit::conformance::detail
