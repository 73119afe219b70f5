#include <coerce/remote/server.hpp>

#include <stdexcept>

#include <fmt/format.h>

#include <coerce/remote/system.hpp>

#include "remote/address.hpp"
#include "remote/core.hpp"

namespace coerce {

namespace {

constexpr std::size_t kMostSeeds = 64;

std::string checked(std::string_view option, std::string_view address, bool may_be_any) {
  const auto parsed = detail::parse_address(address);
  if (!parsed)
    throw std::invalid_argument(fmt::format("{}: '{}' is no \"host:port\" or \"[ipv6]:port\"",
                                            option, detail::printable(address)));
  if (!may_be_any && (parsed->port == 0 || detail::is_unspecified(parsed->host)))
    throw std::invalid_argument(
        fmt::format("{}: nobody can be reached at '{}'", option, detail::printable(address)));
  return std::string(address);
}

Task<Result<RemoteServer>> start_worker(RemoteActorSystem node, detail::WorkerSettings settings) {
  auto starting = node.core().start_worker(std::move(settings));
  auto addresses = co_await starting;
  if (!addresses) co_return coerce::unexpected(std::move(addresses).error());
  co_return RemoteServer(node.actor_system(), node.core(), std::move(addresses->local),
                         std::move(addresses->advertised));
}

}  // namespace

ClusterWorkerBuilder RemoteActorSystem::cluster_worker() const { return {system_, *core_}; }

Task<void> RemoteServer::stop() const { return RemoteActorSystem(system_, *core_).leave(); }

ClusterWorkerBuilder& ClusterWorkerBuilder::listen_addr(std::string_view address) {
  settings_.listen = checked("listen_addr", address, true);
  return *this;
}

ClusterWorkerBuilder& ClusterWorkerBuilder::advertise_addr(std::string_view address) {
  settings_.advertise = checked("advertise_addr", address, false);
  return *this;
}

ClusterWorkerBuilder& ClusterWorkerBuilder::with_seed_addr(std::string_view address) {
  if (settings_.seeds.size() >= kMostSeeds)
    throw std::invalid_argument(fmt::format("with_seed_addr: more than {} seeds", kMostSeeds));
  settings_.seeds.push_back(checked("with_seed_addr", address, false));
  return *this;
}

ClusterWorkerBuilder& ClusterWorkerBuilder::join_timeout(Duration timeout) {
  if (timeout <= Duration::zero()) throw std::invalid_argument("join_timeout: must be above zero");
  settings_.join_timeout = timeout;
  return *this;
}

Task<Result<RemoteServer>> ClusterWorkerBuilder::start() {
  if (std::exchange(started_, true))
    throw std::logic_error("coerce: ClusterWorkerBuilder::start() was called before");
  return start_worker(RemoteActorSystem(system_, *core_), std::move(settings_));
}

}  // namespace coerce
