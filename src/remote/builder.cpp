#include <coerce/remote/system.hpp>

#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>

#include <coerce/remote/tcp.hpp>
#include <coerce/remote/tls.hpp>

#include "remote/core.hpp"
#include "remote/frame.hpp"
#include "remote/node_refs.hpp"

namespace coerce {

namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kMostDescription = 2048;

std::string checked_name(std::string_view option, std::string_view name) {
  if (name.empty() || name.size() > kLongestName)
    throw std::invalid_argument(fmt::format("{}: has 1 to {} bytes", option, kLongestName));
  return std::string(name);
}

void check_description(std::string_view option, const detail::NodeSettings& settings) {
  std::size_t size = 0;
  for (const auto& [name, value] : settings.attributes) size += name.size() + value.size() + 8;
  for (const auto& role : settings.roles) size += role.size() + 4;
  if (size > kMostDescription)
    throw std::invalid_argument(
        fmt::format("{}: all attributes and roles together have at most {} "
                    "bytes",
                    option, kMostDescription));
}

void check(bool is_good, std::string_view what) {
  if (!is_good) throw std::invalid_argument(std::string(what));
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && (std::string_view(value) == "1" || std::string_view(value) == "true");
}

Task<Result<RemoteActorSystem>> build_node(ActorSystem system,
                                           std::shared_ptr<detail::RemoteCore> core) {
  if (system.extension<detail::RemoteCore>() != nullptr)
    co_return coerce::unexpected(
        ActorRefErr::NotSupported({}, {}, {}, "the actor system is a node already"));
  auto extended = system.extend(core);
  if (!extended) co_return coerce::unexpected(std::move(extended).error());
  const std::shared_ptr<detail::RefResolver> refs = std::make_shared<detail::NodeRefs>(*core);
  extended = system.extend(refs);
  if (!extended) co_return coerce::unexpected(std::move(extended).error());
  co_return RemoteActorSystem(std::move(system), *core);
}

}  // namespace

RemoteActorSystemBuilder RemoteActorSystem::builder() { return {}; }

RemoteActorSystemBuilder::RemoteActorSystemBuilder()
    : settings_(std::make_unique<detail::NodeSettings>()) {
  settings_->make_transport = [](const ActorSystem& system) {
    return std::make_shared<TcpTransport>(system);
  };
  settings_->override_incoming_address = is_set("COERCE_OVERRIDE_INCOMING_NODE_ADDR");
}
RemoteActorSystemBuilder::RemoteActorSystemBuilder(RemoteActorSystemBuilder&&) noexcept = default;
RemoteActorSystemBuilder& RemoteActorSystemBuilder::operator=(RemoteActorSystemBuilder&&) noexcept =
    default;
RemoteActorSystemBuilder::~RemoteActorSystemBuilder() = default;

