// What is on its way, and who hears of it. See dialling.cpp for how streams begin, and weather.cpp
// for what befalls them.

#include "testkit/network/world.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace coerce::testkit::detail {

namespace {
constexpr std::size_t kMostNodes = 250;
constexpr std::size_t kMostDrawn = 16;  ///< of the events that are due, the oldest
constexpr std::size_t kMostPieces = 4;  ///< of what is sent at once

Duration time_of(std::size_t bytes, std::uint64_t bytes_per_second) {
  const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}
}  // namespace

NetworkWorld::NetworkWorld(const NetworkOptions& options, std::size_t nodes, std::uint64_t seed,
                           const Clock& clock)
    : options_(options), clock_(clock), rng_(seed), hosts_(nodes + 1) {
  if (nodes == 0 || nodes > kMostNodes)
    throw std::invalid_argument(fmt::format("nodes: 1 to {}", kMostNodes));
  if (options.min_delay < Duration::zero() || options.max_delay < options.min_delay)
    throw std::invalid_argument("min_delay, max_delay: 0 <= min_delay <= max_delay");
  if (options.window == 0) throw std::invalid_argument("window: must not be 0");
  if (options.backlog == 0) throw std::invalid_argument("backlog: must not be 0");
  paths_.resize(hosts_.size() * hosts_.size());
}

NetworkWorld::Path& NetworkWorld::path(NodeId from, NodeId to) {
  return paths_.at(static_cast<std::size_t>(from) * hosts_.size() + static_cast<std::size_t>(to));
}

/// Does what is sent now this way arrive?
bool NetworkWorld::is_open(NodeId from, NodeId to) {
  const Path& way = path(from, to);
  return !way.is_parted && !way.is_stalled && hosts_[static_cast<std::size_t>(to)].is_up;
}

Duration NetworkWorld::delay() {
  const Duration::rep span = (options_.max_delay - options_.min_delay).count();
  return options_.min_delay +
         Duration(static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(span) + 1)));
}

void NetworkWorld::note(const std::string& line) const {
  if (trace_ != nullptr) trace_->add("network: " + line);
}

bool NetworkWorld::step() {
  std::size_t due = 0;
  for (auto event = events_.begin();
       event != events_.end() && event->first <= now() && due < kMostDrawn; ++event)
    ++due;
  if (due == 0) return false;
  auto drawn = events_.begin();
  if (due > 1) std::advance(drawn, rng_.below(due));
  const Event event = std::move(drawn->second);
  events_.erase(drawn);
  event();
  return true;
}

std::optional<TimePoint> NetworkWorld::next_moment() const {
  if (events_.empty()) return std::nullopt;
  return events_.begin()->first;
}

std::size_t NetworkWorld::buffered() const {
  std::size_t bytes = 0;
  for (const auto& weak : streams_)
    if (const auto stream = weak.lock())
      for (const Pipe& pipe : stream->pipes) bytes += pipe.bytes_in_flight() + pipe.inbox.size();
  return bytes;
}

std::vector<std::shared_ptr<Stream>> NetworkWorld::live_streams() {
  std::erase_if(streams_, [](const std::weak_ptr<Stream>& stream) { return stream.expired(); });
  std::vector<std::shared_ptr<Stream>> live;
  for (const auto& weak : streams_)
    if (auto stream = weak.lock()) live.push_back(std::move(stream));
  return live;
}

// ---- sending ------------------------------------------------------------------------------------

std::size_t NetworkWorld::room(const Stream& stream, std::size_t end) const noexcept {
  return options_.window - std::min(options_.window, stream.pipes[end].used);
}

void NetworkWorld::send(const std::shared_ptr<Stream>& stream, std::size_t end, BytesView bytes) {
  stream->pipes[end].used += bytes.size();
  // Mostly in one piece; but whoever relies on that is found out.
  std::size_t cuts = rng_.below(4) == 0 ? 1 + rng_.below(kMostPieces - 1) : 0;
  for (; cuts != 0 && bytes.size() > 1; --cuts) {
    const std::size_t size = 1 + rng_.below(bytes.size() - 1);
    launch(stream, end, Segment::Kind::Data, bytes.first(size));
    bytes = bytes.subspan(size);
  }
  launch(stream, end, Segment::Kind::Data, bytes);
}

void NetworkWorld::launch(const std::shared_ptr<Stream>& stream, std::size_t pipe,
                          Segment::Kind kind, BytesView bytes) {
  Pipe& way = stream->pipes[pipe];
  if (way.is_dead) return;
  const std::uint64_t rate =
      path(stream->ends[pipe].node, stream->ends[1 - pipe].node).bytes_per_second;
  TimePoint arrives = now() + delay();
  if (rate != 0)
    arrives = std::max(arrives, std::max(way.last_arrival, now()) + time_of(bytes.size(), rate));
  way.last_arrival = std::max(way.last_arrival, arrives);
  way.flight.push_back({kind, way.last_arrival, Bytes(bytes.begin(), bytes.end())});
  schedule_arrival(stream, pipe);
}

