/// \file
/// Members by seeds and heartbeats: whoever was linked is a member until it is silent for too long.

#pragma once

#include <deque>
#include <map>
#include <mutex>

#include <coerce/remote/options.hpp>

#include "remote/members_message.hpp"
#include "remote/membership.hpp"

namespace coerce::detail {

/// No view is agreed on: each node decides from what its own links tell. Nodes learn of others from
/// those that they are linked to, and link to them, so that one seed is enough for a full mesh.
///
/// An incarnation that was lost is never let in again; it has to come back as a new one. So a
/// partition that has healed leaves nobody in doubt about what became of messages and references.
class SeedMembership final : public Membership {
 public:
  struct Limits {
    std::size_t nodes = 1024;
    Duration ended_listed = std::chrono::minutes(1);
  };
  /// Sends a message of InternalKind::Members; called under no lock. False: it was not taken, as
  /// too much waits for the link, or there is none.
  using Tell = std::function<bool(NodeId to, BytesView message)>;

  SeedMembership(NodeDescription self, HeartbeatOptions heartbeat, Limits limits, Clock& clock,
                 Tell tell);

  std::vector<RemoteNodeState> nodes() const override;
  std::vector<NodeDescription> members() const override;
  bool is_member(NodeId id, const Incarnation& incarnation) const override;

  Result<void> admit(const NodeDescription& node) override;
  void came(const NodeDescription& node) override;
  void linked(const NodeDescription& node) override;
  void heard(NodeId node, Duration latency) override;
  void unlinked(const NodeDescription& node, bool goodbye) override;
  void told(const NodeDescription& from, BytesView members) override;
  void tick(TimePoint now) override;
  std::vector<std::string> wanted() const override;
  void listen(NodeListener listener) override;

  /// This node goes on as `self`, another incarnation of itself: all others are lost to it, and
  /// whom it has seen lost is forgotten, but not where they were if they are to be found again.
  void begin_anew(NodeDescription self, bool forget_addresses);
  /// This node is about to say goodbye.
  void announce_leaving();
  /// Where this node can be reached has changed.
  void rename(NodeDescription self);
  /// Has this member told of all others that it knows?
  bool has_told(NodeId node) const;
  /// No node is known that was not linked yet.
  bool is_complete() const;
  /// Up, and not silent; this one too.
  std::size_t healthy() const;
  /// Does this node see more of the cluster than it has lost (without a goodbye)?
  bool sees_most() const;

 private:
  /// A node that is no member yet (only told of), or is one.
  struct Known {
    NodeDescription node;
    NodeStatus status = NodeStatus::Joining;
    bool is_member = false;
    bool has_told = false;
    /// It has been told of nodes up to this one; of the others it is at the next tick.
    std::optional<NodeId> told_up_to;
    int links = 0;
    TimePoint heard;  ///< or linked, or told of
    std::optional<WallTime> last_heartbeat;
    std::optional<Duration> latency;
  };
  struct Ended {
    RemoteNodeState state;
    NodeName name;
    TimePoint when;
  };
  struct Event {
    NodeChange change;
    NodeDescription node;
  };
  /// News, or everything (from the node that follows a given one on): then what does not find room
  /// is told later.
  struct Letter {
    NodeId to;
    MembersMessage message;
    std::optional<NodeId> after;
  };
  using Lock = std::unique_lock<std::mutex>;
  using Nodes = std::map<NodeId, Known>;  // ordered: so is everything that follows from it

  // All of them under the lock.
  Known* find(NodeId id, const Incarnation& incarnation);
  const Known* find(NodeId id, const Incarnation& incarnation) const;
  bool was_removed(const NodeName& name) const;
  void hear_of(const NodeDescription& node);
  Nodes::iterator end(Nodes::iterator place, bool goodbye);
  void judge(TimePoint now);
  MembersMessage message(NodeId after = 0) const;
  void write_news(MembersMessage message, NodeId except);
  void write_everything();
  void write_rests();
  void keep_rest(const Letter& letter, NodeId told_up_to);
  RemoteNodeState state_of(const Known& known) const;
  TimePoint now() const noexcept { return clock_.now(); }

  /// Unlocks, and lets events and letters out, in order.
  void release(Lock lock);
  void send(const Letter& letter);  ///< not under the lock

  const HeartbeatOptions heartbeat_;
  const Limits limits_;
  Clock& clock_;
  const Tell tell_;

  mutable std::mutex mutex_;
  NodeDescription self_;
  bool leaving_ = false;
  Nodes known_;
  std::deque<Ended> ended_;
  std::deque<NodeName> removed_;                  ///< the latest last
  std::map<std::string, TimePoint> lost_places_;  ///< where lost nodes were, and since when
  std::optional<TimePoint> last_tick_;
  unsigned ticks_ = 0;
  std::vector<NodeListener> listeners_;
  std::deque<Event> events_;
  std::deque<Letter> letters_;
  bool letting_out_ = false;
};

}  // namespace coerce::detail
