/// \file
/// The shutdown of a system.

#pragma once

#include <memory>
#include <mutex>

#include <coerce/actor/detail/cell_ref.hpp>
#include <coerce/actor/extension.hpp>
#include <coerce/actor/shutdown.hpp>
#include <coerce/runtime/detail/async_event.hpp>

namespace coerce::detail {

struct ExtensionSlot;

/// One line for each thing that did not end.
void log_incomplete(const SystemCore& system, const ShutdownReport& report);

/// A task of its own takes the phases, so it is in nobody's way and goes on whatever becomes of
/// those that wait for it.
class Shutdown {
 public:
  explicit Shutdown(SystemCore& system) noexcept : system_(system) {}

  /// Begins a shutdown, or waits for the one that is under way; in either case until its own
  /// deadline.
  Task<ShutdownReport> run(Duration deadline);
  /// Begins a shutdown that nobody waits for; what has not ended by the deadline is logged. No task
  /// is left that would have to run once more after the end.
  void begin(Duration deadline);
  /// What is in the way at this moment.
  Task<ShutdownReport> look(TimePoint began, TimePoint until);
  /// Has everything ended?
  bool ended() noexcept;

 private:
  /// What a report may take beyond the deadline: half of it for tasks that were only just asked to
  /// stop, the rest for questions to actors.
  static constexpr Duration kGrace = std::chrono::milliseconds(100);

  struct Attempt {
    Attempt(TimePoint deadline, bool nobody_waits) noexcept
        : until(deadline), is_unattended(nobody_waits) {}
    bool has_ended_all() const noexcept {
      return done.is_set() && report.phase == ShutdownPhase::Done;
    }

    const TimePoint until;
    const bool is_unattended;
    AsyncEvent done;
    ShutdownReport report;
  };
  struct Listing;
  using Hook = Task<void> (SystemExtension::*)(TimePoint);

  TimePoint now() const noexcept;
  std::shared_ptr<Attempt> join(TimePoint until, bool is_unattended, bool& mine);
  Task<void> lead(std::shared_ptr<Attempt> attempt);
  Task<void> stop_outside_work(TimePoint until);
  Task<void> stop_users(TimePoint until);
  Task<void> stop_extensions(TimePoint until);
  Task<ShutdownPhase> wait_for_all(TimePoint until);
  Task<bool> wait_for(AsyncEvent& event, TimePoint until);
  TimePoint share_of(TimePoint until) const noexcept;
  Task<void> run_hook(ExtensionSlot& slot, Hook hook, AsyncEvent& ended, TimePoint until);
  Task<std::size_t> list(CellRef cell, Listing& listing);

  SystemCore& system_;
  std::mutex mutex_;
  std::shared_ptr<Attempt> latest_;
  std::atomic<ShutdownPhase> phase_{ShutdownPhase::OutsideWork};
};

}  // namespace coerce::detail
