#include <coerce/runtime/detail/pool.hpp>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/sleep.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

// Under the address sanitizer there is no pool; then these tests only look for misuse.

namespace coerce::test::pool_cases {
namespace {

using detail::pool_allocate;
using detail::pool_free;
using detail::pool_heap_blocks;

std::vector<void*> allocate_many(std::size_t count, std::size_t size) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) block = pool_allocate(size);
  return blocks;
}

void free_many(const std::vector<void*>& blocks, std::size_t size) {
  for (void* block : blocks) pool_free(block, size);
}

TEST_CASE("blocks of every size are aligned, writable and apart from each other", "[pool]") {
  constexpr std::size_t count = 3 * detail::kPoolBatch;
  for (const std::size_t size : {1U, 8U, 16U, 17U, 24U, 32U, 100U, 1000U, 1024U, 1025U, 5000U}) {
    CAPTURE(size);
    const auto blocks = allocate_many(count, size);
    for (std::size_t i = 0; i < count; ++i) std::memset(blocks[i], static_cast<int>(i), size);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto* bytes = static_cast<const unsigned char*>(blocks[i]);
      if (reinterpret_cast<std::uintptr_t>(bytes) % detail::kPoolGranularity != 0) ++wrong;
      if (std::any_of(bytes, bytes + size, [i](unsigned char b) { return b != i % 256; })) ++wrong;
    }
    CHECK(wrong == 0);
    free_many(blocks, size);
  }
}

TEST_CASE("a freed block is the next one of its size that the thread gets", "[pool]") {
  if (COERCE_ASAN) return;
  void* block = pool_allocate(112);
  pool_free(block, 112);
  void* again = pool_allocate(100);
  CHECK(again == block);
  pool_free(again, 100);
}

TEST_CASE("a thread that allocates and frees in turn takes nothing new from the heap", "[pool]") {
  constexpr std::size_t size = 480;
  free_many(allocate_many(1000, size), size);
  const std::size_t before = pool_heap_blocks();
  for (int round = 0; round < 100; ++round) free_many(allocate_many(1000, size), size);
  CHECK(pool_heap_blocks() == before);
}

/// A thread that frees the blocks that it is handed, one lot after the other.
class Freer {
 public:
  explicit Freer(std::size_t size) : size_(size), thread_([this] { work(); }) {}
  Freer(const Freer&) = delete;
  Freer& operator=(const Freer&) = delete;
  ~Freer() {
    {
      const std::lock_guard guard(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// Returns when they are free.
  void free(std::vector<void*> blocks) {
    std::unique_lock guard(mutex_);
    blocks_ = std::move(blocks);
    changed_.notify_all();
    changed_.wait(guard, [this] { return blocks_.empty(); });
  }

 private:
  void work() {
    std::unique_lock guard(mutex_);
    for (;;) {
      changed_.wait(guard, [this] { return ended_ || !blocks_.empty(); });
      if (blocks_.empty()) return;
      free_many(blocks_, size_);
      blocks_.clear();
      changed_.notify_all();
    }
  }

  std::size_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<void*> blocks_;
  bool ended_ = false;
  std::thread thread_;
};

TEST_CASE("blocks that another thread frees come back", "[pool]") {
  constexpr std::size_t size = 496;
  Freer freer(size);
  for (int round = 0; round < 10; ++round) freer.free(allocate_many(1000, size));
  const std::size_t before = pool_heap_blocks();
  for (int round = 0; round < 200; ++round) freer.free(allocate_many(1000, size));
  CHECK(pool_heap_blocks() == before);
}

TEST_CASE("a thread that ends gives back the blocks that it kept", "[pool]") {
  constexpr std::size_t size = 512;
  const auto use_and_end = [] {
    std::thread([] { free_many(allocate_many(100, size), size); }).join();
  };
  for (int round = 0; round < 5; ++round) use_and_end();
  const std::size_t before = pool_heap_blocks();
  for (int round = 0; round < 200; ++round) use_and_end();
  CHECK(pool_heap_blocks() == before);
}

TEST_CASE("a thread that only freed a few blocks gives them back when it ends", "[pool]") {
  constexpr std::size_t size = 528;
  const auto free_and_end = [] {
    auto blocks = allocate_many(50, size);
    std::thread([&blocks] { free_many(blocks, size); }).join();
  };
  for (int round = 0; round < 5; ++round) free_and_end();
  const std::size_t before = pool_heap_blocks();
  for (int round = 0; round < 200; ++round) free_and_end();
  CHECK(pool_heap_blocks() == before);
}

Task<int> child(int value) {
  co_await yield();
  co_return value;
}

Task<long> many_children(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await child(1);
  co_return sum;
}

TEST_CASE("tasks that come and go on a worker take nothing new from the heap", "[pool]") {
  const Scheduler scheduler{{.workers = 1}};
  CHECK(scheduler.block_on(many_children(1000)) == 1000);
  const std::size_t before = pool_heap_blocks();
  CHECK(scheduler.block_on(many_children(100'000)) == 100'000);
  CHECK(pool_heap_blocks() == before);
}

TEST_CASE("tasks that are made on one thread and end on another take nothing new from the heap",
          "[pool]") {
  const Scheduler scheduler{{.workers = 1}};
  for (int i = 0; i < 2000; ++i) (void)scheduler.block_on(child(i));
  const std::size_t before = pool_heap_blocks();
  for (int i = 0; i < 5000; ++i) (void)scheduler.block_on(child(i));
  CHECK(pool_heap_blocks() == before);
}

}  // namespace
}  // namespace coerce::test::pool_cases
