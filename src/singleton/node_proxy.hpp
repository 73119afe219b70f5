/// \file
/// The way from this node to one singleton: messages wait here until it is found.

#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/singleton/detail/calls.hpp>

#include "remote/node_world.hpp"

namespace coerce::detail {

/// Where a singleton is.
struct SingletonRoute {
  CellRef actor;  ///< or what stands for it
  NodeId node = 0;
  std::uint64_t view = 0;
};

/// Notifies wait in their order, and are given one after the other; a send waits for those that
/// were queued before it. All that wait count for the capacity. Thread-safe; lives no longer than
/// its node's system.
class NodeProxy final : public SingletonProxy, public std::enable_shared_from_this<NodeProxy> {
 public:
  NodeProxy(NodeWorld& world, std::string name, std::size_t capacity, Duration timeout)
      : world_(world), name_(std::move(name)), capacity_(capacity), timeout_(timeout) {}

  // ---- what the node finds out
  void lead(std::optional<SingletonRoute> route);
  /// All sends that wait now are told so; notifies go on waiting.
  void start_failed(std::string_view why);

  // ---- SingletonProxy
  Task<Result<CellRef>> find(TimePoint until, std::optional<CellRef> gone) override;
  Result<void> notify(std::unique_ptr<SingletonMessage> message) override;
  std::optional<std::pair<NodeId, std::uint64_t>> host() const override;
  std::uint64_t lost_count() const noexcept override {
    return lost_.load(std::memory_order_relaxed);
  }
  TimePoint now() const noexcept override { return world_.now(); }
  Duration timeout() const noexcept override { return timeout_; }

 private:
  struct Waiting {
    std::unique_ptr<SingletonMessage> message;
    TimePoint until;
  };
  /// One of those that may wait, until it is destroyed.
  class Place;

  // Under the lock.
  bool is_open() const;
  void tell();
  void drop_first();
  Result<void> queue(std::unique_ptr<SingletonMessage> message);

  void lose(std::string_view why);
  static Task<void> give_all(std::shared_ptr<NodeProxy> self);

  NodeWorld& world_;
  const std::string name_;
  const std::size_t capacity_;
  const Duration timeout_;
  std::atomic<std::uint64_t> lost_{0};

  mutable std::mutex mutex_;
  std::optional<SingletonRoute> route_;
  std::shared_ptr<AsyncEvent> changed_ = std::make_shared<AsyncEvent>();
  std::deque<Waiting> queue_;
  bool is_giving_ = false;     ///< a task gives what is in queue_
  std::size_t waiting_ = 0;    ///< those in queue_, and sends
  std::uint64_t queued_ = 0;   ///< notifies, since the beginning
  std::uint64_t settled_ = 0;  ///< of these: given or lost
  std::uint64_t failures_ = 0;
  std::string failure_;  ///< the latest
};

}  // namespace coerce::detail
