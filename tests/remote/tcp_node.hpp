/// \file
/// Nodes over TCP on this machine, for tests.

#pragma once

#include <coerce/remote/system.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "remote/node_support.hpp"

namespace coerce::test {

/// A node of its own system.
struct TcpNode {
  explicit TcpNode(NodeId id, const Setup& setup = {}) {
    auto builder = RemoteActorSystem::builder();
    builder.with_id(id).with_actor_system(system);
    if (setup) setup(builder);
    auto built = system.block_on(builder.build());
    REQUIRE(built);
    remote = *built;
  }
  ~TcpNode() {
    const auto report = system.shutdown_blocking(10s);
    CHECK(report.complete);
  }

  Result<RemoteServer> start(const std::vector<std::string>& seeds = {}, Duration limit = 20s) {
    auto worker = remote->cluster_worker();
    worker.listen_addr("127.0.0.1:0").join_timeout(limit);
    for (const auto& seed : seeds) worker.with_seed_addr(seed);
    return system.block_on(worker.start());
  }

  ActorSystem system = ActorSystem::builder().worker_threads(2).build();
  std::optional<RemoteActorSystem> remote;
};

template <class F>
bool within(Duration limit, const F& done) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

}  // namespace coerce::test
