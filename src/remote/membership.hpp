/// \file
/// Who is in the cluster: the question, and the answer that seeds and heartbeats give.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <coerce/actor/error.hpp>
#include <coerce/remote/node.hpp>

namespace coerce::detail {

enum class NodeChange : std::uint8_t {
  Up,    ///< it may be talked to
  Lost,  ///< its incarnation is gone for good, without a word or with one (Goodbye)
};
using NodeListener = std::function<void(NodeChange change, const NodeDescription& node)>;

/// Decides who is a member. The node's links tell it what they see; it tells its listeners what
/// follows. Thread-safe; listeners are called on workers, in order, under no lock.
class Membership {
 public:
  virtual ~Membership() = default;
  virtual std::vector<RemoteNodeState> nodes() const = 0;    ///< this one too
  virtual std::vector<NodeDescription> members() const = 0;  ///< up, this one too
  virtual bool is_member(NodeId id, const Incarnation& incarnation) const = 0;

  // ---- what the links see
  virtual Result<void> admit(const NodeDescription& node) = 0;  ///< a hello: may it link to us?
  /// A link begins, perhaps not for long: whoever had its id before is gone.
  virtual void came(const NodeDescription& node) = 0;
  virtual void linked(const NodeDescription& node) = 0;
  virtual void heard(NodeId node, Duration latency) = 0;
  virtual void unlinked(const NodeDescription& node, bool goodbye) = 0;
  virtual void told(const NodeDescription& from, BytesView members) = 0;  ///< InternalKind::Members
  /// Called at every heartbeat interval.
  virtual void tick(TimePoint now) = 0;
  /// The addresses to which links should be kept or made.
  virtual std::vector<std::string> wanted() const = 0;
  virtual void listen(NodeListener listener) = 0;
};

}  // namespace coerce::detail
