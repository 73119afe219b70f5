// What a peer does with the frames that come.

#include <exception>

#include <fmt/format.h>

#include <coerce/remote/refs.hpp>

#include "remote/errors.hpp"
#include "remote/peer_reading.hpp"

namespace coerce::detail {

// Two steps of every frame, so a part of handle_frames().

[[gnu::always_inline]] inline const char* Peer::handle_whole(Link& link, Reading& reading,
                                                             const Frame& frame,
                                                             bool by_control_lane) {
  if (by_control_lane) return handle_control(link, reading, frame);
  if (link.heard_goodbye()) return "a message after the goodbye";
  if (frame.header.kind == FrameKind::InOrder) [[unlikely]] {
    host_.take_in_order(*this, static_cast<InternalKind>(frame.header.type_id),
                        frame.header.request_id, frame.payload);
    return nullptr;
  }
  return reading.inbound.handle(frame, reading.transit, reading.now, link.began);
}

[[gnu::always_inline]] inline const char* Peer::handle(Link& link, Reading& reading,
                                                       const Frame& frame) {
  const bool by_control_lane = is_control(frame.header.kind) || is_hello(frame.header.kind);
  Reassembly& lane = by_control_lane ? reading.control : reading.user;
  if (lane.is_whole(frame, link.terms.max_frame)) [[likely]]
    return handle_whole(link, reading, frame, by_control_lane);
  Frame whole;
  switch (lane.add(frame, link.terms.max_frame, whole)) {
    case Reassembly::State::Partial:
      return nullptr;
    case Reassembly::State::Broken:
      return "a message that is too long, or chunks that do not belong together";
    case Reassembly::State::Whole:
      break;
  }
  return handle_whole(link, reading, whole, by_control_lane);
}

// Everything that is there, until the turn is over. False: the link has ended.
bool Peer::handle_frames(Link& link, Reading& reading) {
  reading.now = system_.clock().now();
  const DecodingScope scope(system_.core());
  std::uint64_t count = 0;
  const char* violation = nullptr;
  for (reading.left = Reading::kTurn; reading.left > 0 && !link.ended(); --reading.left) {
    Frame frame;
    const auto found = reading.frames.next(frame);
    if (found == FrameReader::Found::Nothing) break;
    if (found == FrameReader::Found::Broken) {
      violation = "what came is no frame";
      break;
    }
    ++count;
    if (const auto target = reading.frames.next_target()) reading.inbound.expect(*target);
    try {
      violation = handle(link, reading, frame);
    } catch (const std::exception& error) {
      link.end(error.what());
    } catch (...) {
      link.end("a message could not be taken: something was thrown");
    }
    if (violation != nullptr) break;
  }
  link.frames_read.fetch_add(count, std::memory_order_relaxed);
  link.received.set(reading.inbound.receipt());
  if (violation != nullptr) link.end(violation, Link::Fault::Hostile);
  end_if_overrun(link);
  return !link.ended();
}

const char* Peer::handle_control(Link& link, Reading& reading, const Frame& frame) {
  switch (frame.header.kind) {
    case FrameKind::Ping:
      return handle_ping(link, reading, frame.payload);
    case FrameKind::Pong:
      return handle_pong(link, reading, frame.payload);
    case FrameKind::Ask:
      handle_ask(frame);
      return nullptr;
    case FrameKind::Tell:
      host_.serve(shared_from_this(), static_cast<InternalKind>(frame.header.type_id),
                  Bytes(frame.payload.begin(), frame.payload.end()), std::nullopt);
      return nullptr;
    case FrameKind::Answer:
      if (const auto asked = requests_.take(frame.header.request_id)) finish(*asked, frame.payload);
      return nullptr;
    case FrameKind::AskFailed:
      if (const auto asked = requests_.take(frame.header.request_id)) {
        auto error = decode_message<ActorRefErr>(frame.payload);
        finish(*asked, error ? std::move(*error) : std::move(error).error());
      }
      return nullptr;
    case FrameKind::Goodbye:
      if (!read_goodbye(frame.payload)) return "a malformed goodbye";
      link.take_goodbye();
      return nullptr;
    case FrameKind::Challenge:
      return handle_challenge(link, frame.payload);
    case FrameKind::Proof:
      return handle_proof(link, frame.payload);
    default:
      return "a frame of a hello on a link that is up";
  }
}

const char* Peer::handle_ping(Link& link, Reading& reading, BytesView payload) {
  const auto ping = read_ping(payload);
  if (!ping) return "a malformed ping";
  if (!link.confirm(ping->receipt)) return "a ping that confirms what was not sent";
  reading.transit.observe(ping->sent_at, link.age(reading.now));
  link.received.set(reading.inbound.receipt());
  link.answer_ping(*ping, reading.now);
  return nullptr;
}

const char* Peer::handle_pong(Link& link, Reading& reading, BytesView payload) {
  const auto pong = read_pong(payload);
  if (!pong) return "a malformed pong";
  if (!link.confirm(pong->receipt)) return "a pong that confirms what was not sent";
  const Duration age = link.age(reading.now);
  const Duration round_trip = std::max(age - pong->ping_sent_at, Duration::zero());
  reading.transit.observe_answer(pong->received_at, age, round_trip);
  link.take_pong(*pong);
  host_.heard(*this, round_trip);
  return nullptr;
}

const char* Peer::handle_challenge(Link& link, BytesView payload) {
  const auto nonce = read_challenge(payload);
  if (!nonce) return "a malformed challenge";
  const TimePoint now = system_.clock().now();
  if (!link.proof->may_be_challenged(now)) return "challenges without end";
  auto proof = link.proof->answer(*nonce, system_.clock().wall_now());
  if (!proof)
    link.end(fmt::format("this node cannot prove itself again: {}", proof.error().detail()));
  else if (link.outbox->push_control(link.number, {.kind = FrameKind::Proof}, *proof,
                                     Outbox::Importance::Vital) == Queued::Full)
    link.end(kNoRoomForProof);
  return nullptr;
}

const char* Peer::handle_proof(Link& link, BytesView payload) {
  auto proven = link.proof->take(payload, system_.clock().wall_now());
  if (!proven)
    link.end(fmt::format("the peer has not proven itself again: {}", proven.error().detail()),
             Link::Fault::Hostile);
  return nullptr;
}

void Peer::handle_ask(const Frame& frame) {
  const std::uint64_t number = frame.header.request_id;
  if (asks_.fetch_add(1, std::memory_order_relaxed) >= options_.max_inbound_requests) {
    answer(number, coerce::unexpected(
                       ActorRefErr::Overloaded("the node answers as many questions as it may")));
    return;
  }
  host_.serve(shared_from_this(), static_cast<InternalKind>(frame.header.type_id),
              Bytes(frame.payload.begin(), frame.payload.end()), number);
}

}  // namespace coerce::detail
