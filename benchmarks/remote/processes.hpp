/// \file
/// Runs a job in two processes of its own.

#pragma once

#include "contender.hpp"

#include <optional>
#include <vector>

namespace remote_bench {

/// Starts a server and a driver, and gives what the driver has measured. None if either failed or
/// took longer than `limit_seconds`; both have ended then. The calling process must have no
/// threads.
std::optional<Outcome> run_in_two_processes(const Contender& contender, const Setting& setting,
                                            unsigned limit_seconds);

/// Keeps all processors awake with threads that run when nobody else wants to: a processor that
/// sleeps takes longer to wake than a message takes to travel, and that would be measured.
class Awake {
 public:
  Awake();
  ~Awake();
  Awake(const Awake&) = delete;
  Awake& operator=(const Awake&) = delete;

 private:
  std::vector<pid_t> spinning_;
};

}  // namespace remote_bench
