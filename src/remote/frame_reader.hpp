/// \file
/// A stream of bytes cut into frames, and frames put together to messages.

#pragma once

#include <memory>
#include <optional>
#include <span>

#include "remote/frame.hpp"

namespace coerce::detail {

/// Cuts what comes from the network into frames, in place: a payload is valid until the next call
/// of space(). Its buffer never grows. Checks what can be checked without knowing the link:
/// lengths, kinds, flags. Not thread-safe.
class FrameReader {
 public:
  enum class Found : std::uint8_t {
    Frame,
    Nothing,  ///< more bytes are needed
    Broken,   ///< this is no frame; nothing that follows can be understood
  };

  FrameReader();

  /// Where the next bytes go; never empty after next() has said Nothing.
  std::span<std::uint8_t> space() noexcept;
  /// So many of them have been written. \pre count <= space().size()
  void filled(std::size_t count) noexcept { end_ += count; }
  Found next(Frame& frame) noexcept {
    const std::size_t left = end_ - begin_;
    if (left < kFrameHeaderSize) return Found::Nothing;
    frame.header = read_header(buffer_.get() + begin_);
    const FrameHeader& header = frame.header;
    if (header.length > kMaxChunk || !is_known(header.kind) ||
        (header.flags & ~frame_flag::kKnown) != 0) [[unlikely]]
      return Found::Broken;
    if (left - kFrameHeaderSize < header.length) return Found::Nothing;
    frame.payload = {buffer_.get() + begin_ + kFrameHeaderSize, header.length};
    begin_ += kFrameHeaderSize + header.length;
    return Found::Frame;
  }
  /// What the header behind the latest frame says of its target, if so much of it is there; nothing
  /// of it has been checked.
  std::optional<std::uint32_t> next_target() const noexcept {
    if (end_ - begin_ < kFrameHeaderSize) return std::nullopt;
    return read_header(buffer_.get() + begin_).target_id;
  }

 private:
  static constexpr std::size_t kCapacity = 2 * kMaxChunk;
  static_assert(kCapacity > kMaxChunk + kFrameHeaderSize, "any frame fits");

  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Puts the chunks of one lane together.
class Reassembly {
 public:
  enum class State : std::uint8_t {
    Whole,    ///< a message is there
    Partial,  ///< its next chunk has to come
    Broken,   ///< too long, or not a chunk of what had begun
  };

  /// The frame is a message as it is: add() would only copy it.
  bool is_whole(const Frame& frame, std::size_t max_message) const noexcept {
    return !begun_ && (frame.header.flags & frame_flag::kMore) == 0 &&
           frame.payload.size() <= max_message;
  }
  /// `whole` is valid until the next call, as far as the payload of `frame` is.
  State add(const Frame& frame, std::size_t max_message, Frame& whole);

 private:
  State add_chunk(const Frame& frame, std::size_t max_message, Frame& whole);

  bool begun_ = false;
  FrameHeader first_;
  Bytes payload_;
};

}  // namespace coerce::detail
