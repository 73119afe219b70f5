#include "testkit/network/stream.hpp"

#include <algorithm>

namespace coerce::testkit::detail {

Task<bool> Bell::wait() {
  const auto event = std::make_shared<coerce::detail::AsyncEvent>();
  event_ = event;
  const bool rung = co_await event->wait();
  co_return rung;
}

void Bell::ring() {
  if (const auto event = std::move(event_)) event->set();
}

void Inbox::add(BytesView more) {
  if (read_ > bytes_.size() / 2) {  // keeps the memory within twice of what is unread
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
    read_ = 0;
  }
  bytes_.insert(bytes_.end(), more.begin(), more.end());
}

void Inbox::take(std::span<std::uint8_t> into) {
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(read_), into.size(), into.begin());
  read_ += into.size();
  if (read_ == bytes_.size()) drop();
}

void Inbox::drop() noexcept {
  bytes_.clear();
  read_ = 0;
}

std::size_t Pipe::bytes_in_flight() const noexcept {
  std::size_t bytes = 0;
  for (const Segment& segment : flight) bytes += segment.bytes.size();
  return bytes;
}

}  // namespace coerce::testkit::detail
