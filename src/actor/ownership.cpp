#include <coerce/actor/detail/ownership.hpp>

#include <algorithm>

#include <coerce/runtime/boot_clock.hpp>

#include "actor/cell_extras.hpp"

namespace coerce::detail {

// A lease goes on while the machine sleeps, so its holder must not take that time for none. The
// clocks of tests have no other time than their own.
TimePoint time_of_owners(const Clock& clock) noexcept {
  if (dynamic_cast<const SystemClock*>(&clock) == nullptr) return clock.now();
  static const SystemBootClock machine;
  return TimePoint(machine.now().since_boot);
}

bool Ownership::move_end(TimePoint until) noexcept {
  const Duration::rep wanted = until.time_since_epoch().count();
  Duration::rep end = until_.load(std::memory_order_acquire);
  for (;;) {
    if (end == kEnded) return false;
    const bool is_over = time_of_owners(clock_).time_since_epoch().count() >= end;
    if (!is_over && wanted <= end) return true;
    if (until_.compare_exchange_weak(end, is_over ? kEnded : wanted, std::memory_order_acq_rel))
      return !is_over;
  }
}

// Only cells that look before each message are slower for it.
void give_ownership(Cell& cell, std::shared_ptr<Ownership> ownership) {
  give_epoch(cell, ownership->epoch());
  cell.more().ownership = std::move(ownership);
  cell.run = &Cell::run_cell<Counts::Handled>;
}

bool owner_may_act(const Cell& cell) noexcept {
  return cell.extras->ownership == nullptr || cell.extras->ownership->holds();
}

void stop_former_owner(Cell& cell) noexcept {
  cell.request_stop(StopReasonKind::Failed, "it is no owner any more");
}

}  // namespace coerce::detail
