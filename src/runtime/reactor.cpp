#include "reactor.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

namespace coerce::detail {

namespace {
constexpr std::size_t kHandlersPerPoll = 64;
}

// The hint says that one thread at a time runs it, which the driver role guarantees.
Reactor::Reactor() : context_(std::make_unique<asio::io_context>(1)) {}
Reactor::~Reactor() = default;

std::size_t Reactor::poll() {
  if (context_->stopped()) context_->restart();
  std::size_t handlers = 0;
  while (handlers < kHandlersPerPoll && context_->poll_one() != 0) ++handlers;
  return handlers;
}

void Reactor::wait(Duration timeout) {
  if (context_->stopped()) context_->restart();
  // Without work run_one returns at once; the guard makes it wait for an interrupt.
  const auto guard = asio::make_work_guard(*context_);
  if (context_->run_one_for(timeout) != 0) poll();
}

void Reactor::interrupt() {
  asio::post(*context_, [] {});
}

}  // namespace coerce::detail
