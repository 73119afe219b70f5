/// \file
/// Who is in the cluster: the question, which the module `cluster` answers.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/actor/error.hpp>
#include <coerce/remote/downing.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/remote/options.hpp>
#include <coerce/runtime/rng.hpp>

#include "remote/meeting.hpp"
#include "remote/node_name.hpp"

namespace coerce::detail {

enum class NodeChange : std::uint8_t {
  Up,    ///< it was let in: it may be talked to
  Left,  ///< it is no member any more, as it wanted; what it still has to say may come
  Lost,  ///< its incarnation is gone for good
};
using NodeListener = std::function<void(NodeChange change, const NodeDescription& node)>;

/// What all members have agreed on, as this node knows it.
struct ClusterState {
  std::uint64_t number = 0;      ///< of the agreed view, grows by 1 with each; 0: in no cluster
  std::optional<NodeId> leader;  ///< not this node once it leaves
  std::vector<NodeDescription> members;  ///< oldest first, this node too
  std::vector<NodeId> leaving;           ///< of them
  /// Has a quorum of this node's view lately given it leave to act? Otherwise it must not act as
  /// the owner of anything. Nobody removes it, or begins another lineage without it, before the
  /// leave of all who take part in that has run out, by its clock and theirs: clocks that differ in
  /// rate, and a task that goes on after a long pause without asking again, are why what must never
  /// happen twice needs a fence all the same.
  bool has_quorum = false;
};
using ClusterListener = std::function<void(const ClusterState& state)>;

/// An address at which to look for a cluster.
struct SeedPlace {
  std::string address;
  NodeId node = 0;  ///< that was found there; 0: none yet
  bool is_self = false;
  bool is_of_name = false;  ///< behind which there may be more at another time
};

/// Decides who is a member. The node's links tell it what they see; it tells its listeners what
/// follows. Thread-safe; listeners are called on workers, one at a time, in order, under no lock.
/// What they throw is logged; while one takes its time the others wait.
class Membership {
 public:
  virtual ~Membership() = default;
  virtual std::vector<RemoteNodeState> nodes() const = 0;    ///< this one too
  virtual std::vector<NodeDescription> members() const = 0;  ///< this one too, by id
  virtual bool is_member(NodeId id, const Incarnation& incarnation) const = 0;
  virtual ClusterState state() const = 0;
  /// Is this node in a cluster, linked to all its members, who all know it, and are so many
  /// healthy?
  virtual bool has_joined(std::size_t least) const = 0;

  // ---- what the links see
  /// A hello: may it link to us? Not while another incarnation of a member may live, unless this
  /// node has dialled that one, and got this one.
  virtual Result<void> admit(const NodeDescription& node, const Meeting& meeting) = 0;
  /// A link begins, perhaps not for long: whoever had its id before is gone.
  virtual void came(const NodeDescription& node, const Meeting& meeting) = 0;
  virtual void linked(const NodeDescription& node) = 0;
  virtual void heard(NodeId node, Duration latency) = 0;
  virtual void unlinked(const NodeDescription& node, bool goodbye) = 0;
  /// This node has dialled there, and nobody listens.
  virtual void refused(const std::string& address) = 0;
  virtual void told(const NodeDescription& from,
                    BytesView standing) = 0;  ///< InternalKind::Members
  /// Called at every heartbeat interval while this node is or wants to be in a cluster, with the
  /// places where it has been told to look for one.
  virtual void tick(TimePoint now, std::vector<SeedPlace> seeds) = 0;
  /// The addresses to which links should be kept or made, besides the seeds.
  virtual std::vector<std::string> wanted() const = 0;

  // ---- what this node does
  /// This node can be reached there now.
  virtual void rename(NodeDescription self) = 0;
  /// It goes on as another incarnation of itself and in no cluster: all others are lost to it.
  /// Where they were it remembers, unless it is not to look for them.
  virtual void begin_anew(NodeDescription self, bool forget_addresses) = 0;
  /// It takes nothing new, and hands over what it has.
  virtual void begin_leaving() = 0;
  /// It has nothing left to hand over.
  virtual void end_leaving() = 0;
  /// Is it no member any more (or the only one)?
  virtual bool has_left() const = 0;

  virtual void listen(NodeListener listener) = 0;
  /// Called with the present state at once, or as soon as those are done who are being told another
  /// one; then at every change of it, after the listeners of nodes.
  virtual void watch(ClusterListener listener) = 0;
};

struct MembershipSetup {
  NodeDescription self;
  HeartbeatOptions heartbeat;
  Downing downing;
  std::size_t max_nodes = 1024;
  Duration ended_listed = std::chrono::minutes(1);
  Duration tombstones_kept = std::chrono::hours(24);
  Clock& clock;
  /// Time that goes on while the machine sleeps, for this node's own right to act.
  std::function<TimePoint()> boot_now;
  Rng& rng;
  /// Sends a message of InternalKind::Members; called under no lock. False: it was not taken, as
  /// too much waits for the link, or there is none.
  std::function<bool(NodeId to, BytesView message)> tell;
  /// The others have gone on without this node: it has to begin anew. Called under no lock.
  std::function<void(std::string_view why)> removed;
  std::function<void(std::string_view line)> log;
};

/// Defined in the module `cluster`, which stands above this one.
std::unique_ptr<Membership> make_membership(MembershipSetup setup);

}  // namespace coerce::detail
