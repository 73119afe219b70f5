/// \file
/// Joining a cluster: listening for other nodes and looking for them.

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/system.hpp>

namespace coerce {

namespace detail {
class RemoteCore;

/// What a ClusterWorkerBuilder gathers.
struct WorkerSettings {
  std::string listen = "0.0.0.0:30101";
  std::string advertise;           ///< empty: where it listens
  std::vector<std::string> seeds;  ///< "host:port"
  Duration join_timeout = std::chrono::seconds(60);
};
}  // namespace detail

/// A node that listens. A handle: its end changes nothing, the node listens until stop(), leave()
/// or the end of its system. Thread-safe.
class RemoteServer {
 public:
  /// "ip:port" with the port that was chosen.
  const std::string& local_addr() const noexcept { return local_; }
  /// What other nodes are told.
  const std::string& advertised_addr() const noexcept { return advertised_; }
  /// See RemoteActorSystem::leave().
  Task<void> stop() const;

  RemoteServer(ActorSystem system, detail::RemoteCore& core, std::string local,
               std::string advertised) noexcept
      : system_(std::move(system)),
        core_(&core),
        local_(std::move(local)),
        advertised_(std::move(advertised)) {}

 private:
  ActorSystem system_;
  detail::RemoteCore* core_;
  std::string local_;
  std::string advertised_;
};

/// How a node joins others. Addresses are "host:port" or "[ipv6]:port". Setters throw
/// std::invalid_argument that names the option.
class ClusterWorkerBuilder {
 public:
  ClusterWorkerBuilder(ActorSystem system, detail::RemoteCore& core)
      : system_(std::move(system)), core_(&core) {}

  /// Default: "0.0.0.0:30101". Port 0: a free one.
  ClusterWorkerBuilder& listen_addr(std::string_view address);
  /// Where others reach this node. Default: where it listens, and if that is every address of the
  /// host, the first one that is not loopback.
  ClusterWorkerBuilder& advertise_addr(std::string_view address);
  /// A node that may know others, or a name for many of them; several calls add up, 64 at the most.
  /// A name is looked up again every two seconds, and each of its addresses is a seed, up to 64 of
  /// them (the lowest). If it has IPv4 and IPv6 addresses, only those of this node's own family
  /// count. An address that turns out to be this node's own is not dialled again.
  ClusterWorkerBuilder& with_seed_addr(std::string_view address);
  /// Default: 60 s.
  ClusterWorkerBuilder& join_timeout(Duration timeout);

  /// Listens and joins. Without seeds this node is a cluster of its own, at once. With them it
  /// joins the cluster that one of them is in, or forms one with them, if a majority of them (this
  /// node counts too) answers that there is none. Returns when this node is a member, linked to all
  /// others, who know it (and there are as many as HeartbeatOptions::minimum_cluster_size asks
  /// for). Once. It waits for a leave() that is under way. Errors: Unreachable (it cannot listen
  /// there), NotSupported (it listens already; no address of its own to advertise; a network where
  /// others may listen, without TLS and allow_plaintext(), or with a weak Authenticator), Timeout
  /// (join_timeout; it does not listen any more then).
  Task<Result<RemoteServer>> start();

 private:
  ActorSystem system_;
  detail::RemoteCore* core_;
  detail::WorkerSettings settings_;
  bool started_ = false;
};

}  // namespace coerce
