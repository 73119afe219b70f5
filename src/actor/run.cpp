#include <coerce/actor/run.hpp>

#include <spdlog/spdlog.h>

#include "runtime/signal_watch.hpp"

namespace coerce::detail {

namespace {

Task<void> shut_down(ActorSystem system) { co_await system.shutdown(); }

}  // namespace

int run_main(ActorSystem& system, Task<int> game) {
  constexpr int kIncomplete = 70;  // EX_SOFTWARE of sysexits.h
  const SignalWatch signals(system.scheduler().core(), [system](int signal) {
    spdlog::info("coerce: signal {}: shutting down", signal);
    system.spawn(shut_down(system));
  });
  int code = kIncomplete;
  try {
    code = system.block_on(std::move(game));
  } catch (const std::exception& error) {
    spdlog::error("coerce: the program failed: {}", error.what());
    code = kIncomplete;
  }
  const ShutdownReport report = system.shutdown_blocking();
  for (const StuckActor& stuck : report.stuck)
    spdlog::error("coerce: {} ({}) did not stop: it handles {}", stuck.path.view(),
                  stuck.actor_type, stuck.message_type);
  return report.complete ? code : kIncomplete;
}

}  // namespace coerce::detail
