/// \file
/// Cells in the order in which they were added.

#pragma once

#include <functional>
#include <list>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <coerce/actor/detail/foreign.hpp>

namespace coerce::detail {

/// Keeps the memory of its cells, not their actors. Each actor is in it once: of an actor of
/// another node the first cell, which stands for all of them. The order is that of insertion, so
/// that nothing depends on addresses.
class CellSet {
 public:
  CellSet() = default;
  CellSet(const CellSet&) = delete;
  CellSet& operator=(const CellSet&) = delete;
  ~CellSet() {
    for (Cell* cell : order_) cell->release_memory();
  }

  std::size_t size() const noexcept { return order_.size(); }

  /// False: its actor is there already.
  bool insert(Cell& cell) {
    const auto [place, added] = places_.try_emplace(&cell);
    if (!added) return false;
    place->second = order_.insert(order_.end(), &cell);
    cell.retain_memory();
    return true;
  }

  /// By any cell of the actor. False: it was not there.
  bool erase(Cell& cell) noexcept {
    const auto place = places_.find(&cell);
    if (place == places_.end()) return false;
    Cell* kept = place->first;
    order_.erase(place->second);
    places_.erase(place);
    kept->release_memory();
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
  // Every reference to an actor of another node may have a cell of its own.
  struct HashOfActor {
    std::size_t operator()(Cell* cell) const noexcept {
      if (const ForeignCell* foreign = as_foreign(*cell))
        return std::hash<const void*>()(foreign->port.get()) ^
               std::hash<std::string_view>()(cell->id_view());
      return std::hash<Cell*>()(cell);
    }
  };
  struct IsSameActor {
    bool operator()(Cell* a, Cell* b) const noexcept { return is_same_actor(*a, *b); }
  };

  std::list<Cell*> order_;
  std::unordered_map<Cell*, std::list<Cell*>::iterator, HashOfActor, IsSameActor> places_;
};

}  // namespace coerce::detail
