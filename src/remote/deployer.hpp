/// \file
/// Makes actors on nodes, here and elsewhere.

#pragma once

#include <atomic>
#include <unordered_map>

#include <coerce/runtime/detail/async_event.hpp>

#include "remote/locator.hpp"

namespace coerce::detail {

/// While an actor is deployed under a given id, that id is reserved at its homes: of several who
/// deploy it at the same time one wins, and the others get AlreadyExists, even if that one fails in
/// the end. Then everybody is asked whether it exists. (Best effort: nodes that see different
/// members may disagree on the homes.) A reservation ends with the deployment, or by itself when
/// the deployment must be over.
///
/// An actor may take for ever to start, and its start cannot be given up: it is made in a task of
/// its own, for which a deployment waits no longer than it may. RemoteLimits::max_questions actors
/// are made at a time. Bounded; thread-safe.
class Deployer {
 public:
  Deployer(RemoteCore& core, ActorRegistry& registry, Locator& locator);

  /// RemoteActorSystem::deploy_actor.
  Task<Result<CellRef>> deploy(std::string factory, RefType wanted, Bytes recipe,
                               DeployOptions options);
  /// Ids that are reserved at this home.
  std::size_t reserved() const;

 private:
  /// What somebody wants to start.
  struct Order {
    std::string factory;
    RefType wanted;
    Bytes recipe;
    ActorId id;
    NodeId node;
    TimePoint until;
    std::uint64_t token = 0;
    std::vector<NodeId> reserved{};  ///< at these homes
  };
  using OrderRef = std::shared_ptr<Order>;
  /// What becomes of an actor that is being made.
  struct Making {
    AsyncEvent is_over;
    AsyncEvent is_given_up;  ///< nobody waits for it any more
    Result<CellRef> made = coerce::unexpected(ActorRefErr::Cancelled());
  };
  using MakingRef = std::shared_ptr<Making>;
  struct Reservation {
    std::uint64_t token;
    TimePoint until;
  };

  Task<Result<CellRef>> deploy_named(OrderRef order);
  Task<Result<CellRef>> make_reserved(OrderRef order);
  Task<Result<void>> reserve_everywhere(OrderRef order);
  Task<void> release(OrderRef order, std::shared_ptr<AsyncEvent> is_done);
  Task<Result<CellRef>> make(OrderRef order);
  Task<Result<CellRef>> make_here(std::string factory, ActorId id, Bytes recipe, Duration limit);
  static Task<void> create(Deployer& self, const RemoteFactory& factory, ActorId id, Bytes recipe,
                           MakingRef making);
  Task<Result<CellRef>> make_there(OrderRef order);
  Task<Result<Bytes>> take_order(NodeDescription from, Bytes message);
  Task<Result<Bytes>> take_reservation(Bytes message);
  void drop_old_reservations(TimePoint now);
  Result<void> reserve(const ActorId& id, std::uint64_t token, Duration duration);
  Duration left(const Order& order) const;

  RemoteCore& core_;
  ActorRegistry& registry_;
  Locator& locator_;
  mutable std::mutex mutex_;
  std::unordered_map<ActorId, Reservation> reservations_;
  std::size_t reserved_weight_ = 0;
  std::atomic<std::size_t> being_made_{0};
};

}  // namespace coerce::detail
