/// \file
/// Somebody who moves messages from process to process.

#pragma once

#include <functional>
#include <string_view>

#include "job.hpp"

namespace remote_bench {

struct Contender {
  std::string_view name;
  std::uint64_t slower;  ///< its count is divided by this, so that a run takes no minute
  /// Serves until the process is killed; calls `ready` with the port when it may be dialled.
  void (*serve)(const Setting& setting, const std::function<void(std::uint16_t port)>& ready);
  /// Drives the server and measures. Throws std::exception if that fails.
  Outcome (*drive)(const Setting& setting, Server server);
};

Contender plain_asio();
Contender coerce_remote();
#ifdef REMOTE_BENCH_CAF
Contender caf_io();
#endif

}  // namespace remote_bench
