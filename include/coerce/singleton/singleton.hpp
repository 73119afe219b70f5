/// \file
/// An actor of which there is one in the whole cluster.

#pragma once

#include <stdexcept>
#include <utility>

#include <coerce/actor/detail/refusal.hpp>
#include <coerce/singleton/detail/calls.hpp>

namespace coerce {

template <class A>
class SingletonBuilder;

/// Where a singleton runs, as one node knows it.
struct SingletonHost {
  NodeId node = 0;
  /// The number of the agreed view in which it began to run there. It orders the hosts inside one
  /// run of the cluster, and is advisory: nothing outside of the cluster is fenced by it.
  std::uint64_t view = 0;
};

/// The only A of a cluster, or of its nodes with a role: a cheap handle, copies refer to the same
/// one. Thread-safe. Keeps its node's system alive, like a RemoteActorSystem.
///
/// The actor runs on the oldest member that has built it (with a factory, and the role) and does
/// not leave, while that node is of the part of the cluster that goes on. When another node is to
/// run it, the old one stops it, with its children, before the new one starts it; a node that is
/// silent holds that up until it is removed. Its state does not move. When the actor fails, it is
/// started again with back-off.
///
/// Where the nodes have leases (RemoteActorSystemBuilder::leases), it runs only while its node
/// holds `singleton/<name>`, and ctx.epoch() is the lease's epoch, with which a persistent actor
/// opens its journal. Once the lease may have run out it handles nothing more, cannot write its
/// journal, and what it was handling is answered with Fenced (the outcome is unknown). Without
/// leases two can overlap for a while where a node that is cut off has not noticed it yet when the
/// others have removed it; ctx.epoch() is then the number of the agreed view, which is advisory and
/// never put into a journal. What a journal lets in is decided by the journal, in both cases.
///
/// Messages wait here, in their order, while nobody is known to run it. What may have arrived is
/// never sent twice: if the actor ends with a message in its mailbox, the sender is told so
/// (ResultChannelClosed, NotDelivered). Messages to other nodes need a name
/// (RemoteHandlers::with_handler) and a codec. A handle may be built before the node joins, or
/// long after.
template <class A>
class Singleton : detail::Refusing<A> {
 public:
  using detail::Refusing<A>::notify, detail::Refusing<A>::send, detail::Refusing<A>::send_for;

  static SingletonBuilder<A> builder(const RemoteActorSystem& node) {
    return SingletonBuilder<A>(node);
  }

  /// Result of what the actor answers; always by the deadline, which is SingletonBuilder::timeout()
  /// from now unless one is given. Errors: Timeout (NotDelivered if nobody ran it in time),
  /// Overloaded (as many messages wait here as may), ActorStartFailed (it waited, and the start
  /// failed), Fenced (its host lost the lease; the outcome is unknown), and those of an ActorRef.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Task<Result<MessageResult<std::remove_cvref_t<M>>>> send(M&& message) const {
    return send(std::forward<M>(message), proxy_->timeout());
  }
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Task<Result<MessageResult<std::remove_cvref_t<M>>>> send(M&& message, Duration timeout) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return detail::send_to_singleton<A, Plain>(proxy_, Plain(std::forward<M>(message)), timeout);
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  Task<Result<MessageResult<M>>> send(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::send_to_singleton<A, M>(proxy_, M(std::forward<Args>(args)...),
                                           proxy_->timeout());
  }

  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  Task<Result<MessageResult<M>>> send_for(Duration timeout, Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return detail::send_to_singleton<A, M>(proxy_, M(std::forward<Args>(args)...), timeout);
  }

  /// Hands the message over and goes on; never waits. It is lost, counted and logged, if nobody
  /// runs the actor within SingletonBuilder::timeout(). Errors: Overloaded, and those of an
  /// ActorRef.
  template <int = 0, class M>
    requires Handler<A, std::remove_cvref_t<M>>
  Result<void> notify(M&& message) const {
    detail::refuse_awaited_temporary<M>();
    using Plain = std::remove_cvref_t<M>;
    return proxy_->notify(std::make_unique<detail::SingletonMessageOf<A, Plain>>(
        std::in_place, std::forward<M>(message)));
  }
  template <class M, class... Args>
    requires Handler<A, M> && std::constructible_from<M, Args...>
  Result<void> notify(Args&&... args) const {
    detail::refuse_awaited_temporary<Args...>();
    return proxy_->notify(std::make_unique<detail::SingletonMessageOf<A, M>>(
        std::in_place, std::forward<Args>(args)...));
  }

