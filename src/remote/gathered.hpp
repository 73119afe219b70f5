/// \file
/// Bytes that are gathered for one large write.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

/// A growing piece of memory that does not touch what it gives out, unlike a vector.
class Gathered {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  bool has_memory() const noexcept { return capacity_ != 0; }
  BytesView view() const noexcept { return {memory_.get(), size_}; }

  /// Room for so many further bytes, to be written by the caller.
  std::uint8_t* extend(std::size_t count) {
    if (capacity_ - size_ < count) [[unlikely]]
      reserve(std::max(size_ + count, 2 * capacity_));
    return memory_.get() + std::exchange(size_, size_ + count);
  }
  void append(BytesView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  /// Empty again; memory beyond `keep` is given back.
  void clear(std::size_t keep) noexcept {
    size_ = 0;
    if (capacity_ <= keep) return;
    memory_.reset();
    capacity_ = 0;
  }

 private:
  void reserve(std::size_t capacity) {
    capacity = std::max<std::size_t>(capacity, 4096);
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    if (size_ > 0) std::memcpy(larger.get(), memory_.get(), size_);
    memory_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace coerce::detail
