/// \file
/// Runs one singleton on this node whenever it is this node's turn.

#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/singleton/detail/calls.hpp>

#include "remote/core.hpp"
#include "remote/node_name.hpp"
#include "singleton/held_lease.hpp"

namespace coerce::detail {

using ClusterStateRef = std::shared_ptr<const ClusterState>;

/// What a member says to one that wants to host a singleton. Numbers as on the wire.
enum class ClaimVerdict : std::uint8_t {
  NotYet = 0,   ///< it has not stopped it yet, or is in another view
  Granted = 1,  ///< it does not run it, and will ask before it does
  Better = 2,   ///< it is older, and can host it itself
};

/// Who is told what becomes of it. Called under no lock of the keeper.
class KeeperListener {
 public:
  virtual ~KeeperListener() = default;
  virtual void hosts(const std::string& name, const CellRef& actor, std::uint64_t view) = 0;
  virtual void hosts_no_more(const std::string& name) = 0;
  virtual void start_failed(const std::string& name, std::uint64_t view, std::string why) = 0;
};

/// A node that may host the singleton asks every other member of its view first, and starts it when
/// all have agreed. Of two nodes each thus needs the other's word; the older one gets it:
/// - a node that runs it stops it first, and says yes when it has ended;
/// - a node that is asking itself gives that up;
/// - an older one that may host it says no, and is left to it as long as it is a member.
/// Where there are leases, the actor runs only while this node holds the one of the singleton too.
/// A word holds for one view. Nobody is asked who is no member any more: such a node has no quorum,
/// and stops what it runs. Thread-safe.
class SingletonKeeper : public std::enable_shared_from_this<SingletonKeeper> {
 public:
  SingletonKeeper(RemoteCore& core, KeeperListener& listener, SingletonSetup setup);

  /// False: not begun, as the system runs as many tasks as it may.
  bool begin(ClusterStateRef state);
  void change(ClusterStateRef state);
  /// Another member wants to host it. Waits a while until what runs here has ended.
  Task<ClaimVerdict> answer(NodeDescription from, std::uint64_t view);
  /// Stops it, and hosts it no more in this life of the node.
  Task<void> hand_over(TimePoint until);
  /// The actor with this context id has ended.
  void ended(std::uint64_t context);

 private:
  enum class Phase : std::uint8_t {
    Idle,
    Claiming,  ///< asks the others
    Hosting,   ///< from before the start until the actor has ended
  };

  // Under the lock.
  std::optional<std::size_t> place_of(const NodeName& node) const;
  bool is_leaving(NodeId node) const;
  bool can_host() const;
  bool may_host() const;
  std::optional<ClaimVerdict> judge(const NodeDescription& from, std::uint64_t view);
  void defer_to(const NodeName& better);
  void become(Phase phase);
  void wake();

  /// What has become of a turn.
  enum class Turn : std::uint8_t {
    Over,     ///< another node's turn, or it ran long enough
    Early,    ///< the actor came to an end by itself, soon
    NoOwner,  ///< the lease is somebody else's, or nobody knows
  };

  static Task<void> keep(std::shared_ptr<SingletonKeeper> self);
  Task<bool> claim(ClusterStateRef state, std::uint64_t number);
  Task<ClaimVerdict> ask(NodeDescription member, Bytes question);
  Task<Turn> host(std::uint64_t view);
  Task<std::shared_ptr<HeldLease>> take_lease();
  Task<void> start_and_run(std::shared_ptr<HeldLease> lease, std::uint64_t view);
  Task<void> run(CellRef actor, std::shared_ptr<HeldLease> lease, std::uint64_t view);
  bool has_to_stop(const CellRef& actor, const std::shared_ptr<HeldLease>& lease) const;
  Duration next_backoff();

  RemoteCore& core_;
  KeeperListener& listener_;
  const SingletonSetup setup_;
  const ActorId id_;

  std::mutex mutex_;
  ClusterStateRef state_;
  Phase phase_ = Phase::Idle;
  std::uint64_t claims_ = 0;      ///< the number of the present claim; grows when it is given up
  std::vector<NodeName> better_;  ///< members that may host it, older than this one
  std::optional<Incarnation> leaving_as_;
  std::uint64_t ended_ = 0;  ///< the context id of the actor that has ended last
  std::shared_ptr<AsyncEvent> changed_ = std::make_shared<AsyncEvent>();
  std::shared_ptr<AsyncEvent> idle_ = std::make_shared<AsyncEvent>();  ///< of the present hosting
  // Of the task that keeps it.
  unsigned tries_ = 0;            ///< starts that came to an early end
  bool waits_for_lease_ = false;  ///< which it has said
};

/// The id of a singleton's actor, on whatever node.
ActorId singleton_id(std::string_view name);

}  // namespace coerce::detail
