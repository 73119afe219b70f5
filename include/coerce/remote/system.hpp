/// \file
/// A node: an actor system that talks to others.

#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/system.hpp>
#include <coerce/remote/authenticator.hpp>
#include <coerce/remote/counters.hpp>
#include <coerce/remote/detail/node_calls.hpp>
#include <coerce/remote/downing.hpp>
#include <coerce/remote/handlers.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/options.hpp>
#include <coerce/remote/server.hpp>
#include <coerce/remote/transport.hpp>

namespace coerce {

class JwtOptions;
class LeaseStore;
class RemoteActorSystemBuilder;
class TlsOptions;

/// Names an actor and what is sent to it, as other nodes understand it.
struct RemoteMessageHeader {
  ActorId actor_id;
  std::string handler_type;
};

/// An actor system as a node: a cheap handle, copies refer to the same one. Thread-safe.
///
/// A node talks to nobody until its cluster_worker() has started; what is asked of it until then
/// concerns this process alone. It ends with its actor system.
class RemoteActorSystem {
 public:
  static RemoteActorSystemBuilder builder();
  /// The node that a system is; none if it is none. Inside an actor: of(ctx.system()).
  static std::optional<RemoteActorSystem> of(const ActorSystem& system);

  const ActorSystem& actor_system() const noexcept { return system_; }

  NodeId node_id() const noexcept;
  const std::string& node_tag() const noexcept;
  const std::string& node_version() const noexcept;  ///< of the application
  const std::string& cluster_name() const noexcept;
  const std::map<std::string, std::string>& attributes() const noexcept;
  /// When its present incarnation began, by its wall clock.
  WallTime started_at() const noexcept;
  /// What other nodes may send and deploy here.
  SystemCapabilities capabilities() const;
  /// The same of another node, which is asked. Errors: Unreachable, Timeout.
  Task<Result<SystemCapabilities>> capabilities(NodeId node,
                                                Duration timeout = std::chrono::seconds(5)) const {
    return detail::capabilities(*core_, node, timeout);
  }

  /// The oldest member that does not leave, by the view that all members have agreed on; none
  /// before this node has joined a cluster. A node without seeds is a cluster, and its leader.
  std::optional<NodeId> current_leader() const;
  /// All that this node knows of, itself included; an ended one stays listed as Terminated for a
  /// minute (RemoteLimits::ended_nodes_listed). In the order of their ids.
  std::vector<RemoteNodeState> get_nodes() const;
  /// Requests to other nodes that wait for their answers.
  std::size_t inflight_remote_request_count() const noexcept;
  /// Of all links since the node was built.
  NetworkCounters counters() const noexcept;
  /// Of the links with one node; zero if it is not known.
  NetworkCounters counters(NodeId node) const noexcept;

  /// How to join others: start() of what this gives.
  ClusterWorkerBuilder cluster_worker() const;

  /// The name under which M is sent to actors of class A; none if it was not registered.
  template <class A, class M>
  std::optional<std::string> handler_name() const {
    return handler_name(&detail::kActorKey<A>, &detail::kMessageKey<M>);
  }
  /// Error: NotSupported, if M was not registered for A.
  template <class A, class M>
  Result<RemoteMessageHeader> create_header(ActorId id) const {
    auto name = handler_name<A, M>();
    if (!name)
      return coerce::unexpected(
          ActorRefErr::NotSupported(std::move(id), type_name_of<M>(), type_name_of<A>()));
    return RemoteMessageHeader{std::move(id), std::move(*name)};
  }
  /// Gives a message of bytes to an actor of this node, and its answer as bytes. Errors:
  /// NotSupported (no such handler, or the actor is of another class), NotFound, Deserialisation,
  /// Serialisation (of the answer), Timeout, and what the actor says.
  Task<Result<Bytes>> handle_message(std::string handler, ActorId id, Bytes message,
                                     Duration timeout = std::chrono::seconds(5)) const;

