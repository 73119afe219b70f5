/// \file
/// Which nodes keep track of an actor id, and what one of them knows.

#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <coerce/actor/id.hpp>
#include <coerce/remote/node.hpp>

namespace coerce::detail {

/// The same on all nodes and platforms.
std::uint64_t hash_of_id(std::string_view id) noexcept;

/// The two nodes (or the one) with the highest weights for an id: rendezvous hashing (Thaler and
/// Ravishankar, 1998). When a node comes or goes, no other ids move than those that it has or had.
class Homes {
 public:
  Homes(std::string_view id, std::span<const NodeDescription> members) noexcept;

  std::span<const NodeId> nodes() const& noexcept { return {nodes_, count_}; }
  std::span<const NodeId> nodes() const&& = delete;  // they would outlive it in a loop
  bool contains(NodeId node) const noexcept {
    return (count_ > 0 && nodes_[0] == node) || (count_ > 1 && nodes_[1] == node);
  }

 private:
  NodeId nodes_[2]{};
  std::size_t count_ = 0;
};

/// Long ids count several times where their number is bounded, so that their bytes are too.
inline std::size_t weight_of(const ActorId& id) noexcept { return 1 + id.view().size() / 64; }

/// One life of an actor on its node.
struct ActorLife {
  std::uint64_t context = 0;  ///< ActorContext id
  TimePoint began{};          ///< by the clock of this node
};

struct ActorPlace {
  NodeId node = 0;
  Incarnation incarnation;
  ActorLife life;
};

/// The longest id that is announced; actors with longer ones are found by asking all nodes.
inline constexpr std::size_t kLongestAnnouncedId = 1024;

/// What other nodes have announced to this one. Bounded; thread-safe.
class HomeTable {
 public:
  explicit HomeTable(std::size_t limit) noexcept : limit_(limit) {}

  /// Forgets what this incarnation has announced; that of another one stays.
  void clear(NodeId node, const Incarnation& incarnation);
  /// The node begins in this incarnation; what an older one has announced holds no more.
  void begin(NodeId node, const Incarnation& incarnation);
  /// False: not taken, as the table is full, or the incarnation is not the one that has begun.
  bool add(NodeId node, const Incarnation& incarnation, const ActorId& id, ActorLife life);
  /// Another life of the same id stays.
  void remove(NodeId node, const Incarnation& incarnation, const ActorId& id,
              std::uint64_t context);
  std::vector<ActorPlace> find(const ActorId& id) const;
  std::size_t size() const;

 private:
  struct Announced {
    Incarnation incarnation;
    std::unordered_map<ActorId, ActorLife> actors;
  };
  void drop(const Announced& announced) noexcept;

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::map<NodeId, Announced> nodes_;
  std::size_t used_ = 0;
};

}  // namespace coerce::detail
