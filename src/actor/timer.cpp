#include <coerce/actor/timer.hpp>

#include <stdexcept>

#include "actor/message_facts.hpp"
#include "actor/system_core.hpp"

namespace coerce::detail {

Ticking::Ticking(Cell& cell, ReplyEnvelope& envelope, Duration period, TimerMode mode)
    : Timed(*cell.system), cell_(&cell), envelope_(&envelope), period_(period), mode_(mode) {
  if (period <= Duration::zero()) throw std::invalid_argument("period: must be above zero");
  cell.retain_memory();
}

void Ticking::start(bool immediately) noexcept {
  Timekeeper& keeper = system->timekeeper();
  if (const Kept kept = keeper.keep(*this); kept != Kept::Yes) {
    state_.fetch_or(kStopped, std::memory_order_acq_rel);
    if (kept == Kept::Full) refused();
    return;
  }
  due_at_ = later(now(scheduler_of(*system)), period_);
  const bool delivered = immediately && deliver();
  if (mode_ == TimerMode::FixedRate || !delivered) keeper.arm(*this, due_at_);
}

void Ticking::refused() noexcept {
  const std::string_view message_type = name_of(*envelope_, *cell_);
  count_dead_letter(*cell_, message_type);
  system->note_refused_timer(*cell_, message_type);
}

bool Ticking::stop() noexcept {
  if ((state_.fetch_or(kStopped, std::memory_order_acq_rel) & kStopped) != 0) return false;
  if (system->timekeeper().remove(*this)) release();
  return true;
}

void Ticking::due() noexcept {
  Timekeeper& keeper = system->timekeeper();
  const bool delivered = deliver();
  if (mode_ == TimerMode::AfterHandled) {
    if (!delivered) keeper.arm_after(*this, period_);
  } else {
    due_at_ = later(due_at_, period_);
    const TimePoint time = now(scheduler_of(*system));
    if (due_at_ <= time) {
      const auto missed = (time - due_at_) / period_ + 1;
      count_skipped(static_cast<std::uint64_t>(missed));
      due_at_ += missed * period_;
    }
    keeper.arm(*this, due_at_);
  }
  release();
}

void Ticking::forgotten() noexcept {
  state_.fetch_or(kStopped, std::memory_order_acq_rel);
  release();
}

// True: the tick is in the mailbox, and left() will be called.
bool Ticking::deliver() noexcept {
  std::uint8_t state = state_.load(std::memory_order_acquire);
  bool waits_for_last;
  do {
    if ((state & kStopped) != 0) return false;
    if ((state & (kWaiting | kAgain)) != 0) return count_skipped(), false;
    waits_for_last = (state & kHandled) != 0;
  } while (!state_.compare_exchange_weak(
      state, static_cast<std::uint8_t>(state | (waits_for_last ? kAgain : kWaiting)),
      std::memory_order_acq_rel, std::memory_order_acquire));
  return waits_for_last || push();
}

bool Ticking::push() noexcept {
  retain();
  const Pushed pushed = cell_->push(thread_state(), *envelope_);
  if (pushed == Pushed::Taken) return true;
  state_.fetch_and(static_cast<std::uint8_t>(~kWaiting), std::memory_order_acq_rel);
  if (pushed == Pushed::Full)
    count_skipped();
  else
    stop();
  release();
  return false;
}

// The same word decides between this and stop(): one of them comes first.
bool Ticking::begin() noexcept {
  std::uint8_t state = state_.load(std::memory_order_acquire);
  do {
    if ((state & kStopped) != 0) return false;
  } while (!state_.compare_exchange_weak(state, kHandled, std::memory_order_acq_rel,
                                         std::memory_order_acquire));
  return true;
}

void Ticking::turned_away(Op op) noexcept {
  if (op == Op::Drop)
    count_skipped();
  else
    stop();
}

void Ticking::left() noexcept {
  const std::uint8_t state = state_.fetch_and(kStopped, std::memory_order_acq_rel);
  if ((state & kStopped) == 0) {
    if (mode_ == TimerMode::AfterHandled)
      system->timekeeper().arm_after(*this, period_);
    else if ((state & kAgain) != 0)
      deliver();
  }
  release();
}

}  // namespace coerce::detail
