#include "testkit/driving.hpp"

namespace coerce::testkit::detail {

namespace {

struct DrivenUnit : coerce::detail::TaskUnit {
  DrivenUnit(coerce::detail::SchedulerCore& core, Task<void> task, std::shared_ptr<bool> is_done)
      : TaskUnit(core, std::move(task), &tell), done(std::move(is_done)) {
    counted = false;
  }
  static void tell(TaskUnit& unit) {
    auto& self = static_cast<DrivenUnit&>(unit);
    const std::shared_ptr<bool> told = self.done;
    self.scheduler->remove_spawned(self);
    self.run_control();
    delete &self;
    *told = true;
  }
  std::shared_ptr<bool> done;
};

}  // namespace

Drove drive(Driven& driven, const std::function<bool()>& done, TimePoint end,
            std::size_t max_steps) {
  for (std::size_t steps = 0;; ++steps) {
    if (done()) return Drove::Done;
    if (steps > max_steps) return Drove::Endless;
    if (driven.step()) continue;
    const auto next = driven.next_moment();
    if (next && *next <= driven.now()) continue;
    if (next && *next <= end) {
      driven.pass_to(*next);
    } else if (driven.now() < end && end != TimePoint::max()) {
      driven.pass_to(end);
    } else {
      return done() ? Drove::Done : Drove::TimeIsUp;
    }
  }
}

bool step(coerce::detail::SchedulerCore& core) {
  core.enter();
  const bool ran = core.drive_step();
  core.leave();
  return ran;
}

std::shared_ptr<const bool> start_driven(coerce::detail::SchedulerCore& core, Task<void> task) {
  const auto done = std::make_shared<bool>(false);
  auto* unit = new DrivenUnit(core, std::move(task), done);
  core.add_spawned(*unit);
  unit->schedule();
  return done;
}

}  // namespace coerce::testkit::detail
