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
/// spent in queues and in the buffers of the network. For that it compares the difference of both
/// sides' clocks (which never jump) with the smallest one that it has seen: the smallest of the
/// last two rounds of pings, as clocks drift. Reader of the link only.
class TransitClock {
 public:
  /// Something that was sent then has come now.
  void observe(Duration sent_at, Duration received_at) noexcept;
  /// The same for a ping or pong, which a round counts.
  void observe_ping(Duration sent_at, Duration received_at) noexcept;
  Duration delay(Duration sent_at, Duration received_at) const noexcept;

 private:
  static constexpr unsigned kRound = 64;

  unsigned pings_ = 0;
  Duration smallest_ = Duration::max();  ///< of this round
  Duration before_ = Duration::max();    ///< of the last one
};

}  // namespace coerce::detail
