#include <coerce/runtime/scheduler.hpp>

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "runtime/inspection.hpp"
#include "runtime/scheduler_core.hpp"

namespace coerce {

namespace detail {

// ---- tasks that run by themselves ---------------------------------------------------------------

TaskUnit::TaskUnit(SchedulerCore& core, Task<void> task, void (*on_finished)(TaskUnit&)) noexcept
    : Unit(&run_unit, core),
      body(TaskAccess::release(std::move(task))),
      finished(on_finished),
      cancel_node(
          [](Envelope&, Unit& unit, Op, void*) {
            unit.root_scope.request();
            return true;
          },
          Completion::Static) {
  body.promise().unit = this;
  body.promise().scope = &root_scope;
}

TaskUnit::~TaskUnit() {
  await_no_onlookers();
  if (body) body.destroy();
}

void TaskUnit::run_unit(Runnable& runnable, ThreadState& thread) {
  auto& unit = static_cast<TaskUnit&>(static_cast<Unit&>(runnable));
  thread.unit = &unit;
  if (!unit.started) {
    unit.started = true;
    unit.body.resume();
  }
  for (;;) {
    const bool progressed = unit.run_control();
    if (unit.body.done() && !unit.control.has_nodes()) break;
    if (progressed) continue;
    thread.unit = nullptr;  // before it is given up, see Inspection
    if (unit.suspend(thread)) return;
    thread.unit = &unit;
  }
  thread.unit = nullptr;
  unit.finished(unit);
}

void TaskUnit::cancel() noexcept {
  if (!cancel_requested.exchange(true, std::memory_order_acq_rel)) wake(cancel_node);
}

namespace {

void finish_spawned(TaskUnit& unit) {
  SchedulerCore& core = *unit.scheduler;
  core.remove_spawned(unit);  // from here on nobody can cancel it
  unit.run_control();         // a cancel that came before
  if (unit.body.promise().error) core.unhandled(std::move(unit.body.promise().error));
  unit.~TaskUnit();
  pool_free(&unit, sizeof(TaskUnit));
}

/// Shared by the waiting thread and the finishing worker, so that neither can outlive it.
struct Finish {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
};

struct AwaitedUnit : TaskUnit {
  AwaitedUnit(SchedulerCore& core, Task<void> task, std::shared_ptr<Finish> finish) noexcept
      : TaskUnit(core, std::move(task), &tell), finish_(std::move(finish)) {
    counted = false;  // somebody waits for it
  }

  static void tell(TaskUnit& unit) {
    auto& self = static_cast<AwaitedUnit&>(unit);
    const std::shared_ptr<Finish> finish = self.finish_;
    self.scheduler->remove_spawned(self);
    self.run_control();
    delete &self;  // the frame ends here, on the worker, before the waiter goes on
    const std::lock_guard guard(finish->mutex);
    finish->done = true;
    finish->changed.notify_one();
  }

  std::shared_ptr<Finish> finish_;
};

}  // namespace

bool spawn_within(SchedulerCore& core, Task<void> task, std::size_t limit) {
  auto* unit =
      new (pool_allocate(sizeof(TaskUnit))) TaskUnit(core, std::move(task), &finish_spawned);
  if (!core.add_spawned(*unit, limit)) {
    unit->~TaskUnit();
    pool_free(unit, sizeof(TaskUnit));
    return false;
  }
  unit->schedule();
  return true;
}

void run_to_end(SchedulerCore& core, Task<void> task) {
  const Worker* worker = thread_state().worker;
  if (worker != nullptr && &worker->scheduler() == &core)
    throw std::logic_error("coerce: block_on on a worker would wait for itself; use co_await");
  const auto finish = std::make_shared<Finish>();
  auto* unit = new AwaitedUnit(core, std::move(task), finish);
  core.add_spawned(*unit);
  if (!core.caller_driven()) {
    core.inject(*unit);
    std::unique_lock guard(finish->mutex);
    finish->changed.wait(guard, [&] { return finish->done; });
    return;
  }
  core.enter();
  unit->schedule();
  bool stuck = false;
  while (core.drive_ready(), !finish->done && !stuck) stuck = !core.drive_wait(Duration::max());
  core.leave();
  if (stuck)
    throw std::logic_error(
        "coerce: block_on would wait for ever: nothing is ready, no timer is armed, no I/O is "
        "pending");
}

}  // namespace detail

Scheduler::Scheduler(SchedulerOptions options)
    : core_(new detail::SchedulerCore(options), [](detail::SchedulerCore* core) { core->stop(); }) {
  core_->start();
}

bool Scheduler::spawn(Task<void> task) const {
  if (detail::spawn_within(*core_, std::move(task), core_->max_spawned())) return true;
  core_->unhandled(std::make_exception_ptr(std::length_error(
      "coerce: a task was refused: as many as max_spawned allows have not ended")));
  return false;
}

namespace {

void require_caller_driven(const detail::SchedulerCore& core) {
  if (!core.caller_driven())
    throw std::logic_error("coerce: only a scheduler with 0 workers is driven by its caller");
}

/// The calling thread is the worker while this lives.
struct Driving {
  explicit Driving(detail::SchedulerCore& core) : core_(core) { core_.enter(); }
  ~Driving() { core_.leave(); }
  detail::SchedulerCore& core_;
};

}  // namespace

void Scheduler::run() const {
  require_caller_driven(*core_);
  const Driving driving(*core_);
  do {
    core_->drive_ready();
  } while (core_->drive_wait(Duration::max()));
}

std::size_t Scheduler::run_for(Duration duration) const {
  require_caller_driven(*core_);
  const Driving driving(*core_);
  const TimePoint end = core_->clock().now() + duration;
  std::size_t steps = core_->drive_ready();
  for (Duration left = end - core_->clock().now(); left > Duration::zero();
       left = end - core_->clock().now()) {
    if (!core_->drive_wait(left)) break;
    steps += core_->drive_ready();
  }
  return steps;
}

std::size_t Scheduler::poll() const {
  require_caller_driven(*core_);
  const Driving driving(*core_);
  return core_->drive_ready();
}

unsigned Scheduler::workers() const noexcept { return core_->threads(); }
Clock& Scheduler::clock() const noexcept { return core_->clock(); }
Rng& Scheduler::rng() const noexcept { return core_->rng(); }
std::size_t Scheduler::timer_count() const noexcept { return core_->timer_count(); }
std::size_t Scheduler::spawned_count() const noexcept { return core_->spawned_count(); }
void Scheduler::cancel_spawned() const { core_->cancel_spawned(); }
void Scheduler::on_unhandled(std::function<void(std::exception_ptr)> callback) const {
  core_->on_unhandled(std::move(callback));
}
bool Scheduler::on_worker() const noexcept {
  const detail::Worker* worker = detail::thread_state().worker;
  return worker != nullptr && &worker->scheduler() == core_.get();
}

}  // namespace coerce
