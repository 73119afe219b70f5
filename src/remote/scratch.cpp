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
  in_use_ = std::exchange(mine.in_use, true) ? nullptr : &mine.in_use;
  bytes_ = in_use_ != nullptr ? &mine.bytes : &other_;
}

Scratch::~Scratch() {
  if (in_use_ == nullptr) return;
  if (bytes_->capacity() > kKept)
    *bytes_ = Bytes();
  else
    bytes_->clear();
  *in_use_ = false;
}

}  // namespace coerce::detail
