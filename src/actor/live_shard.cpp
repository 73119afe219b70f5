#include "actor/live_shard.hpp"

#include <algorithm>

namespace coerce::detail {

namespace {
constexpr std::size_t kPortions = 32;  // a shard takes at most one of so many of what is left
}  // namespace

std::unique_lock<SpinLock> LiveShards::enlarge(LiveShard& shard) noexcept {
  const std::lock_guard guard(lock_);
  if (unshared_ == 0) take_back_room();
  if (unshared_ == 0) return {};
  const std::size_t portion = std::max<std::size_t>(1, unshared_ / kPortions);
  unshared_ -= portion;
  std::unique_lock held(shard.lock);
  shard.share += portion;
  return held;
}

// While all shards are held no actor comes or goes, so the limit is exact: who finds no room here
// is refused with as many actors alive as are allowed.
void LiveShards::take_back_room() noexcept {
  for (LiveShard& shard : shards_) shard.lock.lock();
  for (LiveShard& shard : shards_) {
    unshared_ += shard.share - shard.count;
    shard.share = shard.count;
  }
  for (LiveShard& shard : shards_) shard.lock.unlock();
}

}  // namespace coerce::detail
