/// \file
/// Actors of this node that watch actors of others.

#pragma once

#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>

#include <coerce/actor/watch.hpp>

#include "remote/core.hpp"
#include "remote/homes.hpp"

namespace coerce::detail {

/// Keeps the memory of a cell, not its actor.
class KeptCell {
 public:
  explicit KeptCell(Cell& cell) noexcept : cell_(&cell) { cell.retain_memory(); }
  KeptCell(KeptCell&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  KeptCell& operator=(KeptCell&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~KeptCell() {
    if (cell_ != nullptr) cell_->release_memory();
  }
  Cell& operator*() const noexcept { return *cell_; }
  Cell* get() const noexcept { return cell_; }

 private:
  Cell* cell_;
};

/// Tells the other nodes whom it wants to hear of, one message at a time to each, until they have
/// taken it; a link that dies delays that. A watch belongs to one incarnation of a node: when that
/// is lost, all of its watched actors are. Bounded by RemoteLimits::max_watched; thread-safe.
class Watching {
 public:
  explicit Watching(RemoteCore& core);

  /// Error: Overloaded.
  Result<void> watch(const std::shared_ptr<Peer>& peer, Cell& watcher, ForeignCell& target);
  void unwatch(const std::shared_ptr<Peer>& peer, Cell& watcher, ForeignCell& target) noexcept;

 private:
  struct Pair {
    KeptCell watcher;
    KeptCell target;
  };
  using Pairs = std::vector<Pair>;  ///< all with the same id
  static std::size_t weight(const Pairs& pairs) noexcept;
  /// Those who watch one life of an actor.
  struct Life {
    std::uint64_t context;
    Pairs pairs;
  };
  struct End {
    std::uint64_t context;
    StopReason reason;
  };
  /// An id on another node. Several lives of it may be watched at a time: the end of one may not
  /// have been told yet when the next one is watched. So who watches it anew is not put to those
  /// who do already, but the node is asked again which life that is.
  struct Target {
    std::vector<Life> lives;
    Pairs asked;  ///< the node is being asked which life they watch
    Pairs open;   ///< it is to be asked
    /// What has ended last while it was asked: perhaps the life of those.
    std::optional<End> ended;

    bool is_watched() const noexcept { return !lives.empty() || !asked.empty() || !open.empty(); }
    bool remove(Cell& watcher, ForeignCell& target, Pairs& gone);
  };
  struct Node {
    explicit Node(std::shared_ptr<Peer> its_peer) : peer(std::move(its_peer)) {}
    const std::shared_ptr<Peer> peer;
    std::unordered_map<ActorId, Target> targets;
    std::deque<ActorId> changed;  ///< that the node is to be told of
    bool busy = false;            ///< a task tells it
    bool gone = false;
  };
  using NodeRef = std::shared_ptr<Node>;
  using Key = std::tuple<NodeId, std::uint64_t, std::uint64_t>;

  static Key key_of(const NodeDescription& node) noexcept {
    return {node.id, node.incarnation.started, node.incarnation.random};
  }
  /// Under the lock. True: a task has to be started.
  static bool note(Node& node, const ActorId& id);
  /// Those whose watch is over.
  struct Ended {
    Pairs pairs;
    StopReason reason;
  };
  Pairs take_all(Target& target);
  Pairs take_life(Target& target, std::uint64_t context);
  std::optional<Ended> learn(Node& node, const ActorId& id, std::uint64_t context);
  /// What a node is told at a time.
  struct News {
    std::vector<ActorId> watched;  ///< in the order in which it answers
    std::vector<ActorId> no_more;
    Bytes message;
  };
  static News next(Node& node);

  void start(const NodeRef& node);
  static Task<void> tell(Watching& self, NodeRef node);
  enum class Took : std::uint8_t { All, NotAll, Nothing };
  Took take_answer(Node& node, const News& news, const Result<Bytes>& bytes);
  Task<Result<Bytes>> take_terminated(NodeDescription from, Bytes message);
  void lose(const NodeDescription& node);
  static void end(Pairs pairs, const StopReason& reason) noexcept;

  RemoteCore& core_;
  mutable std::mutex mutex_;
  std::map<Key, NodeRef> nodes_;
  std::size_t weight_ = 0;  ///< of all pairs
};

}  // namespace coerce::detail
