#include <coerce/runtime/detail/pool.hpp>

#include <atomic>
#include <mutex>
#include <utility>

#include <sys/mman.h>

#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

namespace {

/// A batch is a list of blocks; its first block has room for the link to the next batch, whose
/// upper bits hold the number of blocks (a user-space address has 48).
struct Batch {
  FreeBlock block;
  std::uint64_t next_and_count;
};
static_assert(sizeof(Batch) <= kPoolGranularity);
constexpr unsigned kAddressBits = 48;

struct Depot {
  void push(FreeBlock* blocks, std::uint32_t count) noexcept {
    auto* batch = reinterpret_cast<Batch*>(blocks);
    const std::lock_guard guard(lock);
    batch->next_and_count = reinterpret_cast<std::uint64_t>(batches) | std::uint64_t{count}
                                                                           << kAddressBits;
    batches = batch;
  }

  /// Takes a batch; null: there is none.
  FreeBlock* pop(std::uint32_t& count) noexcept {
    const std::lock_guard guard(lock);
    Batch* batch = batches;
    if (batch == nullptr) return nullptr;
    count = static_cast<std::uint32_t>(batch->next_and_count >> kAddressBits);
    batches =
        reinterpret_cast<Batch*>(batch->next_and_count & ((std::uint64_t{1} << kAddressBits) - 1));
    return &batch->block;
  }

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
      const FreeList list = std::exchange(thread.free[size_class], {});
      if (list.head != nullptr) depots[size_class].push(list.head, list.count);
      if (FreeBlock* spare = std::exchange(thread.spare[size_class], nullptr))
        depots[size_class].push(spare, kPoolBatch);
    }
  }
};

[[gnu::noinline]] void register_thread_exit() noexcept {
  thread_local ThreadExit exit;
  asm volatile("" ::"r"(&exit));
}

/// Where slabs are cut from. Chunks grow with what is in use, so a small program takes little; full
/// grown they are huge pages, which a million blocks in no order need (a page table walk for each
/// block made the creation of a million actors a fifth slower).
class Chunks {
 public:
  char* take(std::size_t size) {
    const std::lock_guard guard(lock_);
    if (left_ < size) renew();
    left_ -= size;
    return std::exchange(at_, at_ + size);
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{64} << 10;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static_assert(kPoolMaxBlock * kPoolBatch <= kSmallest);

  void renew() {
    const std::size_t alignment = next_ == kHugePage ? kHugePage : kPoolGranularity;
    at_ = static_cast<char*>(::operator new(next_, std::align_val_t(alignment)));
    left_ = next_;
    heap_blocks.fetch_add(1, std::memory_order_relaxed);
    if (next_ == kHugePage)
      ::madvise(at_, kHugePage, MADV_HUGEPAGE);  // advice: without it all is but slower
    else
      next_ *= 2;
  }

  SpinLock lock_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t next_ = kSmallest;
};

constinit Chunks chunks;

void* carve(FreeList& list, std::size_t size) {
  char* slab = chunks.take(size * kPoolBatch);
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
  FreeBlock* block = std::exchange(thread.spare[size_class], nullptr);
  std::uint32_t count = kPoolBatch;
  if (block == nullptr) block = depots[size_class].pop(count);
  if (block == nullptr) return carve(list, size_class * kPoolGranularity);
  list.head = block->next;
  list.count = count - 1;
  return block;
}

void pool_spill(ThreadState& thread, std::size_t size_class) noexcept {
  FreeList& list = thread.free[size_class];
  if (size_class >= kPoolClasses) {
    ::operator delete(std::exchange(list, {}).head);
    return;
  }
  register_thread_exit();
  if (list.count < kPoolBatch) return;
  FreeBlock*& spare = thread.spare[size_class];
  if (spare != nullptr) depots[size_class].push(spare, kPoolBatch);
  spare = std::exchange(list, {}).head;
}

std::size_t pool_heap_blocks() noexcept { return heap_blocks.load(std::memory_order_relaxed); }

}  // namespace coerce::detail
