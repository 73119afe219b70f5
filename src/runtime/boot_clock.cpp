#include <coerce/runtime/boot_clock.hpp>

#include <time.h>

#include <fstream>

namespace coerce {

SystemBootClock::SystemBootClock() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, boot_id_);
}

BootMoment SystemBootClock::now() const {
  BootMoment moment;
  moment.boot_id = boot_id_;
  moment.since_boot = since_boot();
  return moment;
}

Duration SystemBootClock::since_boot() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);  // cannot fail: the clock exists since Linux 2.6.39
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

BootMoment ManualBootClock::now() const {
  const std::lock_guard guard(mutex_);
  return moment_;
}

void ManualBootClock::advance(Duration step) {
  const std::lock_guard guard(mutex_);
  moment_.since_boot += step;
}

void ManualBootClock::reboot(std::string boot_id) {
  const std::lock_guard guard(mutex_);
  moment_.boot_id = std::move(boot_id);
  moment_.since_boot = Duration::zero();
}

}  // namespace coerce
