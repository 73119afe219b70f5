/// \file
/// Living top-level actors.

#pragma once

#include <vector>

#include <coerce/actor/detail/cell_ref.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

/// A part of the list of living top-level actors. The members are used under the lock.
struct alignas(64) LiveShard {
  void add(Cell& cell) noexcept {
    cell.next_live = first;
    cell.previous_live = &first;
    if (first != nullptr) first->previous_live = &cell.next_live;
    first = &cell;
    ++count;
  }
  void remove(Cell& cell) noexcept {
    *cell.previous_live = cell.next_live;
    if (cell.next_live != nullptr) cell.next_live->previous_live = cell.previous_live;
    --count;
  }
  /// Adds counted references to at most `limit` of them.
  void list(std::vector<CellRef>& cells, std::size_t limit = SIZE_MAX) const {
    for (Cell* cell = first; cell != nullptr && cells.size() < limit; cell = cell->next_live)
      if (cell->status.load(std::memory_order_relaxed) != ActorStatus::Stopped)
        cells.push_back(CellRef::share(*cell));
  }

  SpinLock lock;
  Cell* first = nullptr;
  std::size_t count = 0;
};

}  // namespace coerce::detail