  /// None while this node knows of no host.
  std::optional<SingletonHost> host() const {
    const auto known = proxy_->host();
    if (!known) return std::nullopt;
    return SingletonHost{known->first, known->second};
  }
  /// Of this node's notifies, those that nobody took in time.
  std::uint64_t lost_count() const noexcept { return proxy_->lost_count(); }

  /// For the library.
  Singleton(RemoteActorSystem node, detail::SingletonProxyRef proxy) noexcept
      : node_(std::move(node)), proxy_(std::move(proxy)) {}

 private:
  RemoteActorSystem node_;
  detail::SingletonProxyRef proxy_;
};

/// Settings of a node's handle. All nodes give the same name and role. Setters throw
/// std::invalid_argument that names the option.
template <class A>
class SingletonBuilder {
 public:
  explicit SingletonBuilder(RemoteActorSystem node) : node_(std::move(node)) {
    setup_.type = detail::ref_type_of<A>();
    setup_.name = type_name_of<A>();
  }

  /// Makes the actor, also when it is started again: a callable without parameters that returns A,
  /// Result<A>, Task<A> or Task<Result<A>>. Without one this node never runs the singleton.
  template <int = 0, class F>
    requires detail::MakesActor<F> && std::same_as<detail::MadeBy<F>, A>
  SingletonBuilder& factory(F&& factory) {
    detail::refuse_awaited_temporary<F>();
    auto shared = std::make_shared<std::remove_cvref_t<F>>(std::forward<F>(factory));
    setup_.start = [shared](ActorSystem system, ActorId id, SupervisorStrategy strategy,
                            detail::SingletonRight right) {
      return detail::start_singleton<A>(shared, std::move(system), std::move(id),
                                        std::move(strategy), std::move(right));
    };
    return *this;
  }
  /// Only nodes with this role run it. Default: all may.
  SingletonBuilder& role(std::string_view role) {
    setup_.role = role;
    return *this;
  }
  /// For several singletons of one class; 1 to 200 bytes. Default: the class's type_name.
  SingletonBuilder& name(std::string_view name) {
    if (name.empty() || name.size() > 200)
      throw std::invalid_argument("name: the name of a singleton has 1 to 200 bytes");
    setup_.name = name;
    return *this;
  }
  /// Messages that may wait here at a time; more: Overloaded. Default 1000. \pre not 0
  SingletonBuilder& capacity(std::size_t messages) {
    if (messages == 0) throw std::invalid_argument("capacity: must not be 0");
    setup_.capacity = messages;
    return *this;
  }
  /// Of a message that has no deadline. Default: RemoteLimits::request_timeout.
  SingletonBuilder& timeout(Duration timeout) {
    if (timeout <= Duration::zero()) throw std::invalid_argument("timeout: must be above zero");
    setup_.timeout = timeout;
    return *this;
  }
  /// The pause before the actor is started again: `min`, twice as long each time, at most `max`.
  /// Default: 100 ms to 30 s.
  SingletonBuilder& backoff(Duration min, Duration max) {
    if (min <= Duration::zero() || max < min)
      throw std::invalid_argument("backoff: must be above zero, and max not below min");
    setup_.min_backoff = min;
    setup_.max_backoff = max;
    return *this;
  }

  /// Once. A second handle for the same name on one node refers to the first one's singleton, and
  /// has its settings; it may add the factory. Errors: AlreadyExists (the name is another class's
  /// here, or has another role), Overloaded (256 names on this node).
  Task<Result<Singleton<A>>> build() { return built(node_, std::move(setup_)); }

 private:
  static Task<Result<Singleton<A>>> built(RemoteActorSystem node, detail::SingletonSetup setup) {
    auto building = detail::build_singleton(node, std::move(setup));
    auto proxy = co_await building;
    if (!proxy) co_return coerce::unexpected(std::move(proxy).error());
    co_return Singleton<A>(std::move(node), std::move(*proxy));
  }

  RemoteActorSystem node_;
  detail::SingletonSetup setup_;
};

}  // namespace coerce
