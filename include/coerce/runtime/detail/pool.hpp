/// \file
/// Pooled memory for envelopes and coroutine frames.
///
/// Each thread keeps short lists of free blocks per size (magazines, Bonwick and Adams 2001) and
/// exchanges whole batches with a shared depot, so a block may be freed by any thread. Under the
/// address sanitizer every block is its own heap allocation, which lets it find misuse.

#pragma once

#include <cstddef>
#include <new>

#include <coerce/runtime/detail/thread_state.hpp>

namespace coerce::detail {

constexpr std::size_t pool_class(std::size_t size) noexcept {
  return (size + kPoolGranularity - 1) / kPoolGranularity;
}

void* pool_refill(ThreadState& thread, std::size_t size_class);
void pool_spill(ThreadState& thread, std::size_t size_class) noexcept;

inline void* pool_allocate(ThreadState& thread, std::size_t size) {
  if (COERCE_ASAN || size > kPoolMaxBlock) [[unlikely]]
    return ::operator new(size);
  FreeList& list = thread.free[pool_class(size)];
  FreeBlock* block = list.head;
  if (block == nullptr) [[unlikely]]
    return pool_refill(thread, pool_class(size));
  list.head = block->next;
  --list.count;
  return block;
}

inline void pool_free_class(ThreadState& thread, void* memory, std::size_t size_class) noexcept {
  if (COERCE_ASAN) {
    ::operator delete(memory);
    return;
  }
  FreeList& list = thread.free[size_class];
  auto* block = static_cast<FreeBlock*>(memory);
  block->next = list.head;
  list.head = block;
  // One comparison for the rare cases: a full magazine; the first block, which may be all that a
  // thread ever frees and must be given back when the thread ends; and a size that is not pooled.
  if (++list.count - 2 >= kPoolBatch - 2) [[unlikely]]
    pool_spill(thread, size_class);
}

inline void pool_free(ThreadState& thread, void* memory, std::size_t size) noexcept {
  if (size > kPoolMaxBlock)
    ::operator delete(memory);
  else
    pool_free_class(thread, memory, pool_class(size));
}

inline void* pool_allocate(std::size_t size) { return pool_allocate(thread_state(), size); }
inline void pool_free(void* memory, std::size_t size) noexcept {
  pool_free(thread_state(), memory, size);
}

/// How many blocks the pools have taken from the heap since the process began. Thread-safe.
std::size_t pool_heap_blocks() noexcept;

}  // namespace coerce::detail
