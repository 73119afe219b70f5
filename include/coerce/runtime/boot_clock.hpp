/// \file
/// Time that all processes of one machine agree about.

#pragma once

#include <mutex>
#include <string>

#include <coerce/runtime/clock.hpp>

namespace coerce {

/// A moment in the life of a machine.
struct BootMoment {
  std::string boot_id;    ///< which start of the machine it is: differs after every one
  Duration since_boot{};  ///< goes on while the machine sleeps, and is never set
};

/// Where a store that processes of one machine share takes its time from. Implementations are
/// thread-safe.
class BootClock {
 public:
  BootClock() = default;
  BootClock(const BootClock&) = delete;
  BootClock& operator=(const BootClock&) = delete;
  virtual ~BootClock() = default;

  virtual BootMoment now() const = 0;
};

/// CLOCK_BOOTTIME and the boot id of the kernel. Processes in different time namespaces do not
/// agree about it.
class SystemBootClock final : public BootClock {
 public:
  SystemBootClock();
  BootMoment now() const override;
  /// The time alone.
  static Duration since_boot() noexcept;

 private:
  std::string boot_id_;
};

/// A machine that a test starts anew and whose time it moves.
class ManualBootClock final : public BootClock {
 public:
  explicit ManualBootClock(std::string boot_id) { moment_.boot_id = std::move(boot_id); }
  BootMoment now() const override;
  /// \pre step >= 0
  void advance(Duration step);
  /// The machine starts again: its time begins at nothing.
  void reboot(std::string boot_id);

 private:
  mutable std::mutex mutex_;
  BootMoment moment_;
};

}  // namespace coerce
