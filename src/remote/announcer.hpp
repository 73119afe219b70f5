/// \file
/// Tells the homes of actor ids of this node's actors.

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "remote/core.hpp"
#include "remote/homes.hpp"

namespace coerce::detail {

/// Knows the tracked actors of this node, and announces each to the two homes of its id: one
/// message at a time to each node, each answered before the next one goes, so that order holds.
/// What waits is bounded by the number of actors: beyond that, as after a message that failed and
/// at each change of the members, everything is announced anew. Thread-safe.
///
/// A change of the members is worked out in one go, in proportion to actors times members; actors
/// that begin or end meanwhile wait for it.
///
/// It lives as long as the node: its tasks refer to it.
class Announcer final : public TrackedObserver {
 public:
  using Members = std::shared_ptr<const std::vector<NodeDescription>>;
  /// Called with an actor of this node that has begun and whose id this node is a home of.
  using Begun = std::function<void(const ActorId& id)>;

  Announcer(RemoteCore& core, Begun begun);

  void began(Cell& cell) noexcept override;
  void ended(Cell& cell) noexcept override;
  /// Those that were there before it was told of any.
  void adopt(const std::vector<CellRef>& cells);
  void members_changed();

  /// As of the last change; this node too.
  Members members() const;
  std::optional<ActorLife> find(const ActorId& id) const;

 private:
  struct Change {
    ActorId id;
    ActorLife life;
    bool began;
  };
  /// What goes to one node.
  struct Line {
    explicit Line(NodeDescription to) : node(std::move(to)) {}
    const NodeDescription node;
    bool anew = true;   ///< begins with everything
    bool busy = false;  ///< a task sends
    bool gone = false;  ///< the node is no member any more
    std::deque<Change> waiting;
  };
  using LineRef = std::shared_ptr<Line>;

  // Under the lock.
  void push(const Change& change, std::vector<LineRef>& to_start);
  void refill(Line& line);
  std::optional<Bytes> next_piece(Line& line);

  void start(const std::vector<LineRef>& lines);
  static Task<void> send(Announcer& self, LineRef line);

  RemoteCore& core_;
  const Begun begun_;
  mutable std::mutex mutex_;
  Members members_;
  std::unordered_map<ActorId, ActorLife> own_;
  std::map<NodeId, LineRef> lines_;
};

}  // namespace coerce::detail
