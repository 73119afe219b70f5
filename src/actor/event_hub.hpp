/// \file
/// Where the events of a system go.

#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include <coerce/actor/events.hpp>
#include <coerce/runtime/detail/worker.hpp>

namespace coerce::detail {

/// One subscription. Runs on a worker while events wait; `self_` keeps it while it is queued there.
class Subscriber : Runnable {
 public:
  Subscriber(EventHub& hub, std::size_t event_kind, std::function<void(const Event&)> deliver,
             std::size_t capacity) noexcept;

  std::size_t kind() const noexcept { return kind_; }
  /// Under the hub's lock. `self` is this.
  void take(SchedulerCore& scheduler, const Event& event, const std::shared_ptr<Subscriber>& self);
  /// Returns when no callback runs any more, unless called by the callback.
  void end() noexcept;
  /// The scheduler has ended: nothing runs any more.
  void forget() noexcept;
  bool is_queued() noexcept {
    const std::lock_guard guard(mutex_);
    return self_ != nullptr;
  }

 private:
  static constexpr int kEventsPerTurn = 64;

  static void run_subscriber(Runnable& runnable, ThreadState& thread);
  void deliver_some(ThreadState& thread);

  std::weak_ptr<EventHub> hub_;
  const std::size_t kind_;
  const std::function<void(const Event&)> deliver_;
  const std::size_t capacity_;

  std::mutex mutex_;
  std::deque<Event> waiting_;
  std::uint64_t lost_ = 0;  ///< since the last Lagged
  bool loss_logged_ = false;
  bool ended_ = false;
  std::shared_ptr<Subscriber> self_;                 ///< set while queued or running
  std::atomic<const ThreadState*> runner_{nullptr};  ///< the thread that is in the callback
};

/// Outlives the system while subscriptions do.
class EventHub : public std::enable_shared_from_this<EventHub> {
 public:
  explicit EventHub(SchedulerCore& scheduler) noexcept : scheduler_(&scheduler) {}

  /// One relaxed load: does anybody want to hear of this? Ask before the event is made.
  template <EventType E>
  bool wants() const noexcept {
    return (wanted_.load(std::memory_order_relaxed) & (1U << kEventIndex<E, Event>)) != 0;
  }
  void publish(const Event& event);
  Subscription add(std::size_t kind, std::function<void(const Event&)> deliver,
                   SubscribeOptions options);
  void remove(const std::shared_ptr<Subscriber>& subscriber) noexcept;
  /// Nothing is published any more; before the scheduler ends.
  void close() noexcept;
  /// After the scheduler has ended.
  void forget_queued() noexcept;

  void count_lost() noexcept { lost_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  void find_wanted() noexcept;

  std::atomic<std::uint32_t> wanted_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::mutex mutex_;
  SchedulerCore* scheduler_;  ///< none: closed
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::vector<std::shared_ptr<Subscriber>> leaving_;  ///< ended, and perhaps still queued
};

}  // namespace coerce::detail
