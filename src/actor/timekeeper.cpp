#include "actor/timekeeper.hpp"

#include <mutex>

#include "actor/system_core.hpp"

namespace coerce::detail {

void Timed::fired(TimerNode& node) noexcept {
  auto& self = static_cast<Timed&>(node);
  self.system->timekeeper().fired(self);
}

Kept Timekeeper::keep(Timed& timed) noexcept {
  const std::lock_guard guard(lock_);
  if (closed_) return Kept::Closed;
  if (count_ >= limit_) return Kept::Full;
  ++count_;
  timed.next_kept = first_;
  timed.previous_kept = &first_;
  if (first_ != nullptr) first_->previous_kept = &timed.next_kept;
  first_ = &timed;
  return Kept::Yes;
}

void Timekeeper::unlink(Timed& timed) noexcept {
  *timed.previous_kept = timed.next_kept;
  if (timed.next_kept != nullptr) timed.next_kept->previous_kept = timed.previous_kept;
  timed.previous_kept = nullptr;
  --count_;
}

bool Timekeeper::arm(Timed& timed, TimePoint deadline) noexcept {
  const std::lock_guard guard(lock_);
  if (timed.previous_kept == nullptr) return false;
  timed.retain();
  arm_timer(*scheduler_, timed, deadline);
  return true;
}

bool Timekeeper::arm_after(Timed& timed, Duration delay) noexcept {
  const std::lock_guard guard(lock_);
  if (timed.previous_kept == nullptr) return false;
  timed.retain();
  arm_timer(*scheduler_, timed, later(now(*scheduler_), delay));
  return true;
}

bool Timekeeper::remove(Timed& timed) noexcept {
  const std::lock_guard guard(lock_);
  if (timed.previous_kept == nullptr) return false;
  unlink(timed);
  return cancel_timer(*scheduler_, timed);
}

void Timekeeper::close() noexcept {
  Timed* cancelled = nullptr;
  {
    const std::lock_guard guard(lock_);
    closed_ = true;
    while (Timed* timed = first_) {
      unlink(*timed);
      if (!cancel_timer(*scheduler_, *timed)) continue;  // due, or not armed
      timed->next_due = cancelled;
      cancelled = timed;
    }
  }
  while (cancelled != nullptr) {
    Timed* timed = cancelled;
    cancelled = timed->next_due;
    timed->forgotten();
  }
}

// ---- what is due ------------------------------------------------------------------------------

void Timekeeper::fired(Timed& timed) noexcept {
  Timed* first = due_.load(std::memory_order_relaxed);
  do {
    timed.next_due = first;
  } while (!due_.compare_exchange_weak(first, &timed, std::memory_order_seq_cst,
                                       std::memory_order_relaxed));
  queue();
}

// Either we find the turn queued, then it will see what was pushed before; or we queue it.
void Timekeeper::queue() noexcept {
  if (!queued_.exchange(true, std::memory_order_seq_cst))
    submit(thread_state(), *scheduler_, *this);
}

Timed* Timekeeper::take_due() noexcept {
  if (taken_ == nullptr) {
    for (Timed* timed = due_.exchange(nullptr, std::memory_order_seq_cst); timed != nullptr;) {
      Timed* older = timed->next_due;
      timed->next_due = taken_;
      taken_ = timed;
      timed = older;
    }
  }
  Timed* oldest = taken_;
  if (oldest != nullptr) taken_ = oldest->next_due;
  return oldest;
}

void Timekeeper::run_due(Runnable& runnable, ThreadState&) {
  auto& self = static_cast<Timekeeper&>(runnable);
  for (int done = 0; done < kDuePerTurn; ++done) {
    Timed* timed = self.take_due();
    if (timed == nullptr) break;
    timed->due();
  }
  const bool more = self.taken_ != nullptr;  // from the next line on another turn may run
  self.queued_.store(false, std::memory_order_seq_cst);
  if (more || self.due_.load(std::memory_order_seq_cst) != nullptr) self.queue();
}

void Timekeeper::forget_due() noexcept {
  while (Timed* timed = take_due()) timed->forgotten();
}

}  // namespace coerce::detail
