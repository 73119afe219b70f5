#include <coerce/actor/supervision.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "actor/cell_extras.hpp"
#include "actor/failure.hpp"
#include "actor/planted.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"

namespace coerce {

SupervisorStrategy& SupervisorStrategy::scope(SupervisionScope scope) & noexcept {
  scope_ = scope;
  return *this;
}

SupervisorStrategy& SupervisorStrategy::max_restarts(unsigned count) & noexcept {
  max_restarts_ = count;
  return *this;
}

SupervisorStrategy& SupervisorStrategy::within(Duration window) & {
  if (window <= Duration::zero()) throw std::invalid_argument("within: must be above zero");
  within_ = window;
  return *this;
}

SupervisorStrategy& SupervisorStrategy::backoff(BackoffOptions options) & {
  if (options.min < Duration::zero() || options.max < options.min)
    throw std::invalid_argument("backoff: must have 0 <= min <= max");
  if (!(options.jitter >= 0 && options.jitter <= 1))
    throw std::invalid_argument("backoff: jitter must be between 0 and 1");
  backoff_ = options;
  return *this;
}

Directive SupervisorStrategy::directive(const std::exception_ptr& error) const noexcept {
  if (!decider_) return fixed_;
  try {
    return (*decider_)(error);
  } catch (...) {
    return Directive::Stop;
  }
}

namespace detail {

namespace {

/// An actor failed under a strategy for all children of its parent.
struct SiblingsEnvelope : Envelope {
  SiblingsEnvelope(EnvelopeOp operation, Directive what, SharedError why, Cell* failed) noexcept
      : Envelope(operation, Completion::Pooled, pool_class(sizeof(SiblingsEnvelope))),
        directive(what),
        error(std::move(why)),
        origin(failed) {}

  static SiblingsEnvelope& make(EnvelopeOp operation, Directive what, const SharedError& why,
                                Cell* failed) {
    return *new (pool_allocate(sizeof(SiblingsEnvelope)))
        SiblingsEnvelope(operation, what, why, failed);
  }
  void free() noexcept {
    error = nullptr;
    free_envelope(thread_state(), *this);
  }

