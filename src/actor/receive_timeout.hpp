/// \file
/// Notices that an actor has handled no message for a while.

#pragma once

#include <coerce/actor/detail/cell.hpp>
#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

/// Owner of the cell only, except for the timer. It is not armed anew with each message: when it
/// fires, it asks when the last one was handled.
class InactivityTimer : TimerNode, Envelope {
 public:
  explicit InactivityTimer(Cell& cell) noexcept;

  void start(Duration period) noexcept;
  void cancel() noexcept;
  /// Before a ReceiveTimeout is handled. False: it is not wanted any more.
  bool begin() noexcept;
  /// A message has been handled, perhaps the ReceiveTimeout.
  void note_handled(std::uint32_t clock_ms, bool is_timeout) noexcept;

 private:
  static bool looked_at(Envelope& envelope, Unit& unit, Op op, void*);
  void arm() noexcept;
  void look() noexcept;

  Cell* cell_;
  Duration period_{};  ///< zero: cancelled
  std::uint32_t last_ms_ = 0;
  std::uint32_t handled_ = 0;
  std::uint32_t handled_when_queued_ = 0;
  bool pending_ = false;  ///< armed, on its way to the owner, or a ReceiveTimeout is in the mailbox
  bool is_handled_ = false;
};

}  // namespace coerce::detail
