/// \file
/// Asks other nodes where an actor is.

#pragma once

#include <memory>
#include <set>

#include <coerce/remote/detail/node_calls.hpp>

#include "remote/registry.hpp"

namespace coerce::detail {

/// An incarnation of a node that has, or had when it was asked, an actor.
struct Location {
  NodeId node = 0;
  Incarnation incarnation;
};

/// What became of asking one node.
struct WhereAnswer {
  NodeId node = 0;
  Incarnation incarnation;
  std::optional<ActorRefErr> error;
  std::optional<ActorLife> here;
  std::vector<ActorPlace> others;
};

/// PROTOCOLS §6: the node itself first, then the homes of the id, then those that the homes name,
/// then everybody. The last word on an actor is always its own node's. Thread-safe.
class Locator {
 public:
  Locator(RemoteCore& core, ActorRegistry& registry) : core_(core), registry_(registry) {}

  /// Errors: Cancelled, and as RemoteActorSystem::actor_ref says NotFound, Unreachable, Timeout.
  Task<Result<Location>> locate(ActorId id, Duration timeout);
  /// RemoteActorSystem::actor_ref.
  Task<Result<CellRef>> find(ActorId id, RefType wanted, Duration timeout);

 private:
  using Nodes = std::vector<NodeId>;
  struct Search;
  enum class Until : std::uint8_t { AllAnswered, OneHasIt, OneKnows };

  Task<Result<Location>> look_everywhere(std::shared_ptr<Search> search);
  /// Asks the nodes, at the same time. False: cancelled.
  Task<bool> ask(std::shared_ptr<Search> search, Nodes nodes, Duration limit, Until until);
  Nodes not_asked(const Search& search) const;
  static std::vector<ActorPlace> known(const Search& search);

  RemoteCore& core_;
  ActorRegistry& registry_;
};

}  // namespace coerce::detail