  /// A reference to a tracked actor, wherever in the cluster it is. Errors: NotFound (all healthy
  /// members say that they have none), NotSupported (it is of another class, and here), Unreachable
  /// (nobody who answered has it, and a member did not answer in its share of the timeout, or could
  /// not be asked), Timeout (there was no time to ask all who might have it).
  template <class A>
  Task<Result<ActorRef<A>>> actor_ref(ActorId id,
                                      Duration timeout = std::chrono::seconds(5)) const {
    return typed<A>(*this,
                    detail::find_actor(*core_, std::move(id), detail::ref_type_of<A>(), timeout));
  }
  /// The node that has the tracked actor; errors as for actor_ref.
  Task<Result<NodeId>> locate_actor_node(ActorId id,
                                         Duration timeout = std::chrono::seconds(5)) const {
    return detail::locate(*core_, std::move(id), timeout);
  }
  /// Lets a node make an actor from a recipe, with the factory of that class that it has
  /// registered. `factory` says of which class. Errors: AlreadyExists (the id is in use),
  /// NotSupported (the node has no such factory), Serialisation and Deserialisation (of the
  /// recipe), ActorStartFailed (with what the factory said), Unreachable, Timeout (the actor may
  /// have been made).
  template <int = 0, class F, class R>
    requires TransmittableActorFactory<std::remove_cvref_t<F>> &&
             std::convertible_to<R, typename std::remove_cvref_t<F>::Recipe>
  auto deploy_actor(F&&, R&& recipe, DeployOptions options = DeployOptions()) const {
    detail::refuse_awaited_temporary<F, R>();
    using Plain = std::remove_cvref_t<F>;
    using Recipe = typename Plain::Recipe;
    using A = typename Plain::Actor;
    auto bytes = [&]() -> Result<Bytes> {
      if constexpr (std::same_as<std::remove_cvref_t<R>, Recipe>)
        return encode_message<Recipe>(recipe);
      else
        return encode_message<Recipe>(Recipe(std::forward<R>(recipe)));
    }();
    return deployed<A>(*this, std::move(bytes), std::move(options));
  }
  template <int = 0, class F, class R,
            auto because = detail::kNoFactoryReason<std::remove_cvref_t<F>>>
    requires(!TransmittableActorFactory<std::remove_cvref_t<F>>)
  Task<bool> deploy_actor(F&&, R&&, DeployOptions = DeployOptions()) const = delete;

  /// Says goodbye to all nodes, once what waits for them is written (RemoteLimits::drain_timeout),
  /// and listens no more. The system goes on alone, and may start a cluster_worker() again.
  Task<void> leave() const;
  /// Leaves, and shuts the actor system down.
  Task<ShutdownReport> shutdown(Duration deadline = std::chrono::seconds(30)) const;

  friend bool operator==(const RemoteActorSystem& a, const RemoteActorSystem& b) noexcept {
    return a.core_ == b.core_;
  }

  detail::RemoteCore& core() const noexcept { return *core_; }
  RemoteActorSystem(ActorSystem system, detail::RemoteCore& core) noexcept
      : system_(std::move(system)), core_(&core) {}

 private:
  std::optional<std::string> handler_name(const void* actor_key, const void* message_key) const;
  std::string factory_name(const detail::RefType& wanted) const;

  template <class A>
  static Task<Result<ActorRef<A>>> typed(RemoteActorSystem, Task<Result<detail::CellRef>> finding) {
    auto cell = co_await finding;
    if (!cell) co_return coerce::unexpected(std::move(cell).error());
    co_return ActorRef<A>(std::move(*cell));
  }
  template <class A>
  static Task<Result<ActorRef<A>>> deployed(RemoteActorSystem node, Result<Bytes> recipe,
                                            DeployOptions options) {
    if (!recipe) co_return coerce::unexpected(std::move(recipe).error());
    const auto wanted = detail::ref_type_of<A>();
    auto deploying = detail::deploy(*node.core_, node.factory_name(wanted), wanted,
                                    std::move(*recipe), std::move(options));
    auto cell = co_await deploying;
    if (!cell) co_return coerce::unexpected(std::move(cell).error());
    co_return ActorRef<A>(std::move(*cell));
  }

  ActorSystem system_;
  detail::RemoteCore* core_;  ///< belongs to the system
};

namespace detail {
struct NodeSettings;
}

/// Settings of a node that is to be. Setters throw std::invalid_argument that names the option.
class RemoteActorSystemBuilder {
 public:
  RemoteActorSystemBuilder();
  RemoteActorSystemBuilder(RemoteActorSystemBuilder&&) noexcept;
  RemoteActorSystemBuilder& operator=(RemoteActorSystemBuilder&&) noexcept;
  ~RemoteActorSystemBuilder();

