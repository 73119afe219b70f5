#include "actor/shutdown.hpp"

#include <array>

#include <coerce/runtime/when.hpp>

#include "actor/failure.hpp"
#include "actor/post.hpp"
#include "actor/system_core.hpp"
#include "runtime/scheduler_core.hpp"

namespace coerce {

std::string_view to_string(ShutdownPhase phase) noexcept {
  static constexpr std::array<std::string_view, 5> kNames{"OutsideWork", "UserActors", "Extensions",
                                                          "Tasks", "Done"};
  return kNames[static_cast<std::size_t>(phase)];
}

namespace detail {

TimePoint Shutdown::now() const noexcept { return system_.scheduler().clock().now(); }

bool Shutdown::ended() noexcept {
  const std::lock_guard guard(mutex_);
  return latest_ && latest_->has_ended_all();
}

namespace {

/// A task that waits for a shutdown is not to be asked to stop by it; but one that came too late to
/// be excused was. Then it goes on as if it had not been.
bool was_not_excused(PromiseBase& promise) noexcept {
  CancelScope& root = promise.unit->root_scope;
  if (promise.scope != &root || !root.requested() || as_cell(*promise.unit) != nullptr)
    return false;
  root.renew();
  return true;
}

}  // namespace

// ---- those who wait ---------------------------------------------------------------------------

Task<ShutdownReport> Shutdown::run(Duration deadline) {
  const TimePoint began = now();
  const TimePoint until = later(began, deadline);
  system_.scheduler().core().excuse_current();
  system_.terminate();
  for (;;) {
    bool mine = false;
    const std::shared_ptr<Attempt> attempt = join(until, false, mine);
    if (mine)
      co_await attempt->done.wait();  // it ends by the same deadline
    else
      co_await wait_for(attempt->done, until);
    if (!attempt->done.is_set()) {
      CurrentScope current;
      PromiseBase& promise = co_await current;
      if (now() < until && was_not_excused(promise)) continue;
      ShutdownReport report = co_await look(began, until);
      co_return report;
    }
    if (!mine && !attempt->has_ended_all() && attempt->until < until) continue;
    ShutdownReport report = attempt->report;
    report.took = now() - began;
    co_return report;
  }
}

void Shutdown::begin(Duration deadline) {
  system_.terminate();
  bool mine = false;
  join(later(now(), deadline), true, mine);
}

// `mine`: begun for the caller, because none is under way and not everything has ended.
std::shared_ptr<Shutdown::Attempt> Shutdown::join(TimePoint until, bool is_unattended, bool& mine) {
  const std::lock_guard guard(mutex_);
  mine = !latest_ || (latest_->done.is_set() && !latest_->has_ended_all());
  if (mine) {
    latest_ = std::make_shared<Attempt>(until, is_unattended);
    spawn_within(system_.scheduler().core(), lead(latest_));
  }
  return latest_;
}

// ---- the phases -------------------------------------------------------------------------------

// What does not end in its share of the time is left behind for the moment, so that it does not
// take the others' time, and is waited for again at the end.
Task<void> Shutdown::lead(std::shared_ptr<Attempt> attempt) {
  SchedulerCore& scheduler = system_.scheduler().core();
  scheduler.excuse_current();
  system_.extensions().close();
  const TimePoint began = now();
  const TimePoint until = attempt->until;

  co_await stop_outside_work(until);
  co_await stop_users(until);
  co_await stop_extensions(until);
  phase_.store(ShutdownPhase::Tasks, std::memory_order_relaxed);
  system_.timekeeper().close();
  scheduler.cancel_spawned();
  const ShutdownPhase late = co_await wait_for_all(until);
  phase_.store(late, std::memory_order_relaxed);

  ShutdownReport report;
  if (late != ShutdownPhase::Done || system_.extensions().any_failed())
    report = co_await look(began, until);
  report.took = now() - began;
  if (attempt->is_unattended) log_incomplete(system_, report);
  attempt->report = std::move(report);
  attempt->done.set();
}

// The last one may use all of the time that is left, any other one half of it.
TimePoint Shutdown::share_of(TimePoint until) const noexcept {
  const TimePoint time = now();
  return until > time ? time + (until - time) / 2 : until;
}

Task<bool> Shutdown::wait_for(AsyncEvent& event, TimePoint until) {
  const Duration left = until - now();
  if (event.is_set()) co_return true;
  if (left > Duration::zero())
    co_await when_any(event.wait(), sleep_for(left));
  else
    (void)co_await yield();
  co_return event.is_set();
}

Task<void> Shutdown::run_hook(ExtensionSlot& slot, Hook hook, AsyncEvent& ended, TimePoint until) {
  try {
    Task<void> task = ((*slot.extension).*hook)(until);
    co_await std::move(task);
  } catch (...) {
    slot.failed.store(true, std::memory_order_relaxed);
    log(system_, LogLevel::Error, system_.name().view(), "extension {} failed to stop: {}",
        slot.extension->name(), text_of(std::current_exception()));
  }
  ended.set();
}

Task<void> Shutdown::stop_outside_work(TimePoint until) {
  phase_.store(ShutdownPhase::OutsideWork, std::memory_order_relaxed);
  Extensions& extensions = system_.extensions();
  const TimePoint share = share_of(until);
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    ExtensionSlot& slot = extensions[i];
    if (slot.key.load(std::memory_order_acquire) == nullptr) {
      slot.accepts_no_more.set();
      slot.stopped.set();
    } else if (!slot.accepting_ends.exchange(true)) {
      spawn_within(system_.scheduler().core(),
                   run_hook(slot, &SystemExtension::stop_accepting, slot.accepts_no_more, share));
    }
  }
  for (std::size_t i = 0; i < extensions.size(); ++i)
    (void)co_await wait_for(extensions[i].accepts_no_more, share);
}

Task<void> Shutdown::stop_users(TimePoint until) {
  phase_.store(ShutdownPhase::UserActors, std::memory_order_relaxed);
  system_.stop_users();
  const bool is_last = system_.extensions().size() == 0;
  (void)co_await wait_for(system_.users_ended(), is_last ? until : share_of(until));
}

Task<void> Shutdown::stop_extensions(TimePoint until) {
  phase_.store(ShutdownPhase::Extensions, std::memory_order_relaxed);
  Extensions& extensions = system_.extensions();
  for (std::size_t i = extensions.size(); i-- > 0;) {
    ExtensionSlot& slot = extensions[i];
    const TimePoint share = share_of(until);
    if (!slot.stopped.is_set() && !slot.stopping.exchange(true))
      spawn_within(system_.scheduler().core(),
                   run_hook(slot, &SystemExtension::stop, slot.stopped, share));
    (void)co_await wait_for(slot.stopped, share);
    extensions.stop_actors(i);
    (void)co_await wait_for(slot.actors_ended, share_of(until));
  }
}

// The first phase that does not end in time, if any.
Task<ShutdownPhase> Shutdown::wait_for_all(TimePoint until) {
  Extensions& extensions = system_.extensions();
  bool outside_work = true;
  bool stopped = true;
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    ExtensionSlot& slot = extensions[i];
    const bool accepts_no_more = co_await wait_for(slot.accepts_no_more, until);
    outside_work = outside_work && accepts_no_more;
  }
  const bool users = co_await wait_for(system_.users_ended(), until);
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    ExtensionSlot& slot = extensions[i];
    const bool hook_ended = co_await wait_for(slot.stopped, until);
    const bool actors_ended = co_await wait_for(slot.actors_ended, until);
    stopped = stopped && hook_ended && actors_ended;
  }
  SchedulerCore& scheduler = system_.scheduler().core();
  AsyncEvent no_tasks;
  scheduler.tell_when_none_spawned(&no_tasks);
  const bool tasks = co_await wait_for(no_tasks, later(until, kGrace / 2));
  scheduler.tell_when_none_spawned(nullptr);
  if (!outside_work) co_return ShutdownPhase::OutsideWork;
  if (!users) co_return ShutdownPhase::UserActors;
  if (!stopped) co_return ShutdownPhase::Extensions;
  co_return tasks ? ShutdownPhase::Done : ShutdownPhase::Tasks;
}

}  // namespace detail

}  // namespace coerce
