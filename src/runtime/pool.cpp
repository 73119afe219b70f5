#include <coerce/runtime/detail/pool.hpp>

#include <atomic>
#include <mutex>

#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

namespace {

/// A batch is a list of blocks; its first block has room for the link to the next batch.
struct Batch {
  FreeBlock block;
  Batch* next_batch;
};
static_assert(sizeof(Batch) <= kPoolGranularity);

struct Depot {
  SpinLock lock;
  Batch* batches = nullptr;
};

constinit Depot depots[kPoolClasses];
constinit std::atomic<std::size_t> heap_blocks{0};

/// Gives what a thread holds back when the thread ends.
struct ThreadExit {
  ~ThreadExit() {
    ThreadState& thread = thread_state();
    for (std::size_t size_class = 1; size_class < kPoolClasses; ++size_class) {
      FreeList& list = thread.free[size_class];
      if (list.head == nullptr) continue;
      auto* batch = reinterpret_cast<Batch*>(list.head);
      list = {};
      const std::lock_guard guard(depots[size_class].lock);
      batch->next_batch = depots[size_class].batches;
      depots[size_class].batches = batch;
    }
  }
};

[[gnu::noinline]] void register_thread_exit() noexcept {
  thread_local ThreadExit exit;
  asm volatile("" ::"r"(&exit));
}

void* carve(FreeList& list, std::size_t size) {
  char* slab = static_cast<char*>(::operator new(size * kPoolBatch));
  heap_blocks.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = kPoolBatch - 1; i >= 1; --i) {
    auto* block = reinterpret_cast<FreeBlock*>(slab + i * size);
    block->next = list.head;
    list.head = block;
  }
  list.count = kPoolBatch - 1;
  return slab;
}

}  // namespace

void* pool_refill(ThreadState& thread, std::size_t size_class) {
  register_thread_exit();
  FreeList& list = thread.free[size_class];
  Depot& depot = depots[size_class];
  {
    const std::lock_guard guard(depot.lock);
    if (Batch* batch = depot.batches) {
      depot.batches = batch->next_batch;
      list.head = batch->block.next;
      list.count = 0;
      for (FreeBlock* block = list.head; block != nullptr; block = block->next) ++list.count;
      return batch;
    }
  }
  return carve(list, size_class * kPoolGranularity);
}

void pool_spill(ThreadState& thread, std::size_t size_class) noexcept {
  register_thread_exit();
  FreeList& list = thread.free[size_class];
  if (list.count < 2 * kPoolBatch) return;
  auto* batch = reinterpret_cast<Batch*>(list.head);
  FreeBlock* last = list.head;
  for (std::uint32_t i = 1; i < kPoolBatch; ++i) last = last->next;
  list.head = last->next;
  list.count -= kPoolBatch;
  last->next = nullptr;
  const std::lock_guard guard(depots[size_class].lock);
  batch->next_batch = depots[size_class].batches;
  depots[size_class].batches = batch;
}

std::size_t pool_heap_blocks() noexcept { return heap_blocks.load(std::memory_order_relaxed); }

}  // namespace coerce::detail
