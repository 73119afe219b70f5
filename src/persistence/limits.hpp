/// \file
/// What every journal refuses before it looks at anything else.

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <coerce/persistence/journal.hpp>

namespace coerce::detail {

std::optional<JournalErr> check_id(const JournalLimits& limits, std::string_view persistence_id);
std::optional<JournalErr> check_events(const JournalLimits& limits,
                                       const std::vector<JournalEntry>& entries);
std::optional<JournalErr> check_snapshot(const JournalLimits& limits, const JournalEntry& snapshot);
std::optional<JournalErr> check_tag(const JournalLimits& limits, std::string_view tag);

/// What one read may give.
class ReadBound {
 public:
  ReadBound(const JournalLimits& limits, std::size_t max_bytes) noexcept
      : max_bytes_(max_bytes), max_entries_(limits.max_read_entries) {}
  /// Is there room for it too? The first one always fits.
  bool fits(const JournalEntry& entry) noexcept {
    bytes_ += entry.bytes.size();
    ++entries_;
    return entries_ == 1 || (bytes_ <= max_bytes_ && entries_ <= max_entries_);
  }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t max_bytes_;
  std::size_t max_entries_;
  std::size_t bytes_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace coerce::detail
