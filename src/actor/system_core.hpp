/// \file
/// The system's inside.

#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>

#include <coerce/actor/system.hpp>
#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/registry.hpp"

namespace coerce::detail {

/// A part of the list of living top-level actors.
struct alignas(64) LiveShard {
  SpinLock lock;
  Cell* first = nullptr;
};

/// Lives until its handles and the memory of all its actors are gone.
class SystemCore {
 public:
  SystemCore(const SchedulerOptions& options, std::string_view name);

  /// Called when the last handle goes.
  static void close(SystemCore* core) noexcept;

  std::optional<ActorRefErr> adopt(Cell& cell) noexcept;
  void ended(Cell& cell) noexcept;  ///< the actor has ended: it is neither listed nor found
  void count_ended() noexcept;      ///< the last that a living cell does with the system
  void memory_freed() noexcept { drop_memory(); }

  Task<ShutdownReport> shutdown(Duration deadline);
  bool terminated() const noexcept { return terminated_.load(std::memory_order_acquire); }
  std::size_t live() const noexcept { return counts_.load(std::memory_order_acquire) & kLiveMask; }

  /// Counted references to all living top-level actors.
  std::vector<CellRef> top_level();

  const ActorId& id() const noexcept { return id_; }
  const ActorId& name() const noexcept { return name_; }
  const Scheduler& scheduler() const noexcept { return *scheduler_; }
  Registry& registry() noexcept { return registry_; }
  /// Counts a new cell, as living and in memory; returns its context id.
  std::uint64_t count_cell() noexcept {
    counts_.fetch_add(kMemory + 1, std::memory_order_relaxed);
    return context_ids_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  /// Counts and logs what a handler or hook threw; the log has a limit.
  void count_failure(Cell& cell, std::string_view what) noexcept;
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  void count_dead_letter() noexcept { dead_letters_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t dead_letters() const noexcept {
    return dead_letters_.load(std::memory_order_relaxed);
  }

  std::weak_ptr<SystemCore> handle;  ///< to give out further handles

 private:
  static constexpr std::uint64_t kLiveMask = 0xffff'ffff;
  static constexpr std::uint64_t kMemory = std::uint64_t{1} << 32;
  static constexpr std::size_t kLiveShards = 16;

  void drop_memory() noexcept;
  LiveShard& shard_of(const Cell& cell) noexcept { return live_[cell.context_id % kLiveShards]; }
  ShutdownReport report(TimePoint began, bool all_ended, std::size_t stuck_tasks);
  static Task<void> await_shutdown(Task<ShutdownReport> shutdown);

  std::optional<Scheduler> scheduler_;
  ActorId id_;
  ActorId name_;
  Registry registry_;
  std::array<LiveShard, kLiveShards> live_;
  /// Living actors in the low half; cells in memory, and one for the handles, in the high half.
  std::atomic<std::uint64_t> counts_{kMemory};
  std::atomic<std::uint64_t> context_ids_{0};
  std::atomic<std::uint64_t> dead_letters_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<bool> terminated_{false};
  AsyncEvent all_ended_;
};

}  // namespace coerce::detail
