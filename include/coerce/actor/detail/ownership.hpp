/// \file
/// Actors that may act only for a time, which somebody prolongs.

#pragma once

#include <atomic>
#include <memory>

#include <coerce/actor/detail/cell.hpp>
#include <coerce/actor/epoch.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

/// The time of the clock; of the machine's own one that which goes on while the machine sleeps.
TimePoint time_of_owners(const Clock& clock) noexcept;

/// The right to act under an epoch. It ends at a moment that can be put off, and never comes back:
/// whoever looks after that moment has ended it. Thread-safe; must not outlive the clock.
class Ownership {
 public:
  /// \param until a moment of time_of_owners(clock)
  Ownership(Epoch epoch, const Clock& clock, TimePoint until) noexcept
      : epoch_(epoch), clock_(clock), until_(until.time_since_epoch().count()) {}

  Epoch epoch() const noexcept { return epoch_; }
  TimePoint until() const noexcept {
    return TimePoint(Duration(until_.load(std::memory_order_acquire)));
  }
  bool holds() noexcept { return move_end(TimePoint::min()); }
  /// False: it had ended. Never brings the end nearer.
  bool prolong(TimePoint until) noexcept { return move_end(until); }
  void end() noexcept { until_.store(kEnded, std::memory_order_release); }

 private:
  static constexpr Duration::rep kEnded = TimePoint::min().time_since_epoch().count();

  bool move_end(TimePoint until) noexcept;

  const Epoch epoch_;
  const Clock& clock_;
  std::atomic<Duration::rep> until_;
};

/// Before the cell's start. The actor has the ownership's epoch, as with `.owning(epoch)`. Once
/// the ownership has ended no further message is handled: the actor stops.
void give_ownership(Cell& cell, std::shared_ptr<Ownership> ownership);
bool owner_may_act(const Cell& cell) noexcept;
/// May the actor still act? True for one that was given no ownership.
inline bool may_act(const Cell& cell) noexcept {
  return cell.extras == nullptr || owner_may_act(cell);
}
/// The ownership has ended: asks the actor to stop, which says why.
void stop_former_owner(Cell& cell) noexcept;

}  // namespace coerce::detail
