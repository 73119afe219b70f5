/// \file
/// The limits of the link to a peer.

#pragma once

#include <chrono>
#include <cstddef>
#include <type_traits>

#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

struct PeerOptions {
  Duration request_timeout = std::chrono::seconds(5);  ///< of a request without a deadline
  std::size_t high_water = 1u << 20;             ///< bytes that wait for a link; more: Overloaded
  std::size_t low_water = 256u << 10;            ///< from there on there is room again
  std::size_t control_reserve = 256u << 10;      ///< the same for the control lane
  std::size_t max_names = 64 * 1024;             ///< that this side interns; then inline
  std::size_t max_requests = 1'000'000;          ///< that wait for an answer; more: Overloaded
  std::size_t max_inbound_requests = 64 * 1024;  ///< being answered; more: Overloaded
  Duration ping_interval = std::chrono::milliseconds(500);
  Duration write_deadline = std::chrono::seconds(10);  ///< no progress for so long: the link ends
  Duration silence_deadline = std::chrono::milliseconds(3750);  ///< nothing comes: the same
};
static_assert(std::is_trivially_destructible_v<PeerOptions>);

/// Answers may wait beyond the high water mark, so many times of it: they cannot be refused as
/// their requests could. Beyond that the asker gets Overloaded instead, up to the room of errors;
/// who leaves that unread too is cut off.
inline constexpr std::size_t kReplyRoom = 16;
inline constexpr std::size_t kErrorRoom = 2 * kReplyRoom;

}  // namespace coerce::detail
