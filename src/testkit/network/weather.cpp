// What befalls nodes and the paths between them.

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "testkit/network/world.hpp"

namespace coerce::testkit {

Happenings& Happenings::operator+=(const Happenings& other) noexcept {
  cuts += other.cuts;
  cut_streams += other.cut_streams;
  cut_bytes += other.cut_bytes;
  partitions += other.partitions;
  stalls += other.stalls;
  slow_paths += other.slow_paths;
  held += other.held;
  crashes += other.crashes;
  crashes_in_flight += other.crashes_in_flight;
  restarts += other.restarts;
  pauses += other.pauses;
  refused_connects += other.refused_connects;
  streams += other.streams;
  return *this;
}

namespace detail {

namespace {
constexpr Duration kLate = std::chrono::minutes(1);
}

// ---- paths --------------------------------------------------------------------------------------

void NetworkWorld::partition(const std::vector<NodeId>& side, const std::vector<NodeId>& others,
                             PartitionKind kind) {
  ++happened_.partitions;
  note(fmt::format("{} and {} are parted", side, others));
  for (const NodeId one : side)
    for (const NodeId other : others)
      for (Path* way : {&path(one, other), &path(other, one)}) {
        if (kind == PartitionKind::Refused)
          way->is_refusing = true;
        else
          way->is_parted = true;
      }
}

void NetworkWorld::stall(NodeId from, NodeId to) {
  ++happened_.stalls;
  note(fmt::format("{} -> {} stalls", from, to));
  path(from, to).is_stalled = true;
}

void NetworkWorld::slow(NodeId from, NodeId to, std::uint64_t bytes_per_second) {
  if (bytes_per_second == 0) throw std::invalid_argument("bytes_per_second: must not be 0");
  ++happened_.slow_paths;
  note(fmt::format("{} -> {} carries {} bytes a second", from, to, bytes_per_second));
  path(from, to).bytes_per_second = bytes_per_second;
}

void NetworkWorld::heal() {
  note("healed");
  for (Path& way : paths_) way = Path();
  let_go();
}

void NetworkWorld::hold(bool& is_held) {
  is_held = true;
  ++happened_.held;
}

/// What was held goes on, if its path is open now.
void NetworkWorld::let_go() {
  for (const auto& stream : live_streams())
    for (std::size_t i = 0; i < stream->pipes.size(); ++i) {
      Pipe& way = stream->pipes[i];
      const NodeId from = stream->ends[i].node;
      const NodeId to = stream->ends[1 - i].node;
      if (way.is_held && is_open(from, to)) {
        way.is_held = false;
        if (!way.flight.empty())
          way.flight.front().arrives = std::max(way.flight.front().arrives, now() + delay());
        schedule_arrival(stream, i);
      }
      if (way.is_credit_held && is_open(to, from)) {
        way.is_credit_held = false;
        schedule_credit(stream, i);
      }
    }
}

// ---- streams ------------------------------------------------------------------------------------

/// Of what is on its way a drawn prefix arrives, and nothing that is sent later.
void NetworkWorld::lose_tail(Stream& stream, std::size_t pipe, bool all_may_arrive) {
  Pipe& way = stream.pipes[pipe];
  if (way.is_dead) return;
  way.is_dead = true;
  const std::size_t bytes = way.bytes_in_flight();
  if (all_may_arrive && rng_.below(2) == 0) return;
  std::size_t left = rng_.below(bytes + 1);
  happened_.cut_bytes += bytes - left;
  for (auto segment = way.flight.begin(); segment != way.flight.end(); ++segment) {
    if (segment->bytes.size() <= left && segment->kind == Segment::Kind::Data) {
      left -= segment->bytes.size();
      continue;
    }
    segment->bytes.resize(left);
    if (left != 0) ++segment;
    way.flight.erase(segment, way.flight.end());
    break;
  }
}

void NetworkWorld::cut(NodeId a, NodeId b, Notice notice) {
  ++happened_.cuts;
  note(fmt::format("{} and {} are cut", a, b));
  for (const auto& stream : live_streams()) {
    const NodeId one = stream->ends[0].node;
    const NodeId other = stream->ends[1].node;
    if (!((one == a && other == b) || (one == b && other == a))) continue;
    if (stream->pipes[0].is_dead && stream->pipes[1].is_dead) continue;
    ++happened_.cut_streams;
    for (std::size_t i = 0; i < stream->pipes.size(); ++i) lose_tail(*stream, i, true);
    tell_of_death(stream, notice);
  }
}

void NetworkWorld::tell_of_death(const std::shared_ptr<Stream>& stream, Notice notice) {
  if (notice == Notice::Drawn) notice = static_cast<Notice>(1 + rng_.below(3));
  const std::size_t only = rng_.below(2);
  for (std::size_t end = 0; end < stream->ends.size(); ++end) {
    if (notice == Notice::OneSide && end != only) continue;
    Duration wait = delay();
    if (notice == Notice::Late)
      wait += Duration(
          static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(kLate.count()))));
    // Behind what still arrives there.
    const TimePoint last = stream->pipes[1 - end].flight.empty()
                               ? now()
                               : stream->pipes[1 - end].flight.back().arrives;
    at(std::max(now() + wait, last), [this, stream, end] { break_end(*stream, end, false); });
  }
}

// ---- nodes --------------------------------------------------------------------------------------

void NetworkWorld::crash(NodeId node, CrashKind kind) {
  ++happened_.crashes;
  note(fmt::format("{} crashes", node));
  Host& host = hosts_.at(static_cast<std::size_t>(node));
  host.port->is_cut_off = true;
  host.is_up = kind == CrashKind::Process;
  bool is_in_flight = false;
  for (const auto& stream : live_streams())
    for (std::size_t end = 0; end < stream->ends.size(); ++end) {
      if (stream->ends[end].node != node || stream->ends[end].is_gone) continue;
      is_in_flight = is_in_flight || stream->pipes[end].bytes_in_flight() != 0;
      crash_end(stream, end, kind);
    }
  if (is_in_flight) ++happened_.crashes_in_flight;
  for (const auto& weak : std::vector(attempts_))
    if (const auto attempt = weak.lock(); attempt && attempt->port == host.port)
      answer(weak, TransportErrKind::Unreachable, "the node is cut off from the network");
  std::vector<std::shared_ptr<Listening>> listened;
  for (const auto& [address, weak] : listeners_)
    if (auto listening = weak.lock(); listening && listening->port == host.port)
      listened.push_back(std::move(listening));
  for (const auto& listening : listened) unlisten(*listening);
}

void NetworkWorld::crash_end(const std::shared_ptr<Stream>& stream, std::size_t end,
                             CrashKind kind) {
  End& self = stream->ends[end];
  if (!self.is_closed && !stream->pipes[end].is_dead) {
    lose_tail(*stream, end, kind == CrashKind::Process);
    if (kind == CrashKind::Process) {
      stream->pipes[end].is_dead = false;
      launch(stream, end, rng_.below(2) == 0 ? Segment::Kind::Fin : Segment::Kind::Reset, {});
      stream->pipes[end].is_dead = true;
    }
  }
  self.is_gone = true;
  self.ring();
}

}  // namespace detail

}  // namespace coerce::testkit
