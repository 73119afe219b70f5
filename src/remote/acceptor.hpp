/// \file
/// Takes connections from a listener, for ever.

#pragma once

#include <memory>
#include <string>

#include <coerce/runtime/detail/async_event.hpp>

#include "remote/half_open.hpp"
#include "remote/links.hpp"

namespace coerce::detail {

/// Gives each connection a task of its own, so that no stranger keeps another one waiting. Its
/// tasks share it.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(NodeWorld& world, Links& links, const RemoteLimits& limits,
           std::unique_ptr<Listener> listener)
      : world_(world),
        links_(links),
        half_open_(std::make_shared<HalfOpen>(limits.max_half_open)),
        listener_(std::move(listener)) {}

  /// False: the system takes no more tasks.
  bool start();
  /// Takes no more connections; hellos that are under way end, links stay.
  void close() noexcept;
  std::string local_address() const { return listener_->local_address(); }
  const HalfOpen& half_open() const noexcept { return *half_open_; }

 private:
  static Task<void> run(std::shared_ptr<Acceptor> self);
  static Task<void> serve(std::shared_ptr<Acceptor> self, std::unique_ptr<Guest> guest);
  static Task<void> serve_or_throw(std::shared_ptr<Acceptor> self, Guest& guest);
  void tell_refused(Guest& guest, const HelloOutcome& hello, bool is_displaced);
  void take(std::unique_ptr<Connection> connection);
  Task<void> make_room();
  Task<bool> pause(TransportErr error, unsigned failures);

  NodeWorld& world_;
  Links& links_;
  const std::shared_ptr<HalfOpen> half_open_;
  const std::unique_ptr<Listener> listener_;
  AsyncEvent closing_;
};

}  // namespace coerce::detail
