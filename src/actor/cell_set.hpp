/// \file
/// Cells in the order in which they were added.

#pragma once

#include <list>
#include <unordered_map>
#include <utility>

#include <coerce/actor/detail/cell.hpp>

namespace coerce::detail {

/// Keeps the memory of its cells, not their actors. The order is that of insertion, so that nothing
/// depends on addresses.
class CellSet {
 public:
  CellSet() = default;
  CellSet(const CellSet&) = delete;
  CellSet& operator=(const CellSet&) = delete;
  ~CellSet() {
    for (Cell* cell : order_) cell->release_memory();
  }

  std::size_t size() const noexcept { return order_.size(); }

  /// False: it is there already.
  bool insert(Cell& cell) {
    const auto [place, added] = places_.try_emplace(&cell);
    if (!added) return false;
    place->second = order_.insert(order_.end(), &cell);
    cell.retain_memory();
    return true;
  }

  /// False: it was not there.
  bool erase(Cell& cell) noexcept {
    const auto place = places_.find(&cell);
    if (place == places_.end()) return false;
    order_.erase(place->second);
    places_.erase(place);
    cell.release_memory();
    return true;
  }

  template <class F>
  void for_each(F&& function) const {
    for (Cell* cell : order_) function(*cell);
  }

  /// Gives each cell to `function` and forgets it.
  template <class F>
  void drain(F&& function) {
    places_.clear();
    for (const std::list<Cell*> drained = std::exchange(order_, {}); Cell * cell : drained) {
      function(*cell);
      cell->release_memory();
    }
  }

 private:
  std::list<Cell*> order_;
  std::unordered_map<Cell*, std::list<Cell*>::iterator> places_;
};

}  // namespace coerce::detail
