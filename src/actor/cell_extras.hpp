/// \file
/// What few actors need, kept out of the cell.

#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <coerce/actor/detail/cell.hpp>
#include <coerce/actor/detail/start.hpp>

namespace coerce::detail {

struct CellExtras {
  std::vector<std::string> tags;
  std::string stop_detail;
  StartEnvelope* failed_start = nullptr;  ///< answered when the actor has ended
  Completion failed_start_completion = Completion::Static;

  Cell* children = nullptr;  ///< newest first
  std::size_t child_count = 0;
  /// Children by id, once there are many.
  std::unordered_map<std::string_view, Cell*> child_index;
  std::deque<ChildStopped> ended_children;  ///< whose hook has not run yet
  std::optional<ChildStopped> hook_child;   ///< whose hook runs
};

}  // namespace coerce::detail
