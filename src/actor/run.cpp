#include <coerce/actor/run.hpp>

#include "actor/system_core.hpp"
#include "runtime/scheduler_core.hpp"
#include "runtime/signal_watch.hpp"

namespace coerce::detail {

int run_main(ActorSystem& system, Task<int> game) {
  constexpr int kIncomplete = 70;  // EX_SOFTWARE of sysexits.h
  const SignalWatch signals(system.scheduler().core(), [system](int signal) {
    log(system.core(), LogLevel::Info, system.system_name().view(), "signal {}: shutting down",
        signal);
    system.core().begin_shutdown();
  });
  int code = kIncomplete;
  try {
    code = system.block_on(std::move(game));
  } catch (const std::exception& error) {
    log(system.core(), LogLevel::Error, system.system_name().view(), "the program failed: {}",
        error.what());
    code = kIncomplete;
  }
  const ShutdownReport report = system.shutdown_blocking();
  log_incomplete(system.core(), report);
  return report.complete ? code : kIncomplete;
}

}  // namespace coerce::detail
