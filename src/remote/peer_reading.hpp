/// \file
/// What the reader of a link keeps.

#pragma once

#include "remote/frame_reader.hpp"
#include "remote/inbound.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

inline constexpr std::string_view kNoRoomForProof =
    "the peer does not read, so there is no room for a proof or the question for one";

struct Peer::Reading {
  /// Frames until others have their turn.
  static constexpr unsigned kTurn = 1024;

  Reading(Peer& peer, Link& link)
      : inbound(peer.host_, peer.system_.core(), peer.node_, peer.requests_, link.outbox,
                link.number, peer.answering_, peer.options_) {}

  bool turn_is_over() const noexcept { return left == 0; }

  FrameReader frames;
  Reassembly user;
  Reassembly control;
  TransitClock transit;
  Inbound inbound;
  unsigned left = kTurn;
  bool is_caught_up = false;  ///< the latest read has brought all that had come
  TimePoint now{};            ///< when the bytes at hand came
};

}  // namespace coerce::detail
