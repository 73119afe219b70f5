#include <coerce/actor/scheduled_notify.hpp>

#include "actor/message_facts.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

Scheduled::Scheduled(Cell& cell, Envelope& envelope, void (*destroy)(Envelope&) noexcept) noexcept
    : Timed(*cell.system), cell_(CellRef::share(cell)), envelope_(&envelope), destroy_(destroy) {}

Scheduled& Scheduled::start(Cell& cell, Envelope& envelope, void (*destroy)(Envelope&) noexcept,
                            Duration delay) {
  auto& scheduled = *new Scheduled(cell, envelope, destroy);
  Timekeeper& keeper = cell.system->timekeeper();
  const Kept kept = delay > Duration::zero() ? keeper.keep(scheduled) : Kept::Closed;
  if (kept == Kept::Full) {
    scheduled.refuse();
    return scheduled;
  }
  const bool later = kept == Kept::Yes && keeper.arm_after(scheduled, delay);
  if (!later && scheduled.settle()) scheduled.deliver();
  return scheduled;
}

void Scheduled::refuse() noexcept {
  if (!settle()) return;
  system->note_refused_timer(*cell_, name_of(*envelope_, *cell_));
  reject();
}

bool Scheduled::cancel() noexcept {
  if (!settle()) return false;
  if (system->timekeeper().remove(*this)) release();
  destroy_(*envelope_);
  free_envelope(thread_state(), *envelope_);
  cell_ = CellRef();
  return true;
}

void Scheduled::due() noexcept {
  system->timekeeper().remove(*this);
  if (settle()) deliver();
  release();
}

void Scheduled::forgotten() noexcept {
  if (settle()) reject();
  release();
}

void Scheduled::deliver() noexcept {
  if (cell_->push(thread_state(), *envelope_) != Pushed::Taken) return reject();
  cell_ = CellRef();
}

void Scheduled::reject() noexcept {
  envelope_->op(*envelope_, *cell_, Op::Reject, nullptr);
  free_envelope(thread_state(), *envelope_);
  cell_ = CellRef();
}

}  // namespace coerce::detail
