#include "remote/deadlines.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace coerce::detail {

namespace {

constexpr std::uint8_t kDeadlineType = 1;

using Micros = std::chrono::microseconds;
/// Three hundred years would not fit into our clocks.
constexpr std::uint64_t kLongest =
    static_cast<std::uint64_t>(std::chrono::duration_cast<Micros>(std::chrono::years(100)).count());

std::uint64_t to_wire(Duration duration) noexcept {
  const auto count = std::chrono::duration_cast<Micros>(duration).count();
  return count < 0 ? 0 : std::min(static_cast<std::uint64_t>(count), kLongest);
}

Duration from_wire(const std::uint8_t* in) noexcept {
  std::uint64_t count;
  std::memcpy(&count, in, sizeof(count));
  return Micros(static_cast<std::int64_t>(std::min(count, kLongest)));
}

}  // namespace

void write_deadline_block(const TravellingDeadline& deadline, std::uint8_t* out) noexcept {
  constexpr std::uint16_t kLength = kDeadlineBlock - 2;
  std::memcpy(out, &kLength, 2);
  out[2] = kDeadlineType;
  out[3] = 16;
  const std::uint64_t numbers[] = {to_wire(deadline.remaining), to_wire(deadline.sent_at)};
  std::memcpy(out + 4, numbers, 16);
}

std::optional<MessageExtensions> read_extensions(BytesView& payload) noexcept {
  if (payload.size() < 2) return std::nullopt;
  std::uint16_t length;
  std::memcpy(&length, payload.data(), 2);
  payload = payload.subspan(2);
  if (payload.size() < length) return std::nullopt;
  BytesView block = payload.first(length);
  payload = payload.subspan(length);

  MessageExtensions extensions;
  while (!block.empty()) {
    if (block.size() < 2 || block.size() - 2 < block[1]) return std::nullopt;
    const std::uint8_t type = block[0];
    const BytesView value = block.subspan(2, block[1]);
    block = block.subspan(2 + value.size());
    if (type != kDeadlineType) continue;
    if (value.size() != 16) return std::nullopt;
    extensions.deadline = TravellingDeadline{from_wire(value.data()), from_wire(value.data() + 8)};
  }
  return extensions;
}

void TransitClock::observe(Duration sent_at, Duration received_at) noexcept {
  smallest_ = std::min(smallest_, received_at - sent_at);
}

// The answer was on its way no longer than the round trip took. So a difference that is smaller by
// more than that is one which the clocks do not have any more.
void TransitClock::observe_answer(Duration sent_at, Duration received_at,
                                  Duration round_trip) noexcept {
  observe(sent_at, received_at);
  smallest_ = std::max(smallest_, received_at - sent_at - std::max(round_trip, Duration::zero()));
}

Duration TransitClock::delay(Duration sent_at, Duration received_at) const noexcept {
  if (smallest_ == Duration::max()) return Duration::zero();
  return std::max(received_at - sent_at - smallest_, Duration::zero());
}

}  // namespace coerce::detail
