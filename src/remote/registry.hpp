/// \file
/// Where tracked actors are: what this node knows, and tells others.

#pragma once

#include <deque>
#include <tuple>

#include "remote/announcer.hpp"
#include "remote/tracked_actors.hpp"

namespace coerce::detail {

/// The part of PROTOCOLS §6 that answers. Each node is the authority for its own actors; besides,
/// it keeps what others have announced to it as a home, as a hint where to ask. Thread-safe.
class ActorRegistry {
 public:
  ActorRegistry(RemoteCore& core, TrackedActors& tracked);

  /// Takes in the actors that the node had before it was observed.
  void adopt();

  /// The actor of this node; none if there is none now.
  std::optional<ActorLife> here(const ActorId& id) const;
  /// What others have announced, as far as they are members.
  std::vector<ActorPlace> announced(const ActorId& id) const;
  Announcer::Members members() const { return announcer_.members(); }

 private:
  Task<Result<Bytes>> take(NodeDescription from, Bytes message);
  Task<Result<Bytes>> answer(Bytes question) const;
  Task<Result<Bytes>> take_duplicates(Bytes message);
  void changed(NodeChange change, const NodeDescription& node);
  /// Tells those who have this id, if they are several.
  void look_for_duplicates(const ActorId& id);
  void publish(const ActorId& id, NodeId older, NodeId younger);

  using Duplicate = std::tuple<ActorId, NodeId, NodeId>;

  RemoteCore& core_;
  HomeTable table_;
  Announcer announcer_;
  std::mutex mutex_;
  std::deque<Duplicate> published_;  ///< the latest ones
};

}  // namespace coerce::detail
