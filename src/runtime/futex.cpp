#include "futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace coerce::detail {

namespace {

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* timeout) noexcept {
  return ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word),
                   operation | FUTEX_PRIVATE_FLAG, value, timeout, nullptr, 0);
}

}  // namespace

void Signal::set() noexcept {
  if (word_.exchange(kSet, std::memory_order_acq_rel) == kSleeping)
    futex(word_, FUTEX_WAKE, 1, nullptr);
}

bool Signal::wait(Duration timeout) noexcept {
  std::uint32_t expected = 0;
  if (word_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel)) {
    timespec limit{};
    const bool bounded = timeout < Duration::max();
    if (bounded && timeout.count() > 0) {
      limit.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
      limit.tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000);
    }
    futex(word_, FUTEX_WAIT, kSleeping, bounded ? &limit : nullptr);
  }
  return word_.exchange(0, std::memory_order_acq_rel) == kSet;
}

}  // namespace coerce::detail
