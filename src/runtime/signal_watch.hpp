/// \file
/// SIGINT and SIGTERM as an event.

#pragma once

#include <functional>
#include <memory>

namespace coerce::detail {

class SchedulerCore;

/// Calls `callback(signal)` on a worker at the first SIGINT or SIGTERM while it lives; the next one
/// has the process's default effect again. Not thread-safe; one at a time in a process.
class SignalWatch {
 public:
  SignalWatch(SchedulerCore& core, std::function<void(int)> callback);
  ~SignalWatch();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace coerce::detail
