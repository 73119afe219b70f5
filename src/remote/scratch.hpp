/// \file
/// Memory in which a thread encodes a message before it is queued.

#pragma once

#include <utility>

#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

/// The thread's own bytes, empty at first; while they are in use (a codec that sends a message
/// itself) others. Not to be kept across a suspension.
class Scratch {
 public:
  Scratch() noexcept {
    ThreadBytes& mine = thread_bytes();
    in_use_ = std::exchange(mine.in_use, true) ? nullptr : &mine.in_use;
    bytes_ = in_use_ != nullptr ? &mine.bytes : &other_;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (in_use_ == nullptr) return;
    bytes_->clear();
    if (bytes_->capacity() > kKept) [[unlikely]]
      *bytes_ = Bytes();
    *in_use_ = false;
  }

  Bytes& bytes() noexcept { return *bytes_; }

 private:
  static constexpr std::size_t kKept = 256 * 1024;

  struct ThreadBytes {
    Bytes bytes;
    bool in_use = false;
  };
  static ThreadBytes& thread_bytes() noexcept;

  Bytes other_;
  Bytes* bytes_;
  bool* in_use_;  ///< of the thread's own; null: others are used
};

}  // namespace coerce::detail