RemoteActorSystemBuilder& RemoteActorSystemBuilder::with_id(NodeId id) {
  check(id != 0 && id <= kMaxNodeId, "with_id: a node id is above 0 and below 2^63");
  settings_->id = id;
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::with_tag(std::string_view tag) {
  settings_->tag = checked_name("with_tag", tag);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::with_version(std::string_view version) {
  settings_->version = checked_name("with_version", version);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::with_actor_system(ActorSystem system) {
  system_ = std::move(system);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::attribute(std::string_view name,
                                                              std::string_view value) {
  settings_->attributes[checked_name("attribute", name)] = value;
  check_description("attribute", *settings_);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::role(std::string_view name) {
  settings_->roles.insert(checked_name("role", name));
  check_description("role", *settings_);
  return *this;
}

RemoteHandlers& RemoteActorSystemBuilder::handlers() noexcept { return settings_->handlers; }

RemoteActorSystemBuilder& RemoteActorSystemBuilder::heartbeat(const HeartbeatOptions& options) {
  check(options.interval > Duration::zero(), "heartbeat: interval must be above zero");
  check(options.ping_timeout > Duration::zero(), "heartbeat: ping_timeout must be above zero");
  check(options.unhealthy_node_heartbeat_timeout > options.interval,
        "heartbeat: unhealthy_node_heartbeat_timeout must be above interval");
  check(options.terminated_node_heartbeat_timeout > options.unhealthy_node_heartbeat_timeout,
        "heartbeat: terminated_node_heartbeat_timeout must be above "
        "unhealthy_node_heartbeat_timeout");
  settings_->heartbeat = options;
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::downing(const Downing& strategy) {
  if (const auto* quorum = std::get_if<StaticQuorum>(&strategy); quorum && quorum->members == 0)
    throw std::invalid_argument("coerce: downing: StaticQuorum.members must not be 0");
  settings_->downing = strategy;
  return *this;
}
RemoteActorSystemBuilder& RemoteActorSystemBuilder::limits(const RemoteLimits& limits) {
  constexpr std::size_t kMostFrame = std::size_t{1} << 30;
  check(limits.max_frame >= detail::kMaxChunk && limits.max_frame <= kMostFrame,
        "limits: max_frame is from 64 KiB to 1 GiB");
  check(limits.high_water > 0, "limits: high_water must be above zero");
  check(limits.max_requests > 0, "limits: max_requests must be above zero");
  check(limits.max_inbound_requests > 0, "limits: max_inbound_requests must be above zero");
  check(limits.request_timeout > Duration::zero(), "limits: request_timeout must be above zero");
  check(limits.write_deadline > Duration::zero(), "limits: write_deadline must be above zero");
  check(limits.max_half_open > 0, "limits: max_half_open must be above zero");
  check(limits.handshake_timeout > Duration::zero(),
        "limits: handshake_timeout must be above zero");
  check(limits.resolve_timeout > Duration::zero(), "limits: resolve_timeout must be above zero");
  check(limits.max_nodes > 0, "limits: max_nodes must be above zero");
  check(limits.max_questions > 0, "limits: max_questions must be above zero");
  check(limits.max_located_actors > 0, "limits: max_located_actors must be above zero");
  check(limits.max_watched > 0, "limits: max_watched must be above zero");
  check(limits.max_topics > 0, "limits: max_topics must be above zero");
  check(limits.max_subscriptions > 0, "limits: max_subscriptions must be above zero");
  check(limits.drain_timeout >= Duration::zero(), "limits: drain_timeout must not be negative");
  check(limits.ended_nodes_listed >= Duration::zero(),
        "limits: ended_nodes_listed must not be negative");
  settings_->limits = limits;
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::leases(std::shared_ptr<LeaseStore> store,
                                                           const LeaseOptions& options) {
  check(store != nullptr, "leases: none");
  check(options.renewal > Duration::zero(), "leases: renewal must be above zero");
  check(options.margin >= Duration::zero(), "leases: margin must not be negative");
  check(options.renewal < options.ttl - options.margin,
        "leases: renewal must be below ttl without the margin");
  settings_->leases = std::move(store);
  settings_->lease = options;
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::cluster_name(std::string_view name) {
  settings_->cluster = checked_name("cluster_name", name);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::authenticator(
    std::shared_ptr<Authenticator> authenticator) {
  check(authenticator != nullptr, "authenticator: none");
  settings_->authenticator = std::move(authenticator);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::tls(const TlsOptions& options) {
  options.check();
  settings_->make_transport = [options](const ActorSystem& system) {
    return std::make_shared<TcpTransport>(system, options);
  };
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::transport(
    std::shared_ptr<Transport> transport) {
  check(transport != nullptr, "transport: none");
  settings_->transport = std::move(transport);
  return *this;
}

RemoteActorSystemBuilder& RemoteActorSystemBuilder::allow_plaintext() {
  settings_->allow_plaintext = true;
  return *this;
}

Task<Result<RemoteActorSystem>> RemoteActorSystemBuilder::build() {
  if (!settings_)
    throw std::logic_error("coerce: RemoteActorSystemBuilder::build() was called before");
  auto settings = std::exchange(settings_, nullptr);
  return build_node(system_ ? *system_ : ActorSystem::global_system(),
                    std::make_shared<detail::RemoteCore>(std::move(*settings)));
}

}  // namespace coerce
