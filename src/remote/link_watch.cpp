#include "remote/link_watch.hpp"

#include <algorithm>

#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

namespace {
/// A look that comes so much too late means that this node stood still, not the peer.
constexpr Duration kStoodStill = std::chrono::milliseconds(500);
}  // namespace

LinkWatch::LinkWatch(const PeerOptions& options, TimePoint began) noexcept
    : options_(options),
      next_ping_(later(began, options.ping_interval)),
      heard_(began),
      progressed_(began) {
  plan({}, began);
}

LinkWatch::Advice LinkWatch::look(const Sight& sight, TimePoint now) noexcept {
  if (const Duration late = now - next_; late > kStoodStill) {
    heard_ = std::min(now, heard_ + late);
    progressed_ = std::min(now, progressed_ + late);
  }
  if (sight.bytes_read != read_) heard_ = now;
  if (sight.bytes_taken != taken_) progressed_ = now;
  read_ = sight.bytes_read;
  taken_ = sight.bytes_taken;

  Advice advice;
  if (now - heard_ >= options_.silence_deadline) advice.give_up = "the peer is silent";
  if (now - progressed(sight) >= options_.write_deadline) advice.give_up = "the peer reads nothing";
  advice.ping = now >= next_ping_;
  if (advice.ping) next_ping_ = later(now, options_.ping_interval);
  plan(sight, now);
  return advice;
}

/// When the peer took something last, or needed to take nothing.
TimePoint LinkWatch::progressed(const Sight& sight) const noexcept {
  return std::max(progressed_, sight.writing_since);
}

void LinkWatch::plan(const Sight& sight, TimePoint now) noexcept {
  next_ = std::min(next_ping_, later(heard_, options_.silence_deadline));
  // A write that begins after this look is due then at the earliest.
  next_ = std::min(next_, later(std::min(progressed(sight), now), options_.write_deadline));
}

}  // namespace coerce::detail
