/// \file
/// The other members of the cluster, as publish and subscribe needs them.

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <coerce/runtime/detail/async_event.hpp>

#include "pubsub/interests.hpp"
#include "remote/core.hpp"

namespace coerce::detail {

/// Has every node that was asked for said that it knows?
struct Acknowledgement {
  std::size_t left = 0;  ///< nodes that have not
  AsyncEvent done;
};

/// Tells each member of the topics that actors here are subscribed to: one message at a time, each
/// answered before the next one goes, so that order holds. After a message that failed everything
/// is told anew. Keeps what the members tell, and sends publications to those that have
/// subscribers. Thread-safe. It lives as long as the node: its tasks refer to it.
class OtherNodes {
 public:
  explicit OtherNodes(RemoteCore& core);

  // ---- subscriptions of this node; a topic is told of as long as it has begun more often than
  // ended
  void begin(const TopicName& name);
  void end(TopicView name);
  /// Done when every node that is Healthy now knows that the topic has begun.
  std::shared_ptr<Acknowledgement> acknowledged(TopicView name);

  /// Changes that wait to be told, for all nodes together.
  std::size_t waiting() const;

  // ---- publications
  /// Waits until each member has told of its subscriptions; for one that has just come no longer
  /// than it takes to find it Unhealthy.
  Task<void> know_all();
  bool has_subscribers(TopicView name) const;
  /// To all nodes with subscribers of the topic. Errors: Overloaded, Unreachable, for one of them
  /// at least; Serialisation (it is too long for one).
  Result<void> publish(TopicView name, BytesView publication);

  // ---- changes
  void members_changed();
  void lost(const NodeDescription& node);
  void linked(const Peer& peer);
  Task<Result<Bytes>> take(NodeDescription from, Bytes message);

 private:
  struct Change {
    TopicName name;
    bool ended;
    std::uint64_t version;  ///< 0: one of everything that is told anew
  };
  /// What goes to one node.
  struct Line {
    Line(NodeDescription to, TimePoint now) : node(std::move(to)), since(now) {}
    const NodeDescription node;
    const TimePoint since;
    // Under the lock of all.
    bool anew = true;          ///< begins with everything
    bool busy = false;         ///< a task tells it
    bool gone = false;         ///< the node is no member any more
    bool deaf = false;         ///< its program has no publish and subscribe
    std::uint64_t number = 0;  ///< of the last message
    std::uint64_t known = 0;   ///< the version that the node has confirmed
    std::deque<Change> waiting;
    std::vector<std::pair<std::uint64_t, std::shared_ptr<Acknowledgement>>> awaited;
    AsyncEvent has_told;  ///< of all its subscriptions
    // Under its own.
    std::mutex publishing;
    std::uint64_t published = 0;  ///< to the node, whether it arrived or not
    bool is_behind = false;       ///< a task tells the node how many there were
  };
  using LineRef = std::shared_ptr<Line>;
  struct Piece {
    Bytes message;
    std::uint64_t version = 0;  ///< known when it has been taken
  };
  struct Own {
    std::size_t count = 0;
    std::uint64_t version = 0;
  };

  // Under the lock.
  std::vector<LineRef> renew_lines();
  void push(const TopicName& name, bool ended, std::vector<LineRef>& to_start);
  void refill(Line& line);
  std::optional<Piece> next_piece(Line& line);
  void confirm(Line& line, std::uint64_t version);
  void retire(Line& line);
  LineRef find(const NodeDescription& node) const;

  void start(const std::vector<LineRef>& lines);
  static Task<void> tell(OtherNodes& self, LineRef line);
  static Task<void> catch_up(OtherNodes& self, LineRef line);
  Result<void> send(const LineRef& line, BytesView publication);

  RemoteCore& core_;
  mutable std::mutex mutex_;
  std::map<TopicName, Own, TopicOrder> own_;
  std::uint64_t version_ = 0;  ///< counts changes of what is in own_
  std::map<NodeId, LineRef> lines_;
  Interests interests_;
};

}  // namespace coerce::detail
