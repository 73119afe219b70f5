#include <coerce/remote/system.hpp>
#include <coerce/runtime/detail/timer.hpp>

#include "remote/core.hpp"

namespace coerce {

using detail::RemoteCore;

std::optional<RemoteActorSystem> RemoteActorSystem::of(const ActorSystem& system) {
  RemoteCore* core = system.extension<RemoteCore>();
  if (core == nullptr) return std::nullopt;
  return RemoteActorSystem(system, *core);
}

NodeId RemoteActorSystem::node_id() const noexcept { return core_->self().id; }
const std::string& RemoteActorSystem::node_tag() const noexcept { return core_->settings().tag; }
const std::string& RemoteActorSystem::node_version() const noexcept {
  return core_->settings().version;
}
const std::string& RemoteActorSystem::cluster_name() const noexcept {
  return core_->settings().cluster;
}
const std::map<std::string, std::string>& RemoteActorSystem::attributes() const noexcept {
  return core_->settings().attributes;
}
WallTime RemoteActorSystem::started_at() const noexcept { return core_->self().started_at(); }
SystemCapabilities RemoteActorSystem::capabilities() const {
  return core_->handlers().capabilities();
}

std::optional<NodeId> RemoteActorSystem::current_leader() const {
  return core_->membership().state().leader;
}
std::vector<RemoteNodeState> RemoteActorSystem::get_nodes() const {
  return core_->membership().nodes();
}
std::size_t RemoteActorSystem::inflight_remote_request_count() const noexcept {
  return core_->peer_table().inflight_requests();
}
NetworkCounters RemoteActorSystem::counters() const noexcept {
  return core_->peer_table().counters();
}
NetworkCounters RemoteActorSystem::counters(NodeId node) const noexcept {
  return core_->peer_table().counters(node);
}

std::optional<std::string> RemoteActorSystem::handler_name(const void* actor_key,
                                                           const void* message_key) const {
  const auto* handler = core_->handlers().find(actor_key, message_key);
  return handler != nullptr ? std::optional(handler->name) : std::nullopt;
}

std::string RemoteActorSystem::factory_name(const detail::RefType& wanted) const {
  const auto* factory = core_->handlers().find_factory_of(wanted.actor_key);
  return factory != nullptr ? factory->name : std::string(wanted.name);
}

Task<Result<Bytes>> RemoteActorSystem::handle_message(std::string handler, ActorId id,
                                                      Bytes message, Duration timeout) const {
  return core_->handle_message(std::move(handler), std::move(id), std::move(message), timeout);
}

Task<void> RemoteActorSystem::leave() const {
  return core_->leave(detail::later(core_->world().now(), core_->settings().limits.drain_timeout));
}

Task<ShutdownReport> RemoteActorSystem::shutdown(Duration deadline) const {
  return system_.shutdown(deadline);
}

}  // namespace coerce
