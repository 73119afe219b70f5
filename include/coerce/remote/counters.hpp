/// \file
/// What went over the network, counted.

#pragma once

#include <cstdint>
#include <type_traits>

namespace coerce {

/// Of all links of a node, or of those with one other. Users' frames only, where it says messages.
///
/// Once a link has drained: sent = delivered (at the peer) + refused (by the peer) + dead_letters +
/// unconfirmed, and after a clean drain unconfirmed is 0.
struct NetworkCounters {
  std::uint64_t bytes_sent = 0;  ///< written as a whole: not what a link that died was writing
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_sent = 0;  ///< the same
  std::uint64_t frames_received = 0;
  std::uint64_t messages_sent = 0;  ///< accepted from local senders
  std::uint64_t messages_received = 0;
  std::uint64_t messages_delivered = 0;  ///< received, and taken by an actor here
  std::uint64_t messages_refused = 0;  ///< received, and not taken: no such actor, full, expired, …
  std::uint64_t dead_letters = 0;      ///< sent, and never begun to be written
  std::uint64_t unconfirmed = 0;     ///< written to links that ended before the peer confirmed them
  std::uint64_t peer_delivered = 0;  ///< of those sent: what the peer says
  std::uint64_t peer_refused = 0;
  std::uint64_t queue_bytes = 0;   ///< waiting to be written just now
  std::uint64_t links_opened = 0;  ///< the first and every later one
  std::uint64_t links_ended = 0;
};
static_assert(std::is_trivially_destructible_v<NetworkCounters>);

}  // namespace coerce
