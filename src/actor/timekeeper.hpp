/// \file
/// The timers and scheduled notifies of a system.

#pragma once

#include <coerce/actor/detail/timed.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>

namespace coerce::detail {

enum class Kept : std::uint8_t {
  Yes,
  Full,    ///< there are as many as may be
  Closed,  ///< the system ends, nothing will be due any more
};

/// Knows what is to happen later, so that the end of the system finds all of it, and runs what is
/// due: the wheel is locked when it fires, so nothing but a note can be taken then.
///
/// Thread-safe. Its lock comes before the wheel's.
class Timekeeper : Runnable {
 public:
  Timekeeper(SchedulerCore& scheduler, std::size_t limit) noexcept
      : Runnable(&run_due), scheduler_(&scheduler), limit_(limit) {}

  /// Until it is removed.
  Kept keep(Timed& timed) noexcept;
  /// Makes it due at `deadline`, which takes one count. False: it is not kept (any more).
  bool arm(Timed& timed, TimePoint deadline) noexcept;
  /// The same, counted from now.
  bool arm_after(Timed& timed, Duration delay) noexcept;
  /// True: it was armed, and the caller gets the wheel's count back.
  bool remove(Timed& timed) noexcept;

  /// By the wheel, which is locked.
  void fired(Timed& timed) noexcept;

  /// Keeps nothing any more.
  void close() noexcept;
  /// After the scheduler has ended: what was due and did not run.
  void forget_due() noexcept;

 private:
  static constexpr int kDuePerTurn = 64;  ///< then others have a turn

  static void run_due(Runnable& runnable, ThreadState& thread);
  Timed* take_due() noexcept;
  void queue() noexcept;
  void unlink(Timed& timed) noexcept;

  SchedulerCore* scheduler_;
  const std::size_t limit_;
  SpinLock lock_;
  bool closed_ = false;
  std::size_t count_ = 0;
  Timed* first_ = nullptr;

  std::atomic<Timed*> due_{nullptr};  ///< newest first
  Timed* taken_ = nullptr;            ///< oldest first; of the turn that runs
  std::atomic<bool> queued_{false};
};

}  // namespace coerce::detail