void NetworkWorld::schedule_arrival(const std::shared_ptr<Stream>& stream, std::size_t pipe) {
  Pipe& way = stream->pipes[pipe];
  if (way.is_scheduled || way.is_held || way.flight.empty()) return;
  way.is_scheduled = true;
  at(std::max(way.flight.front().arrives, now()), [this, stream, pipe] {
    stream->pipes[pipe].is_scheduled = false;
    arrive(stream, pipe);
  });
}

void NetworkWorld::arrive(const std::shared_ptr<Stream>& stream, std::size_t pipe) {
  Pipe& way = stream->pipes[pipe];
  if (way.flight.empty()) return;  // it was cut meanwhile
  const NodeId from = stream->ends[pipe].node;
  const NodeId to = stream->ends[1 - pipe].node;
  if (path(from, to).is_refusing) {
    way.is_dead = true;
    way.flight.clear();
    break_end(*stream, pipe, false);
    return;
  }
  if (!is_open(from, to)) return hold(way.is_held);
  Segment segment = std::move(way.flight.front());
  way.flight.pop_front();
  take_in(stream, pipe, std::move(segment));
  schedule_arrival(stream, pipe);
}

void NetworkWorld::take_in(const std::shared_ptr<Stream>& stream, std::size_t pipe,
                           Segment segment) {
  End& receiver = stream->ends[1 - pipe];
  Pipe& way = stream->pipes[pipe];
  if (trace_ != nullptr) {
    constexpr const char* kWords[] = {"bytes", "the end", "a reset"};
    const std::string size = segment.bytes.empty() ? "" : fmt::format("{} ", segment.bytes.size());
    note(fmt::format("{} -> {} [{}]: {}{}", stream->ends[pipe].node, receiver.node, stream->number,
                     size, kWords[static_cast<std::size_t>(segment.kind)]));
  }
  if (receiver.is_closed || receiver.is_gone) {
    if (segment.kind != Segment::Kind::Data) return;
    // Nobody is there: the sender's machine is told so.
    way.is_dead = true;
    way.flight.clear();
    after(delay(), [this, stream, pipe] { break_end(*stream, pipe, false); });
    return;
  }
  switch (segment.kind) {
    case Segment::Kind::Data:
      if (receiver.is_broken) return;
      way.inbox.add(segment.bytes);
      receiver.reader.ring();
      return;
    case Segment::Kind::Fin:
      receiver.peer_ended = true;
      receiver.reader.ring();
      return;
    case Segment::Kind::Reset:
      break_end(*stream, 1 - pipe, rng_.below(2) == 0);
      return;
  }
}

void NetworkWorld::break_end(Stream& stream, std::size_t end, bool forget_unread) {
  End& victim = stream.ends[end];
  if (victim.is_broken) return;
  if (trace_ != nullptr) note(fmt::format("{} learns that [{}] broke", victim.node, stream.number));
  victim.is_broken = true;
  if (forget_unread) stream.pipes[1 - end].inbox.drop();
  victim.ring();
}

// ---- reading ------------------------------------------------------------------------------------

void NetworkWorld::give_credit(const std::shared_ptr<Stream>& stream, std::size_t end,
                               std::size_t bytes) {
  stream->pipes[1 - end].credit += bytes;
  schedule_credit(stream, 1 - end);
}

void NetworkWorld::schedule_credit(const std::shared_ptr<Stream>& stream, std::size_t pipe) {
  Pipe& way = stream->pipes[pipe];
  if (way.is_credit_scheduled || way.is_credit_held || way.credit == 0) return;
  way.is_credit_scheduled = true;
  after(delay(), [this, stream, pipe] {
    Pipe& read = stream->pipes[pipe];
    read.is_credit_scheduled = false;
    if (read.is_dead) return;
    if (!is_open(stream->ends[1 - pipe].node, stream->ends[pipe].node))
      return hold(read.is_credit_held);
    read.used -= std::exchange(read.credit, 0);
    stream->ends[pipe].writer.ring();
  });
}

void NetworkWorld::close(const std::shared_ptr<Stream>& stream, std::size_t end) {
  End& self = stream->ends[end];
  if (self.is_closed) return;
  self.is_closed = true;
  self.ring();
  if (!self.is_gone && !self.is_broken) launch(stream, end, Segment::Kind::Fin, {});
}

}  // namespace coerce::testkit::detail
