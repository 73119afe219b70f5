/// \file
/// Takes connections from a listener, for ever.

#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <coerce/runtime/detail/async_event.hpp>

#include "remote/links.hpp"

namespace coerce::detail {

/// How many connections have not proven yet who they are. Thread-safe.
class HalfOpen {
 public:
  explicit HalfOpen(std::size_t most) noexcept
      : most_(most), most_of_one_(std::max<std::size_t>(1, most / 2)) {}

  /// Counts one from `host`; false: there are too many, of all or of that host.
  bool enter(const std::string& host);
  void leave(const std::string& host) noexcept;
  std::size_t count() const noexcept;
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::size_t most_;
  const std::size_t most_of_one_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> of_host_;
  std::size_t count_ = 0;
  std::atomic<std::uint64_t> refused_{0};
};

/// Gives each connection a task of its own, so that no stranger keeps another one waiting. Its
/// tasks share it.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(NodeWorld& world, Links& links, const RemoteLimits& limits,
           std::unique_ptr<Listener> listener)
      : world_(world),
        links_(links),
        half_open_(limits.max_half_open),
        listener_(std::move(listener)) {}

  /// False: the system takes no more tasks.
  bool start();
  /// Takes no more connections; hellos that are under way end, links stay.
  void close() noexcept;
  std::string local_address() const { return listener_->local_address(); }
  const HalfOpen& half_open() const noexcept { return half_open_; }

 private:
  static Task<void> run(std::shared_ptr<Acceptor> self);
  static Task<void> serve(std::shared_ptr<Acceptor> self, std::unique_ptr<Connection> connection,
                          std::string host);
  void take(std::unique_ptr<Connection> connection);
  Task<bool> pause(TransportErr error, unsigned failures);

  NodeWorld& world_;
  Links& links_;
  HalfOpen half_open_;
  const std::unique_ptr<Listener> listener_;
  AsyncEvent closing_;
};

}  // namespace coerce::detail
