/// \file
/// Randomness as the library sees it: one seeded source a system.

#pragma once

#include <atomic>
#include <cstdint>

namespace coerce {

/// A seeded generator of uniformly distributed numbers; the same seed gives the same sequence.
/// Thread-safe. Not for secrets. Algorithm: SplitMix64 (Steele, Lea and Flood, 2014).
class Rng {
 public:
  explicit Rng(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z =
        state_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed) + 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound). \pre bound > 0
  std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  /// A seed that differs from process to process.
  static std::uint64_t random_seed();

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace coerce