  /// 1 to 2^63 - 1, unique in the cluster. Default: drawn at random.
  RemoteActorSystemBuilder& with_id(NodeId id);
  /// A name for people, at most 255 bytes. Default: the name of the actor system.
  RemoteActorSystemBuilder& with_tag(std::string_view tag);
  /// Of the application, at most 255 bytes. Default: "0.0.0".
  RemoteActorSystemBuilder& with_version(std::string_view version);
  /// The system that becomes a node. Default: ActorSystem::global_system().
  RemoteActorSystemBuilder& with_actor_system(ActorSystem system);
  /// Something that others shall know of this node. All attributes and roles together have at most
  /// 2 KiB.
  RemoteActorSystemBuilder& attribute(std::string_view name, std::string_view value);
  RemoteActorSystemBuilder& role(std::string_view name);
  /// Registers messages and factories; may be called several times. What `configure` throws is
  /// thrown.
  template <int = 0, class F>
    requires std::invocable<F&, RemoteHandlers&>
  RemoteActorSystemBuilder& with_handlers(F&& configure) {
    detail::refuse_awaited_temporary<F>();
    std::invoke(configure, handlers());
    return *this;
  }
  /// The same, by the model's other name.
  template <int = 0, class F>
    requires std::invocable<F&, RemoteHandlers&>
  RemoteActorSystemBuilder& configure(F&& configure) {
    return with_handlers(std::forward<F>(configure));
  }
  RemoteActorSystemBuilder& heartbeat(const HeartbeatOptions& options);
  RemoteActorSystemBuilder& limits(const RemoteLimits& limits);
  /// Which part of a cluster goes on when it comes apart. Default: KeepMajority. Throws
  /// std::invalid_argument if StaticQuorum asks for no members.
  RemoteActorSystemBuilder& downing(const Downing& strategy);
  /// Where what has one owner in the cluster gets its lease: a singleton runs only while its node
  /// holds `singleton/<name>`. All nodes give the same store, and a store serves one cluster.
  /// Throws std::invalid_argument if there is none, or unless 0 < renewal < ttl - margin. Default:
  /// no leases. Include <coerce/coordination.hpp>.
  RemoteActorSystemBuilder& leases(std::shared_ptr<LeaseStore> store,
                                   const LeaseOptions& options = LeaseOptions());
  /// Nodes of other clusters are refused. At most 255 bytes. Default: "coerce".
  RemoteActorSystemBuilder& cluster_name(std::string_view name);
  /// Proves who this node is, and checks others. Default: nobody proves anything.
  RemoteActorSystemBuilder& authenticator(std::shared_ptr<Authenticator> authenticator);
  /// The nodes prove who they are by tokens made for one connection each, signed with a secret that
  /// all of them share; `ttl` of a token, from 1 s to 60 s. In the module jwt, so link coerce::jwt.
  RemoteActorSystemBuilder& client_auth_jwt(std::string_view secret, Duration ttl);
  /// The same with keys of any kind. Include <coerce/jwt.hpp>.
  RemoteActorSystemBuilder& client_auth_jwt(const JwtOptions& options);
  /// TCP with TLS. Throws std::invalid_argument that names a file if it is no good. Include
  /// <coerce/remote/tls.hpp>.
  RemoteActorSystemBuilder& tls(const TlsOptions& options);
  /// Default: TCP.
  RemoteActorSystemBuilder& transport(std::shared_ptr<Transport> transport);
  /// Lets the node talk beyond this machine although others may listen and change what is said, or
  /// although its Authenticator is weak.
  RemoteActorSystemBuilder& allow_plaintext();

  /// Once. Errors: NotSupported (the system is a node already, or has too many extensions),
  /// ActorUnavailable (it is shutting down), ActorStartFailed.
  Task<Result<RemoteActorSystem>> build();

 private:
  RemoteHandlers& handlers() noexcept;

  std::unique_ptr<detail::NodeSettings> settings_;
  std::optional<ActorSystem> system_;
};

}  // namespace coerce
