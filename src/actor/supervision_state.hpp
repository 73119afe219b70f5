/// \file
/// How far the restart of an actor has got.

#pragma once

#include <exception>
#include <memory>

#include <coerce/actor/detail/cell.hpp>
#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/rng.hpp>

namespace coerce::detail {

/// Wakes a cell whose restart waits.
struct RestartTimer : TimerNode, Envelope {
  explicit RestartTimer(Cell& waiting) noexcept;

  Cell* cell;
  bool armed = false;  ///< for the present restart
  bool due = false;
};

/// Owner of the cell only.
struct Supervision {
  explicit Supervision(Cell& cell) noexcept;

  /// Counts one more restart. False: that would be one too many.
  bool allows_restart(TimePoint now) noexcept;
  /// How long the restart that was counted last waits.
  Duration delay(Rng& rng) const noexcept;

  /// What is to be done next.
  enum class Step : std::uint8_t { StopChildren, TellOld, Wait, Make, TellNew, Done };

  SupervisorStrategy strategy = SupervisorStrategy::stop();
  std::unique_ptr<ActorFactory> factory;  ///< null: it cannot be restarted
  SharedError error;                      ///< why it is being restarted
  Step step = Step::Done;
  bool children_told = false;
  unsigned restarts = 0;  ///< in the present window
  TimePoint window_began{};
  RestartTimer timer;
};

}  // namespace coerce::detail
