#include "allocations.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0};

#if defined(__GLIBC__)
void count() noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}
#endif

}  // namespace

#if defined(__GLIBC__)
// These take the place of glibc's for the whole process, the shared libraries included. Memory
// still comes from glibc, and goes back by its own free.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t number, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
}
#endif

namespace suite {

AllocationCount::AllocationCount() noexcept {
  allocations.store(0);
  counting.store(true);
}

AllocationCount::~AllocationCount() { counting.store(false); }

std::uint64_t AllocationCount::so_far() const noexcept { return allocations.load(); }

}  // namespace suite
