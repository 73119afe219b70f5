#include "remote/scratch.hpp"

#include <utility>

namespace coerce::detail {

namespace {

constexpr std::size_t kKept = 256 * 1024;

struct ThreadScratch {
  Bytes bytes;
  bool in_use = false;
};

[[gnu::noinline]] ThreadScratch& thread_scratch() noexcept {
  static thread_local ThreadScratch scratch;
  return scratch;
}

}  // namespace

Scratch::Scratch() noexcept {
  ThreadScratch& mine = thread_scratch();
  borrowed_ = !std::exchange(mine.in_use, true);
  bytes_ = borrowed_ ? &mine.bytes : &other_;
}

Scratch::~Scratch() {
  if (!borrowed_) return;
  if (bytes_->capacity() > kKept)
    *bytes_ = Bytes();
  else
    bytes_->clear();
  thread_scratch().in_use = false;
}

}  // namespace coerce::detail
