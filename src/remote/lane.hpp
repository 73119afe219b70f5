/// \file
/// Frames that wait to be written, in the order in which they go.

#pragma once

#include <deque>
#include <span>
#include <vector>

#include "remote/frame.hpp"
#include "remote/gathered.hpp"

namespace coerce::detail {

/// Whole frames that are written in one go: about 64 KiB of them at the most.
struct Slice {
  Gathered bytes;
  std::size_t frames = 0;
  bool inside_message = false;  ///< it begins with a further chunk of a message
};

/// What a message is made of, to be joined.
using Parts = std::span<const BytesView>;
std::size_t size_of(Parts parts) noexcept;

/// For messages of a few cache lines, for which a call of memcpy() is half of the cost.
inline void copy_short(BytesView bytes, std::uint8_t* out) noexcept {
  constexpr std::size_t kStep = 32;
  for (; bytes.size() >= kStep; bytes = bytes.subspan(kStep), out += kStep)
    std::memcpy(out, bytes.data(), kStep);
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
}

/// A message as slices of its own, one for each chunk. Made before a lock is taken, as that copies
/// all of the message.
class PreparedMessage {
 public:
  /// `header`: without length and kMore.
  PreparedMessage(FrameHeader header, Parts parts);

 private:
  friend class Lane;
  std::vector<Slice> slices_;
  std::size_t size_ = 0;
};

/// Not thread-safe. What is taken out first was put in first.
class Lane {
 public:
  /// A longer message is to be prepared.
  static constexpr std::size_t kLongestCopied = 20 * 1024;

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  /// One frame; its length is set here. \pre size_of(parts) <= kMaxChunk
  void append(const FrameHeader& header, Parts parts);
  /// The same of a short message, whose way is a part of its caller: it goes under the lock of the
  /// outbox.
  [[gnu::always_inline]] void append(const FrameHeader& header, BytesView first, BytesView second) {
    std::uint8_t* const out = begin_frame(header, first.size() + second.size());
    if (!first.empty()) std::memcpy(out, first.data(), first.size());
    if (second.size() <= kShort) [[likely]]
      copy_short(second, out + first.size());
    else
      std::memcpy(out + first.size(), second.data(), second.size());
  }
  void append(PreparedMessage message);
  /// The next slice; empty if there is none. Keeps the memory of what was in `slice` before.
  void take(Slice& slice) noexcept;
  void clear() noexcept;

 private:
  static constexpr std::size_t kSliceSize = kMaxChunk + kFrameHeaderSize;
  static constexpr std::size_t kKeptSlices = 16;
  static constexpr std::size_t kShort = 256;

  /// Where the payload goes.
  [[gnu::always_inline]] std::uint8_t* begin_frame(const FrameHeader& header, std::size_t length) {
    const std::size_t size = kFrameHeaderSize + length;
    if (!last_.empty() && last_.size() + size > kSliceSize) [[unlikely]]
      close_last();
    std::uint8_t* const out = last_.extend(size);
    write_header(header, static_cast<std::uint32_t>(length), out);
    size_ += size;
    ++frames_in_last_;
    return out + kFrameHeaderSize;
  }
  void close_last();
  void keep(Gathered memory) noexcept;

  std::size_t size_ = 0;
  std::deque<Slice> full_;
  Gathered last_;  ///< what comes next is added to it
  std::size_t frames_in_last_ = 0;
  std::vector<Gathered> spare_;
};

}  // namespace coerce::detail
