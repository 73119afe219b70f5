/// \file
/// A hierarchical timer wheel (Varghese and Lauck, 1987): 6 levels of 64 slots, one tick a
/// millisecond.

#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <coerce/runtime/detail/timer.hpp>

namespace coerce::detail {

/// Not thread-safe: its owner locks. Ticks count from an origin of the owner's choice.
class TimerWheel {
 public:
  /// Deadlines farther away than this many ticks (two years) wait in the last slot and are sorted
  /// again.
  static constexpr std::uint64_t kHorizon = std::uint64_t{1} << 36;

  /// Links the node to fire at `tick`, or at the next tick if that has passed.
  void insert(TimerNode& node, std::uint64_t tick) noexcept;
  /// False if it was not linked.
  bool remove(TimerNode& node) noexcept;
  /// Fires what is due up to and including `tick`, in order of time and of arming, at most
  /// `limit` nodes. Returns how many it fired; `limit` means that more may be due.
  std::size_t advance(std::uint64_t tick, std::size_t limit) noexcept;
  /// What advance() has found due and not fired, for want of a higher limit; in order of arming.
  std::size_t due_count() const noexcept;
  /// Fires one of these. \pre index < due_count()
  void fire_due(std::size_t index) noexcept;
  /// A tick at or before the next one at which something happens; none when the wheel is empty.
  std::optional<std::uint64_t> next_tick() const noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 64;
  struct Level {
    std::uint64_t occupied = 0;
    std::array<TimerNode*, kSlots> slots{};
  };
  struct Expiry {
    unsigned level;
    unsigned slot;
    std::uint64_t tick;
  };

  void link(TimerNode& node) noexcept;
  void fire(TimerNode& node) noexcept;
  void clear_bit_of(TimerNode* const* slot) noexcept;
  std::optional<Expiry> next_expiry() const noexcept;

  std::array<Level, kLevels> levels_{};
  TimerNode* due_ = nullptr;  // taken from their slot, not yet fired
  std::uint64_t now_ = 0;
  std::size_t size_ = 0;
};

}  // namespace coerce::detail
