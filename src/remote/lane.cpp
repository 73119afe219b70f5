#include "remote/lane.hpp"

#include <algorithm>
#include <utility>

namespace coerce::detail {

namespace {

/// Hands out a message piece by piece.
class PartsReader {
 public:
  explicit PartsReader(Parts parts) noexcept : parts_(parts) {}
  void read(std::uint8_t* out, std::size_t count) noexcept {
    while (count > 0) {
      const BytesView rest = parts_.front().subspan(at_);
      const std::size_t size = std::min(count, rest.size());
      if (size > 0) std::memcpy(out, rest.data(), size);
      out += size;
      at_ += size;
      count -= size;
      if (at_ < parts_.front().size()) continue;
      parts_ = parts_.subspan(1);
      at_ = 0;
    }
  }

 private:
  Parts parts_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t size_of(Parts parts) noexcept {
  std::size_t total = 0;
  for (const BytesView part : parts) total += part.size();
  return total;
}

PreparedMessage::PreparedMessage(FrameHeader header, Parts parts) {
  std::size_t left = size_of(parts);
  slices_.reserve(left / kMaxChunk + 1);
  PartsReader reader(parts);
  do {
    const std::size_t chunk = std::min(left, kMaxChunk);
    left -= chunk;
    header.flags = static_cast<std::uint8_t>(left > 0 ? header.flags | frame_flag::kMore
                                                      : header.flags & ~frame_flag::kMore);
    Slice& slice = slices_.emplace_back();
    slice.frames = 1;
    slice.inside_message = slices_.size() > 1;
    std::uint8_t* const out = slice.bytes.extend(kFrameHeaderSize + chunk);
    write_header(header, static_cast<std::uint32_t>(chunk), out);
    reader.read(out + kFrameHeaderSize, chunk);
    size_ += slice.bytes.size();
  } while (left > 0);
}

void Lane::append(const FrameHeader& header, Parts parts) {
  std::uint8_t* out = begin_frame(header, size_of(parts));
  for (const BytesView part : parts) {
    if (part.empty()) continue;
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
}

void Lane::append(PreparedMessage message) {
  if (!last_.empty()) close_last();
  for (Slice& slice : message.slices_) full_.push_back(std::move(slice));
  size_ += message.size_;
}

void Lane::close_last() {
  full_.push_back({std::exchange(last_, Gathered()), std::exchange(frames_in_last_, 0), false});
  if (spare_.empty()) return;
  last_ = std::move(spare_.back());
  spare_.pop_back();
}

void Lane::take(Slice& slice) noexcept {
  slice.bytes.clear(2 * kSliceSize);
  slice.inside_message = false;
  if (full_.empty()) {
    std::swap(slice.bytes, last_);
    slice.frames = std::exchange(frames_in_last_, 0);
  } else {
    keep(std::exchange(slice.bytes, std::move(full_.front().bytes)));
    slice.frames = full_.front().frames;
    slice.inside_message = full_.front().inside_message;
    full_.pop_front();
  }
  size_ -= slice.bytes.size();
}

void Lane::keep(Gathered memory) noexcept {
  if (spare_.size() < kKeptSlices && memory.has_memory()) spare_.push_back(std::move(memory));
}

void Lane::clear() noexcept {
  full_.clear();
  last_ = Gathered();
  frames_in_last_ = 0;
  spare_.clear();
  size_ = 0;
}

}  // namespace coerce::detail
