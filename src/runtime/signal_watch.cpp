#include "signal_watch.hpp"

#include <csignal>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>

#include "runtime/scheduler_core.hpp"

namespace coerce::detail {

struct SignalWatch::State {
  State(SchedulerCore& owner, std::function<void(int)> function)
      : core(owner),
        signals(owner.reactor().context(), SIGINT, SIGTERM),
        callback(std::move(function)) {}

  SchedulerCore& core;
  asio::signal_set signals;
  std::function<void(int)> callback;
};

SignalWatch::SignalWatch(SchedulerCore& core, std::function<void(int)> callback)
    : state_(std::make_shared<State>(core, std::move(callback))) {
  core.io_work_started();
  state_->signals.async_wait(
      [state = std::weak_ptr<State>(state_), &core](asio::error_code error, int signal) {
        core.io_work_finished();
        const auto alive = state.lock();
        if (error || !alive) return;
        asio::error_code ignored;
        alive->signals.clear(ignored);
        alive->callback(signal);
      });
}

SignalWatch::~SignalWatch() {
  asio::error_code ignored;
  state_->signals.cancel(ignored);
}

}  // namespace coerce::detail