  Directive directive;
  SharedError error;
  Cell* origin;  // compared, never followed
};

void post_or_free(Cell& to, SiblingsEnvelope& envelope) noexcept {
  if (!to.post(envelope)) envelope.free();
}

bool share_op(Envelope& envelope, Unit& unit, Op op, void*) {
  auto& self = static_cast<SiblingsEnvelope&>(envelope);
  if (op == Op::Control) cell_of(unit).share_fate(self.directive, self.error);
  self.free();
  return true;
}

bool tell_siblings_op(Envelope& envelope, Unit& unit, Op op, void*) {
  auto& self = static_cast<SiblingsEnvelope&>(envelope);
  Cell& parent = cell_of(unit);
  if (op == Op::Control && parent.extras != nullptr)
    for (Cell* child = parent.extras->children; child != nullptr; child = child->next_live)
      if (child != self.origin)
        post_or_free(*child, SiblingsEnvelope::make(&share_op, self.directive, self.error, child));
  self.free();
  return true;
}

}  // namespace

RestartTimer::RestartTimer(Cell& waiting) noexcept
    : TimerNode([](TimerNode& node) noexcept {
        auto& self = static_cast<RestartTimer&>(node);
        self.cell->wake(self);
      }),
      Envelope(
          [](Envelope& envelope, Unit&, Op, void*) {
            static_cast<RestartTimer&>(envelope).due = true;
            return true;
          },
          Completion::Static),
      cell(&waiting) {}

Supervision::Supervision(Cell& cell) noexcept : timer(cell) {}

bool Supervision::allows_restart(TimePoint now) noexcept {
  if (restarts == 0 || now - window_began > strategy.within()) {
    window_began = now;
    restarts = 0;
  }
  if (restarts >= strategy.max_restarts()) return false;
  ++restarts;
  return true;
}

Duration Supervision::delay(Rng& rng) const noexcept {
  const BackoffOptions& backoff = strategy.backoff();
  if (backoff.min <= Duration::zero()) return Duration::zero();
  const double base = std::min(
      static_cast<double>(backoff.min.count()) * std::ldexp(1.0, static_cast<int>(restarts) - 1),
      static_cast<double>(backoff.max.count()));
  const double share = static_cast<double>(rng.below(1'000'001)) / 500'000.0 - 1.0;
  return Duration(static_cast<Duration::rep>(base * (1.0 + backoff.jitter * share)));
}

Supervision& Cell::supervision() {
  CellExtras& mine = more();
  if (!mine.supervision) mine.supervision.emplace(*this);
  return *mine.supervision;
}

Directive Cell::directive_for(const std::exception_ptr& error) noexcept {
  if (extras != nullptr && extras->supervision)
    return extras->supervision->strategy.directive(error);
  return parent == nullptr ? system->top_level_strategy().directive(error) : Directive::Stop;
}

void Cell::fail(std::exception_ptr error) noexcept {
  const std::string text = text_of(error);
  system->count_failure(*this, text);
  if (status.load(std::memory_order_relaxed) == ActorStatus::Starting)
    return request_stop(StopReasonKind::StartFailed, text);
  if ((attention & (kStop | kStopping)) != 0) return;
  const bool old_one_is_going = (attention & kRestart) != 0 && has_actor &&
                                extras->supervision->step == Supervision::Step::Wait;
  if (old_one_is_going) return;  // pre_restart threw: that changes nothing

  const Directive directive = directive_for(error);
  if (directive == Directive::Resume && has_actor) return;
  const auto shared = std::make_shared<const std::exception_ptr>(std::move(error));
  const bool restarts = directive == Directive::Restart && begin_restart(shared);
  if (!restarts) request_stop(StopReasonKind::Failed, text);
  if (directive == Directive::Escalate) {
    if (parent != nullptr)
      more().escalated = shared;
    else
      system->give_up(*this, text);
  } else if (parent != nullptr && extras != nullptr && extras->supervision &&
             extras->supervision->strategy.scope() == SupervisionScope::AllForOne) {
    post_or_free(*parent, SiblingsEnvelope::make(&tell_siblings_op,
                                                 restarts ? Directive::Restart : Directive::Stop,
                                                 shared, this));
  }
}

void Cell::share_fate(Directive directive, const SharedError& error) noexcept {
  if (directive == Directive::Restart && (attention & kRestart) != 0) return;
  const bool starting = status.load(std::memory_order_relaxed) == ActorStatus::Starting;
  if (directive == Directive::Restart && !starting && begin_restart(error)) return;
  stop_from_outside(StopReasonKind::Failed, "a sibling failed: " + text_of(*error));
}

bool Cell::begin_restart(const SharedError& error) noexcept {
  if (extras == nullptr || !extras->supervision || !extras->supervision->factory) return false;
  Supervision& state = *extras->supervision;
  if (!state.allows_restart(now(*scheduler))) return false;
  state.error = error;
  state.step = Supervision::Step::StopChildren;
  state.children_told = false;
  cancel_timer(*scheduler, state.timer);
  state.timer.armed = state.timer.due = false;
  attention |= kRestart;
  return true;
}

// One step; no handler or hook is under way.
Cell::Next Cell::restart() noexcept {
  using Step = Supervision::Step;
  Supervision& state = *extras->supervision;
  switch (state.step) {
    case Step::StopChildren:
      if (!std::exchange(state.children_told, true)) {
        fire_stop_token();
        extras->stop_source.reset();
        stop_children();
      }
      if (extras->has_dependents()) return Next::Wait;
      state.step = Step::TellOld;
      break;
    case Step::TellOld:
      state.step = Step::Wait;
      if (has_actor && type->has_pre_restart) run_hook(Hook::PreRestart, state.error.get());
      break;
    case Step::Wait:
      destroy_actor();
      unstash(false);
      if (extras->receive_timeout) extras->receive_timeout->cancel();
      if (!std::exchange(state.timer.armed, true)) {
        const Duration delay = state.delay(rng_of(*scheduler));
        state.timer.due = delay <= Duration::zero();
        if (!state.timer.due) arm_timer(*scheduler, state.timer, later(now(*scheduler), delay));
      }
      if (!state.timer.due) return Next::Wait;
      state.step = Step::Make;
      break;
    case Step::Make:
      state.step = Step::TellNew;
      activity_kind = Activity::Factory;
      if (make_actor()) activity_kind = Activity::Message;
      break;
    case Step::TellNew:
      state.step = Step::Done;
      if (type->has_post_restart)
        run_hook(Hook::PostRestart, nullptr);
      else if (type->has_started)
        run_hook(Hook::Started, nullptr);
      break;
    case Step::Done:
      if (planted(Bug::RestartDropsMessage) && lane.has_next()) {
        Envelope* front = lane.front();
        lane.pop_or_idle();
        reject(*front);
      }
      state.error = nullptr;
      attention &= static_cast<std::uint8_t>(~kRestart);
      break;
  }
  return Next::Again;
}

bool Cell::make_actor() noexcept {
  if (has_actor) return true;
  try {
    return supervision().factory->make(*this);
  } catch (...) {
    fail(std::current_exception());
    return true;
  }
}

void Cell::destroy_actor() noexcept {
  if (std::exchange(has_actor, false)) type->destroy_actor(*this);
}

void supervise(Cell& cell, const SupervisorStrategy& strategy) {
  cell.supervision().strategy = strategy;
}

void make_with(Cell& cell, std::unique_ptr<ActorFactory> factory) {
  cell.supervision().factory = std::move(factory);
}

const SupervisorStrategy& top_level_strategy(SystemCore& system) noexcept {
  return system.top_level_strategy();
}

}  // namespace detail
}  // namespace coerce
