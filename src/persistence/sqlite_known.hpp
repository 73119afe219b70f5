/// \file
/// What the writer of a file of journals still knows of them.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "persistence/sqlite_format.hpp"

namespace coerce::detail {

/// Rows of journals, as they were read or written last: always those of the `most / 2` journals
/// that were used last, and never more than `most`. For one thread.
class KnownJournals {
 public:
  /// \pre most is not 0
  explicit KnownJournals(std::size_t most) : most_of_one_(std::max<std::size_t>(1, most / 2)) {}

  /// Null: it is not known. Valid as long as forgettings() is the same.
  JournalRow* find(std::string_view id) {
    if (const auto found = recent_.find(id); found != recent_.end()) return &found->second;
    const auto found = former_.find(id);
    if (found == former_.end()) return nullptr;
    auto node = former_.extract(found);
    make_room();
    return &recent_.insert(std::move(node)).position->second;
  }

  /// \pre the id is not known
  JournalRow* put(std::string_view id, const JournalRow& row) {
    make_room();
    return &recent_.emplace(id, row).first->second;
  }

  void clear() noexcept {
    recent_.clear();
    former_.clear();
    ++forgettings_;
  }

  std::size_t size() const noexcept { return recent_.size() + former_.size(); }
  /// Another number than before: rows that were found before may be gone.
  std::uint64_t forgettings() const noexcept { return forgettings_; }

 private:
  struct Hash {
    using is_transparent = void;
    // Not noexcept: so GNU's table keeps the hashes and need not make them of its neighbours' ids.
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };
  using Rows = std::unordered_map<std::string, JournalRow, Hash, std::equal_to<>>;

  /// Cheaper than to keep all of them in the order of their use.
  void make_room() {
    if (recent_.size() < most_of_one_) return;
    if (!former_.empty()) ++forgettings_;
    former_ = std::exchange(recent_, {});
  }

  const std::size_t most_of_one_;
  std::uint64_t forgettings_ = 0;
  Rows recent_;
  Rows former_;  ///< used before all of `recent_`, and not since
};

}  // namespace coerce::detail
