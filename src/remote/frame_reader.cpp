#include "remote/frame_reader.hpp"

#include <utility>

namespace coerce::detail {

FrameReader::FrameReader() : buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kCapacity)) {}

std::span<std::uint8_t> FrameReader::space() noexcept {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {buffer_.get() + end_, kCapacity - end_};
}

Reassembly::State Reassembly::add(const Frame& frame, std::size_t max_message, Frame& whole) {
  if (begun_ || (frame.header.flags & frame_flag::kMore) != 0) [[unlikely]]
    return add_chunk(frame, max_message, whole);
  if (frame.payload.size() > max_message) return State::Broken;
  whole = frame;
  return State::Whole;
}

Reassembly::State Reassembly::add_chunk(const Frame& frame, std::size_t max_message, Frame& whole) {
  const FrameHeader& header = frame.header;
  const bool more = (header.flags & frame_flag::kMore) != 0;
  if (!begun_) {
    payload_ = Bytes();  // what the last message has needed
    first_ = header;
    begun_ = true;
  }
  const auto same_flags = static_cast<std::uint8_t>(header.flags | frame_flag::kMore);
  if (header.kind != first_.kind || same_flags != first_.flags ||
      header.type_id != first_.type_id || header.target_id != first_.target_id ||
      header.request_id != first_.request_id)
    return State::Broken;
  // An empty chunk in the middle would let a message go on for ever.
  if (frame.payload.empty() || frame.payload.size() > max_message - payload_.size())
    return State::Broken;
  payload_.insert(payload_.end(), frame.payload.begin(), frame.payload.end());
  if (more) return State::Partial;
  begun_ = false;
  whole.header = first_;
  whole.header.flags &= static_cast<std::uint8_t>(~frame_flag::kMore);
  whole.header.length = static_cast<std::uint32_t>(payload_.size());
  whole.payload = payload_;
  return State::Whole;
}

}  // namespace coerce::detail
