#include "registry.hpp"

#include <mutex>

namespace coerce::detail {

std::uint64_t Registry::hash_of(std::string_view id) noexcept {
  // The library's hash spreads over all bits with one more multiplication.
  const std::uint64_t hash = std::hash<std::string_view>()(id) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 32);
}

/// Where the id stands, or the free slot where it would.
std::size_t Registry::position(const Shard& shard, std::uint64_t hash,
                               std::string_view id) noexcept {
  const std::size_t mask = shard.slots.size() - 1;
  std::size_t at = hash & mask;
  while (shard.slots[at].cell != nullptr &&
         (shard.slots[at].hash != hash || shard.slots[at].cell->id_view() != id))
    at = (at + 1) & mask;
  return at;
}

void Registry::grow(Shard& shard) {
  std::vector<Slot> old(shard.slots.empty() ? 16 : shard.slots.size() * 2);
  old.swap(shard.slots);
  const std::size_t mask = shard.slots.size() - 1;
  for (const Slot& slot : old) {
    if (slot.cell == nullptr) continue;
    std::size_t at = slot.hash & mask;
    while (shard.slots[at].cell != nullptr) at = (at + 1) & mask;
    shard.slots[at] = slot;
  }
}

bool Registry::insert(Cell& cell) {
  const std::string_view id = cell.id_view();
  const std::uint64_t hash = hash_of(id);
  Shard& shard = shard_of(hash);
  const std::lock_guard guard(shard.lock);
  if ((shard.used + 1) * 4 > shard.slots.size() * 3) grow(shard);
  Slot& slot = shard.slots[position(shard, hash, id)];
  if (slot.cell != nullptr) return false;
  slot = {hash, &cell};
  ++shard.used;
  size_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Registry::remove(Cell& cell) noexcept {
  const std::uint64_t hash = hash_of(cell.id_view());
  Shard& shard = shard_of(hash);
  const std::lock_guard guard(shard.lock);
  if (shard.slots.empty()) return;
  const std::size_t mask = shard.slots.size() - 1;
  std::size_t hole = position(shard, hash, cell.id_view());
  if (shard.slots[hole].cell != &cell) return;
  for (std::size_t at = (hole + 1) & mask; shard.slots[at].cell != nullptr; at = (at + 1) & mask) {
    const std::size_t home = shard.slots[at].hash & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      shard.slots[hole] = shard.slots[at];
      hole = at;
    }
  }
  shard.slots[hole] = {};
  --shard.used;
  size_.fetch_sub(1, std::memory_order_relaxed);
}

Cell* Registry::find(std::string_view id) noexcept {
  const std::uint64_t hash = hash_of(id);
  Shard& shard = shard_of(hash);
  const std::lock_guard guard(shard.lock);
  if (shard.slots.empty()) return nullptr;
  Cell* cell = shard.slots[position(shard, hash, id)].cell;
  if (cell == nullptr || cell->status.load(std::memory_order_acquire) >= ActorStatus::Stopping)
    return nullptr;
  cell->retain();  // listed, so the living actor's own memory reference is still there
  return cell;
}

std::vector<CellRef> Registry::all() {
  std::vector<CellRef> cells;
  for (Shard& shard : shards_) {
    const std::lock_guard guard(shard.lock);
    for (const Slot& slot : shard.slots)
      if (slot.cell != nullptr) cells.push_back(CellRef::share(*slot.cell));
  }
  return cells;
}

}  // namespace coerce::detail
