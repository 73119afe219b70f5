/// \file
/// The system's inside.

#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include <coerce/actor/system.hpp>
#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/runtime/detail/spin_lock.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/event_hub.hpp"
#include "actor/extensions.hpp"
#include "actor/live_shard.hpp"
#include "actor/log.hpp"
#include "actor/registry.hpp"
#include "actor/shutdown.hpp"
#include "actor/timekeeper.hpp"

namespace coerce::detail {

/// Learns of all tracked actors of users, without loss: `began` before the actor can run, `ended`
/// before its id is free again. Called on any thread, under no lock; must not wait.
class TrackedObserver {
 public:
  virtual ~TrackedObserver() = default;
  virtual void began(Cell& cell) noexcept = 0;
  virtual void ended(Cell& cell) noexcept = 0;
};

/// Lives until its handles and the memory of all its actors are gone.
class SystemCore {
 public:
  /// Lists of living top-level actors that users have started. Those of the extensions follow.
  static constexpr std::size_t kLiveShards = LiveShards::kCount;

  SystemCore(const SchedulerOptions& options, std::string_view name,
             SupervisorStrategy top_level_strategy, const MailboxOptions& mailbox,
             const SystemLimits& limits, Duration slow_handler);

  /// Called when the last handle goes.
  static void close(SystemCore* core) noexcept;

  std::optional<ActorRefErr> adopt(Cell& cell) noexcept;
  /// The actor has ended: it is found no more.
  void ended(Cell& cell) noexcept {
    if (cell.parent != nullptr || cell.actor_type != ActorType::Tracked) return;
    if (is_of_extension(cell))
      extension_actors_.fetch_sub(1, std::memory_order_relaxed);
    else if (TrackedObserver* observer = observer_.load(std::memory_order_acquire)) [[unlikely]]
      observer->ended(cell);
    registry_.remove(cell);
  }
  /// For one observer, which lives as long as the system's actors. Afterwards tracked_of_users()
  /// gives those that it was not told of: whoever was listed before is found there, and whoever is
  /// listed later sees the observer.
  void observe_tracked(TrackedObserver& observer) noexcept {
    observer_.store(&observer, std::memory_order_release);
  }
  std::vector<CellRef> tracked_of_users();
  /// The running tracked actor of users with this id; null if there is none.
  CellRef find_user(std::string_view id) noexcept;
  /// Everybody who waited for the end has been told: the actor is counted no more.
  void count_ended(Cell& cell) noexcept;
  void memory_freed() noexcept { drop_memory(); }

  Task<ShutdownReport> shutdown(Duration deadline) { return shutdown_.run(deadline); }
  /// Begins it and returns; what did not end goes to the log.
  void begin_shutdown();
  /// From now on users can start no more actors.
  void terminate() noexcept { terminated_.store(true, std::memory_order_seq_cst); }
  bool terminated() const noexcept { return terminated_.load(std::memory_order_acquire); }
  std::size_t live() noexcept;
  std::size_t tracked() const noexcept;
  Extensions& extensions() noexcept { return extensions_; }
  /// A handle; one that owns nothing if the last real one is going and waits for the caller.
  ActorSystem borrow() noexcept;

  /// Counted references to all living top-level actors, those of extensions too.
  std::vector<CellRef> top_level();
  /// Adds counted references to living top-level actors of users.
  void list_users(std::vector<CellRef>& cells, std::size_t limit = SIZE_MAX);
  /// Asks all of them to stop.
  void stop_users();
  AsyncEvent& users_ended() noexcept { return all_ended_; }

  const ActorId& id() const noexcept { return id_; }
  const ActorId& name() const noexcept { return name_; }
  const Scheduler& scheduler() const noexcept { return *scheduler_; }
  Registry& registry() noexcept { return registry_; }
  /// Counts a new cell as being in memory.
  void count_memory() noexcept { memory_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t next_context_id() noexcept {
    return context_ids_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  /// Counts and logs what a handler or hook threw; the log has a limit. `where`: the message that
  /// the actor took last, if empty.
  void count_failure(Cell& cell, std::string_view what, std::string_view where = {}) noexcept;
  /// A worker is in one turn of an actor, or step of a task, for long; called on another one.
  /// Looks at a unit that keeps its worker; what it gives tells of it.
  std::function<void()> describe_slow(Unit& unit, Duration running_for);
  void tell_slow(const SlowHandler& slow) noexcept;
  /// A top-level actor escalated its failure.
  void give_up(Cell& cell, std::string_view why) noexcept;
  const SupervisorStrategy& top_level_strategy() const noexcept { return top_level_strategy_; }
  LogLevel log_level() const noexcept { return log_level_.load(std::memory_order_relaxed); }
  void set_log_level(LogLevel level) noexcept {
    log_level_.store(level, std::memory_order_relaxed);
  }
  /// Of actors whose class asks for none.
  const MailboxOptions& mailbox() const noexcept { return mailbox_; }
  /// Of one actor, those included that are attached to it.
  std::size_t max_children() const noexcept { return limits_.children; }
  /// One more timer than max_timers allows was refused. The first time is logged.
  void note_refused_timer(Cell& cell, std::string_view message_type) noexcept;
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  void count_dead_letter() noexcept { dead_letters_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t dead_letters() const noexcept {
    return dead_letters_.load(std::memory_order_relaxed);
  }

  EventHub& events() noexcept { return *events_; }
  const std::shared_ptr<EventHub>& shared_events() const noexcept { return events_; }
  Timekeeper& timekeeper() noexcept { return timekeeper_; }

  std::weak_ptr<SystemCore> handle;  ///< to give out further handles

 private:
  static bool is_of_extension(const Cell& cell) noexcept { return cell.live_shard >= kLiveShards; }
  ExtensionSlot& slot_of(const Cell& cell) noexcept {
    return extensions_[cell.live_shard - kLiveShards];
  }
  void drop_memory() noexcept;
  std::size_t living_top_level() noexcept;
  static Task<void> shut_down(SystemCore& core);

  std::optional<Scheduler> scheduler_;
  std::shared_ptr<EventHub> events_;
  Timekeeper timekeeper_;
  const SupervisorStrategy top_level_strategy_;
  const MailboxOptions mailbox_;
  const SystemLimits limits_;
  ActorId id_;
  ActorId name_;
  Registry registry_;
  std::atomic<TrackedObserver*> observer_{nullptr};
  LiveShards live_{limits_.actors};
  Extensions extensions_;
  std::atomic<std::size_t> extension_actors_{0};  ///< tracked ones
  std::atomic<std::uint64_t> memory_{1};          ///< cells in memory, and one for the handles
  std::atomic<std::uint64_t> living_children_{0};
  std::atomic<std::uint64_t> context_ids_{0};
  std::atomic<std::uint64_t> dead_letters_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> task_failures_{0};
  std::atomic<std::uint64_t> slow_{0};
  std::atomic<bool> terminated_{false};
  std::atomic<bool> timer_refused_{false};
  std::atomic<LogLevel> log_level_{LogLevel::Info};
  AsyncEvent all_ended_;  ///< actors of users
  Shutdown shutdown_{*this};
};

}  // namespace coerce::detail
