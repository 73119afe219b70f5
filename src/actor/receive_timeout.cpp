#include "actor/receive_timeout.hpp"

#include <algorithm>

#include <coerce/actor/receive_timeout.hpp>

#include "actor/cell_envelopes.hpp"
#include "actor/cell_extras.hpp"

namespace coerce {

namespace detail {

InactivityTimer::InactivityTimer(Cell& cell) noexcept
    : TimerNode([](TimerNode& node) noexcept {
        auto& self = static_cast<InactivityTimer&>(node);
        self.cell_->post(self);
      }),
      Envelope(&looked_at, Completion::Static),
      cell_(&cell) {}

void InactivityTimer::start(Duration period) noexcept {
  period_ = period;
  last_ms_ = clock_ms(*cell_->scheduler);
  ++handled_;  // a ReceiveTimeout that waits belongs to the period before
  if (cancel_timer(*cell_->scheduler, *this)) pending_ = false;
  if (!pending_) arm();
}

void InactivityTimer::cancel() noexcept {
  period_ = Duration::zero();
  if (cancel_timer(*cell_->scheduler, *this)) pending_ = false;
}

void InactivityTimer::arm() noexcept {
  SchedulerCore& scheduler = *cell_->scheduler;
  const Duration passed = std::chrono::milliseconds(clock_ms(scheduler) - last_ms_);
  pending_ = true;
  arm_timer(scheduler, *this, later(now(scheduler), std::max(period_ - passed, Duration(1))));
}

bool InactivityTimer::looked_at(Envelope& envelope, Unit&, Op op, void*) {
  if (op == Op::Control) static_cast<InactivityTimer&>(envelope).look();
  return true;
}

void InactivityTimer::look() noexcept {
  pending_ = false;
  if (period_ == Duration::zero()) return;
  if (cell_->activity) last_ms_ = clock_ms(*cell_->scheduler);
  const Duration passed = std::chrono::milliseconds(clock_ms(*cell_->scheduler) - last_ms_);
  if (passed < period_) return arm();
  using Notice = NotifyEnvelope<ReceiveTimeout>;
  ThreadState& thread = thread_state();
  pending_ = true;
  handled_when_queued_ = handled_;
  cell_->enqueue_own(thread, *new (pool_allocate(thread, sizeof(Notice)))
                                 Notice(cell_->type->handle_receive_timeout));
}

bool InactivityTimer::begin() noexcept {
  return is_handled_ = period_ != Duration::zero() && handled_ == handled_when_queued_;
}

void InactivityTimer::note_handled(std::uint32_t clock_ms, bool is_timeout) noexcept {
  if (!is_timeout) {
    last_ms_ = clock_ms;
    ++handled_;
    return;
  }
  pending_ = false;
  if (std::exchange(is_handled_, false)) last_ms_ = clock_ms;
  if (period_ != Duration::zero()) arm();
}

bool begin_receive_timeout(Cell& cell) noexcept { return cell.extras->receive_timeout->begin(); }

void Cell::note_handled(const Worker& worker, EnvelopeOp op) noexcept {
  if (extras == nullptr || !extras->receive_timeout || op == &kick_op || op == &noop_op) return;
  extras->receive_timeout->note_handled(worker.clock_ms(), op == type->handle_receive_timeout);
}

}  // namespace detail

Result<void> ActorContext::set_receive_timeout(Duration period) {
  detail::Cell& self = cell();
  const auto refuse = [&](std::string_view why) {
    return coerce::unexpected(
        ActorRefErr::NotSupported(self.id(), ReceiveTimeout::type_name, self.type->name, why));
  };
  if (self.type->handle_receive_timeout == nullptr)
    return refuse("the actor has no handler for ReceiveTimeout");
  if (period <= Duration::zero() || period > std::chrono::hours(24 * 24))
    return refuse("a receive timeout is above zero and at most 24 days");
  auto& timer = self.more().receive_timeout;
  if (!timer) timer = std::make_unique<detail::InactivityTimer>(self);
  timer->start(period);
  return {};
}

void ActorContext::cancel_receive_timeout() noexcept {
  if (cell().extras != nullptr && cell().extras->receive_timeout)
    cell().extras->receive_timeout->cancel();
}

}  // namespace coerce
