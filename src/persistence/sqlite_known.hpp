/// \file
/// What the writer of a file of journals still knows of them.

#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "persistence/sqlite_format.hpp"

namespace coerce::detail {

/// Rows of journals, as they were read or written last. Of more than so many it forgets the one
/// that has not been used for the longest time. For one thread.
class KnownJournals {
 public:
  /// \pre most is not 0
  explicit KnownJournals(std::size_t most) : most_(most) {}

  /// Null: it is not known. Valid until the next put() or clear().
  JournalRow* find(std::string_view id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return nullptr;
    newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
    return &found->second->row;
  }

  /// \pre the id is not known
  JournalRow* put(std::string_view id, const JournalRow& row) {
    if (by_id_.size() == most_) {
      by_id_.erase(newest_first_.back().id);
      newest_first_.pop_back();
    }
    newest_first_.emplace_front(id, row);
    by_id_.emplace(newest_first_.front().id, newest_first_.begin());
    return &newest_first_.front().row;
  }

  void clear() noexcept {
    by_id_.clear();
    newest_first_.clear();
  }

 private:
  struct Known {
    Known(std::string_view name, const JournalRow& what) : id(name), row(what) {}
    std::string id;
    JournalRow row;
  };

  const std::size_t most_;
  std::list<Known> newest_first_;
  std::unordered_map<std::string_view, std::list<Known>::iterator> by_id_;  ///< keys: their ids
};

}  // namespace coerce::detail
