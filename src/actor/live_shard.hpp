/// \file
/// Living top-level actors.

#pragma once

#include <array>
#include <mutex>
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
  std::size_t share = 0;  ///< of the limit of all shards together; count never exceeds it
};

/// The shards of one list, and the limit that they share.
///
/// Each shard has a part of the limit, which grows by and by, so that adding an actor looks at its
/// own shard only. Thread-safe. The lock of the limit comes before those of the shards.
class LiveShards {
 public:
  static constexpr std::size_t kCount = 16;

  explicit LiveShards(std::size_t limit) noexcept : unshared_(limit) {}

  LiveShard& operator[](std::size_t i) noexcept { return shards_[i]; }
  auto begin() noexcept { return shards_.begin(); }
  auto end() noexcept { return shards_.end(); }

  /// Holds the shard with room for one more. Empty: all shards together hold as many as they may.
  std::unique_lock<SpinLock> hold_with_room(LiveShard& shard) noexcept {
    std::unique_lock guard(shard.lock);
    if (shard.count == shard.share) [[unlikely]] {
      guard.unlock();
      return enlarge(shard);
    }
    return guard;
  }

 private:
  std::unique_lock<SpinLock> enlarge(LiveShard& shard) noexcept;
  void take_back_room() noexcept;

  std::array<LiveShard, kCount> shards_;
  SpinLock lock_;
  std::size_t unshared_;  // what is in no shard's share; under the lock
};

}  // namespace coerce::detail
