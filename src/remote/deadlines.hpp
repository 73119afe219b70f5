/// \file
/// Deadlines that travel: the extension block of a message, and how long a message was on its way.

#pragma once

#include <cstdint>
#include <optional>

#include <coerce/codec/bytes.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

/// How long a request may still take, said at a moment of its sender's side of the link. Wall
/// clocks are never compared.
struct TravellingDeadline {
  Duration remaining{};
  Duration sent_at{};  ///< since the sender's side of the link began
};

/// What a message carries besides itself. On the wire: the length of the block (2 bytes), then
/// type (1), length (1) and value of each; unknown types are skipped.
struct MessageExtensions {
  std::optional<TravellingDeadline> deadline;
};

/// The block of a message with nothing but a deadline.
inline constexpr std::size_t kDeadlineBlock = 2 + 2 + 16;
void write_deadline_block(const TravellingDeadline& deadline, std::uint8_t* out) noexcept;

/// Takes the block from the front of `payload`; none: it is malformed.
std::optional<MessageExtensions> read_extensions(BytesView& payload) noexcept;

/// Says how much longer than the fastest message another one was on its way: the time that it has
/// spent in queues and in the buffers of the network. For that it compares the difference between
/// both sides' clocks at its arrival and at its sending with the smallest one that it has seen.
/// However long everything waits, that is not forgotten; a round trip, which one clock measures,
/// shows when it has become too small, as the clocks have drifted apart or the peer was suspended
/// (what NTP does too: RFC 5905, §8). Reader of the link only.
class TransitClock {
 public:
  /// Something that was sent then has come now.
  void observe(Duration sent_at, Duration received_at) noexcept;
  /// The same for an answer, whose question was sent `round_trip` ago.
  void observe_answer(Duration sent_at, Duration received_at, Duration round_trip) noexcept;
  Duration delay(Duration sent_at, Duration received_at) const noexcept;

 private:
  Duration smallest_ = Duration::max();
};

}  // namespace coerce::detail
