/// \file
/// The door to the operating system's events: an Asio io_context.

#pragma once

#include <memory>

#include <coerce/runtime/clock.hpp>

namespace asio {
class io_context;
}

namespace coerce::detail {

/// poll() and wait() are for one thread at a time; interrupt() is for any.
class Reactor {
 public:
  Reactor();
  ~Reactor();

  asio::io_context& context() noexcept { return *context_; }
  /// Runs what is ready, a bounded number of handlers. Returns how many.
  std::size_t poll();
  /// Waits for an event, an interrupt or `timeout`, and runs the handlers that are ready.
  void wait(Duration timeout);
  void interrupt();

 private:
  std::unique_ptr<asio::io_context> context_;
};

}  // namespace coerce::detail
