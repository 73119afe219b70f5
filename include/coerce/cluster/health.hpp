/// \file
/// Is this node well? Checks of actors, for people and for orchestrators.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coerce/actor/ref.hpp>
#include <coerce/remote/system.hpp>

namespace coerce {

enum class HealthStatus : std::uint8_t {
  Healthy,
  Degraded,   ///< an actor took longer than a second
  Unhealthy,  ///< an actor has ended, failed, or not answered in time
};
std::string_view to_string(HealthStatus status) noexcept;

/// How a node is, as it sees itself.
struct SystemHealth {
  HealthStatus status = HealthStatus::Healthy;
  /// The system takes messages: it is not shutting down. Where it is false a process is to be
  /// started again; an actor that is slow is no reason for that.
  bool is_live = true;
  /// Requests may be sent to it: live, not Unhealthy, neither leaving nor shutting down, and it
  /// sees as many Healthy members as HeartbeatOptions::minimum_cluster_size demands.
  bool is_ready = true;
  NodeId node_id = 0;
  std::string node_tag;
  std::string node_version;
  WallTime node_started_at{};
  std::optional<NodeId> current_leader;
  /// How long each checked actor took to get to its check, by its full path; none if it did not.
  std::map<std::string, std::optional<Duration>> actor_response_times;
  std::vector<RemoteNodeState> nodes;
};

/// When a check is bad.
struct HealthOptions {
  Duration degraded_after = std::chrono::seconds(1);
  /// A check that has no answer by then counts as failed. \pre above degraded_after
  Duration deadline = std::chrono::seconds(5);
};
static_assert(std::is_trivially_destructible_v<HealthOptions>);

namespace detail {

/// Gives nothing; takes its turn in the mailbox.
struct TakeTurn {
  template <class A>
  void operator()(A&) const noexcept {}
};

struct HealthCheck {
  std::string path;  ///< full
  const void* cell;  ///< only its address is used
  ActorId id;
  std::function<bool()> has_ended;
  /// Waits for the actor's turn, at most so long. Errors: as of send().
  std::function<Task<Result<void>>(Duration limit)> ask;
};

template <class A>
Task<Result<void>> take_turn(WeakActorRef<A> actor, Duration limit) {
  const auto ref = actor.lock();
  if (!ref) co_return coerce::unexpected(ActorRefErr::InvalidRef());
  const TakeTurn nothing;
  TimedSendAwaiter<Exec<A, TakeTurn>> asking(*ref->cell(), limit, &exec_op<A, TakeTurn>, nothing);
  auto answer = co_await asking;
  co_return answer;
}

Result<void> add_health_check(const RemoteActorSystem& node, HealthCheck check);
bool remove_health_check(const RemoteActorSystem& node, const ActorId& id);
Task<SystemHealth> system_health(RemoteActorSystem node, HealthOptions options);

}  // namespace detail

/// The health of a node. Thread-safe.
class Heartbeat {
 public:
  /// Asks all actors that were added, at the same time, each through its mailbox, behind the
  /// messages that wait there: so a busy actor shows. Ends by the deadline, whatever they do.
  static Task<SystemHealth> get_system_health(RemoteActorSystem node, HealthOptions options = {}) {
    return detail::system_health(std::move(node), options);
  }

  /// The actor is checked from now on. It is not kept from ending, which is Unhealthy, until it is
  /// removed. Nothing happens if it is checked already; another one with the same id takes the
  /// place of one that has ended. Errors: AlreadyExists (another one with that id is checked),
  /// InvalidRef (it has ended), Overloaded (4096 are checked).
  template <class A>
  static Result<void> add(const LocalActorRef<A>& actor, const RemoteActorSystem& node) {
    return detail::add_health_check(
        node, {path_of(actor), actor.cell().get(), actor.actor_id(),
               [weak = actor.weak()] { return !weak.lock(); },
               [weak = actor.weak()](Duration limit) { return detail::take_turn(weak, limit); }});
  }
  /// False: it was not checked.
  static bool remove(const ActorId& id, const RemoteActorSystem& node) {
    return detail::remove_health_check(node, id);
  }

 private:
  template <class A>
  static std::string path_of(const LocalActorRef<A>& actor) {
    return actor.actor_path().str() + "/" + actor.actor_id().str();
  }
};

}  // namespace coerce
