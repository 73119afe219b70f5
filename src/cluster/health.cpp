#include <coerce/cluster/health.hpp>

#include <algorithm>
#include <mutex>

#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "remote/core.hpp"
#include "remote/parts.hpp"

namespace coerce {

std::string_view to_string(HealthStatus status) noexcept {
  switch (status) {
    case HealthStatus::Healthy:
      return "Healthy";
    case HealthStatus::Degraded:
      return "Degraded";
    case HealthStatus::Unhealthy:
      return "Unhealthy";
  }
  return "unknown";
}

namespace detail {

namespace {

constexpr std::size_t kMostChecks = 4096;
constexpr Duration kRoomLooked = std::chrono::milliseconds(20);

/// The actors of a node that are checked. Thread-safe.
class HealthChecks {
 public:
  Result<void> add(HealthCheck check) {
    const std::lock_guard guard(mutex_);
    const auto place = std::ranges::find(checks_, check.id, &HealthCheck::id);
    if (place != checks_.end()) {
      if (place->cell != check.cell && !place->has_ended())
        return coerce::unexpected(ActorRefErr::AlreadyExists(check.id));
      *place = std::move(check);
      return {};
    }
    if (checks_.size() >= kMostChecks)
      return coerce::unexpected(ActorRefErr::Overloaded("as many actors are checked as may be"));
    checks_.push_back(std::move(check));
    return {};
  }
  bool remove(const ActorId& id) {
    const std::lock_guard guard(mutex_);
    return std::erase_if(checks_, [&](const HealthCheck& check) { return check.id == id; }) > 0;
  }
  std::vector<HealthCheck> all() const {
    const std::lock_guard guard(mutex_);
    return checks_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<HealthCheck> checks_;
};

const ModuleOfNodes kHealth([](RemoteCore& core) { core.keep(std::make_shared<HealthChecks>()); });

HealthChecks& checks_of(const RemoteActorSystem& node) { return *node.core().part<HealthChecks>(); }

/// How long an actor took; none: it did not get to its check.
Task<std::optional<Duration>> response_time(HealthCheck check, Duration limit, Clock& clock) {
  const TimePoint began = clock.now();
  for (;;) {
    auto asking = check.ask(began + limit - clock.now());
    const auto answer = co_await asking;
    const Duration took = clock.now() - began;
    if (answer) co_return took;
    const ActorRefErrKind why = answer.error().kind();
    // It is the one that asks: it runs.
    if (why == ActorRefErrKind::NotSupported) co_return took;
    if (why != ActorRefErrKind::MailboxFull || took + kRoomLooked >= limit) co_return std::nullopt;
    const bool slept = co_await sleep_for(kRoomLooked);
    if (!slept) co_return std::nullopt;
  }
}

HealthStatus status_of(std::optional<Duration> took, const HealthOptions& options) noexcept {
  if (!took) return HealthStatus::Unhealthy;
  return *took > options.degraded_after ? HealthStatus::Degraded : HealthStatus::Healthy;
}

/// Does the node see as many others as it needs?
bool sees_enough(const RemoteActorSystem& node, const std::vector<RemoteNodeState>& nodes) {
  const auto healthy = std::ranges::count(nodes, NodeStatus::Healthy, &RemoteNodeState::status);
  const auto& heartbeat = node.core().settings().heartbeat;
  return static_cast<std::size_t>(healthy) >= heartbeat.minimum_cluster_size.value_or(1);
}

}  // namespace

Result<void> add_health_check(const RemoteActorSystem& node, HealthCheck check) {
  if (check.has_ended()) return coerce::unexpected(ActorRefErr::InvalidRef());
  return checks_of(node).add(std::move(check));
}

bool remove_health_check(const RemoteActorSystem& node, const ActorId& id) {
  return checks_of(node).remove(id);
}

Task<SystemHealth> system_health(RemoteActorSystem node, HealthOptions options) {
  const std::vector<HealthCheck> checks = checks_of(node).all();
  Clock& clock = node.actor_system().clock();
  std::vector<Task<std::optional<Duration>>> asked;
  for (const HealthCheck& check : checks)
    asked.push_back(response_time(check, options.deadline, clock));
  auto asking = when_all(std::move(asked));
  const auto times = co_await asking;

  SystemHealth health;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    health.actor_response_times.emplace(checks[i].path, times[i]);
    health.status = std::max(health.status, status_of(times[i], options));
  }
  health.node_id = node.node_id();
  health.node_tag = node.node_tag();
  health.node_version = node.node_version();
  health.node_started_at = node.started_at();
  health.current_leader = node.current_leader();
  health.nodes = node.get_nodes();
  health.is_live = !node.actor_system().is_terminated();
  const bool is_leaving = node.core().is_leaving();
  health.is_ready = health.is_live && !is_leaving && health.status != HealthStatus::Unhealthy &&
                    sees_enough(node, health.nodes);
  co_return health;
}

}  // namespace detail
}  // namespace coerce
