/// \file
/// Sleeping on a word.

#pragma once

#include <atomic>
#include <cstdint>

#include <coerce/runtime/clock.hpp>

namespace coerce::detail {

/// A binary signal for one sleeper. The setter may touch it after the sleeper woke: it must outlive
/// both.
class Signal {
 public:
  /// Any thread. Remembered until the next wait.
  void set() noexcept;
  /// Sleeps until it is set, at most `timeout`; resets it. False: timed out.
  bool wait(Duration timeout) noexcept;
  bool take() noexcept { return word_.exchange(0, std::memory_order_acq_rel) == kSet; }

 private:
  static constexpr std::uint32_t kSet = 1;
  static constexpr std::uint32_t kSleeping = 2;
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace coerce::detail
