#include <coerce/runtime/clock.hpp>

namespace coerce {

TimePoint SystemClock::now() const noexcept { return std::chrono::steady_clock::now(); }
WallTime SystemClock::wall_now() const noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

TimePoint ManualClock::now() const noexcept {
  return TimePoint(Duration(elapsed_.load(std::memory_order_acquire)));
}
WallTime ManualClock::wall_now() const noexcept {
  return WallTime(Duration(elapsed_.load(std::memory_order_acquire)));
}
void ManualClock::advance(Duration step) noexcept {
  elapsed_.fetch_add(step.count(), std::memory_order_acq_rel);
}

}  // namespace coerce
