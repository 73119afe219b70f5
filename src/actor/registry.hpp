/// \file
/// Tracked actors by id.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <coerce/actor/detail/cell_ref.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

/// 64 shards of open addressing {hash, cell} with linear probing and backward-shift deletion
/// (Knuth 6.4, algorithm R). Thread-safe.
class Registry {
 public:
  /// False: the id is taken.
  bool insert(Cell& cell);
  /// Removes the cell itself; another one with the same id stays.
  void remove(Cell& cell) noexcept;
  /// A counted reference to the actor with this id that is not stopping; null if there is none.
  Cell* find(std::string_view id) noexcept;
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  std::vector<CellRef> all();

 private:
  struct Slot {
    std::uint64_t hash = 0;
    Cell* cell = nullptr;
  };
  struct alignas(64) Shard {
    SpinLock lock;
    std::vector<Slot> slots;
    std::size_t used = 0;
  };
  static constexpr std::size_t kShards = 64;

  static std::uint64_t hash_of(std::string_view id) noexcept;
  Shard& shard_of(std::uint64_t hash) noexcept { return shards_[hash >> 58]; }
  static void grow(Shard& shard);
  static std::size_t position(const Shard& shard, std::uint64_t hash, std::string_view id) noexcept;

  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace coerce::detail
