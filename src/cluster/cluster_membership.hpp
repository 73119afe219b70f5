/// \file
/// Members by agreement: only views that enough of them have agreed to let in and remove.

#pragma once

#include <deque>
#include <map>
#include <mutex>

#include "cluster/agreement.hpp"
#include "cluster/judgement.hpp"
#include "cluster/standing.hpp"
#include "remote/membership.hpp"

namespace coerce::detail {

/// A tick that comes so much too late means that this node stood still, not the others.
inline constexpr Duration kStoodStill = std::chrono::milliseconds(500);
/// After so many ticks a proposal that was not agreed on is given up, and made anew.
inline constexpr unsigned kTicksOfATry = 4;
/// So long a node looks for others where they were.
inline constexpr Duration kFormerPlacesKept = std::chrono::hours(1);

/// What nodes see of each other is told around and changes nothing by itself. One of the members,
/// the oldest that all the others hear, makes a view of it, and a quorum of the present view agrees
/// to it (Agreement). Every node tells every other one its whole standing at each tick and at each
/// change, so nothing depends on whether a message comes.
class ClusterMembership final : public Membership {
 public:
  explicit ClusterMembership(MembershipSetup setup);

  std::vector<RemoteNodeState> nodes() const override;
  std::vector<NodeDescription> members() const override;
  bool is_member(NodeId id, const Incarnation& incarnation) const override;
  ClusterState state() const override;
  bool has_joined(std::size_t least) const override;

  Result<void> admit(const NodeDescription& node, const Meeting& meeting) override;
  void came(const NodeDescription& node, const Meeting& meeting) override;
  void linked(const NodeDescription& node) override;
  void heard(NodeId node, Duration latency) override;
  void unlinked(const NodeDescription& node, bool goodbye) override;
  void refused(const std::string& address) override;
  void told(const NodeDescription& from, BytesView standing) override;
  void tick(TimePoint now, std::vector<SeedPlace> seeds) override;
  std::vector<std::string> wanted() const override;

  void rename(NodeDescription self) override;
  void begin_anew(NodeDescription self, bool forget_addresses) override;
  void begin_leaving() override { leave(Leaving::HandsOver); }
  void end_leaving() override { leave(Leaving::Ready); }
  bool has_left() const override;

  void listen(NodeListener listener) override;
  void watch(ClusterListener listener) override;

  /// What state() is made of; number 0: in no cluster.
  View view() const;

 private:
  /// Another node that is linked, or was and is a member: the latest incarnation of its id.
  struct Known {
    NodeDescription node;
    int links = 0;
    bool said_goodbye = false;
    Meeting meeting;           ///< the latest
    bool was_refused = false;  ///< it has no link, and nobody listens where it did
    TimePoint heard;  ///< when it last showed that it lives; later, if this node stood still
    std::uint64_t asked_at = 0;        ///< its latest question for the right to act, by its clock
    TimePoint asked_here;              ///< when that came
    std::optional<TimePoint> allowed;  ///< before it was asked for the right that it gave last
    std::optional<WallTime> last_heartbeat;
    std::optional<Duration> latency;
    Standing standing;  ///< the latest, without what is in a hurry
  };
  struct Tombstone {
    NodeName name;
    TimePoint when;
  };
  struct Ended {
    RemoteNodeState state;
    TimePoint when;
  };
  struct NodeEvent {
    NodeChange change;
    NodeDescription node;
  };
  struct Letter {
    NodeId to;
    Bytes message;
  };
  /// What goes out once the lock is free, in the order in which it is listed here.
  struct Outgoing {
    std::deque<std::string> lines;
    std::vector<NodeEvent> events;
    std::optional<ClusterState> state;
    std::vector<ClusterListener> newcomers;  ///< that are to be told the present state
    std::vector<Letter> letters;
    std::size_t bytes = 0;  ///< of the letters
    std::string removed;    ///< why this node has to begin anew

    bool empty() const noexcept {
      return lines.empty() && events.empty() && !state && newcomers.empty() && letters.empty() &&
             removed.empty();
    }
  };
  /// A new lineage that this node proposes to all that go on with it.
  struct Founding {
    View view;
    std::set<NodeId> agreeing;
    unsigned ticks = 0;
  };
  /// That this node would go on in a new lineage, which another one proposes.
  struct Promise {
    Lineage lineage;
    NodeName to;
  };
  /// A view that this node will accept once those that it leaves out may not act any more.
  struct Awaited {
    View view;
    TimePoint when;  ///< it was asked to, for the last time
  };
  /// That it could not go on with the members of its last view.
  struct Stopped {
    std::string oldest;  ///< the address of the oldest of them that may live
    TimePoint when;
  };
  using Lock = std::unique_lock<std::mutex>;

  // ---- under the lock, all of them; cluster_membership.cpp
  bool is_member() const noexcept { return view_.number > 0; }
  Known* find(const NodeName& name);
  const Known* find(const NodeName& name) const;
  const Known* known_member(const ViewMember& member) const;
  bool was_removed(const NodeName& name) const;
  bool lives(const Known& known) const;
  bool is_linked_at(const std::string& address) const;
  bool is_silent(const ViewMember& member, Duration limit) const;
  RemoteNodeState state_of(const NodeDescription& node, bool leaving, bool joining) const;
  const ViewMember* leader() const;
  ClusterState cluster_state() const;
  void lose(const NodeDescription& node);
  void bury(const NodeName& name);
  void note(std::string line) { out_.lines.push_back(std::move(line)); }
  void news();  ///< tells the watchers, if something is different
  void leave(Leaving leaving);

  // ---- what goes out; outgoing.cpp
  void release(Lock lock);
  void shorten();
  void let_out(const Outgoing& out, const std::vector<NodeListener>& listeners,
               const std::vector<ClusterListener>& watchers, const ClusterState& present);
  void guarded(const std::function<void()>& call) noexcept;
  void complain(std::string_view why) noexcept;

  // ---- who may act; rights.cpp
  Duration right_lasts() const noexcept;
  Duration right_is_over() const noexcept;
  void ask_and_allow(NodeId to, Standing& standing);
  void take_right(Known& known, const Standing& standing);
  bool counts_for_us(const Known& known) const;
  std::set<NodeId> allowing() const;
  bool has_quorum() const;
  bool may_allow(const Known& known) const;
  bool may_leave_out(const ViewMember& member) const;
  bool may_leave_out_all_but(const View& next) const;
  bool may_accept(const View& next);
  void begin_rights(const View& before);

  // ---- views; installing.cpp
  void install(View view);
  void consider(const NodeDescription& from, const Standing& standing);
  void keep_promise(const NodeDescription& from, const Standing& standing);
  bool is_vouched_for(const View& other, const NodeDescription& from) const;
  void meet(const NodeDescription& from, const View& other);
  void learn_ended(const NodeDescription& from, const std::vector<NodeName>& ended);
  void has_to_begin_anew(std::string why);

  // ---- what others are told; letters.cpp
  Standing standing() const;
  Standing everything() const;  ///< with the view, and who has been removed of late
  void write_to_all(bool with_view);
  void write(NodeId to, Standing standing);
  void write_agreement();

  // ---- the next view; planning.cpp
  void look(TimePoint now);
  Duration room_to_settle() const noexcept;
  Rows rows() const;
  std::set<NodeId> unreachable() const;
  std::set<NodeId> dead() const;
  bool is_coordinator() const;
  void plan();
  View next_view() const;
  bool may_join(const View& next, const Known& known) const;
  void found();
  void answer_founding(const NodeDescription& from, const View& view);
  void count_founding(NodeId from, const Lineage& founded);
  void take_agreed();

  // ---- without a cluster; seeking.cpp
  struct Electorate {
    std::size_t places = 0;
    std::set<NodeId> voters;               ///< that are in no cluster
    std::map<NodeId, std::size_t> weight;  ///< of how many places
  };
  void seek();
  void forget_the_dead();
  Electorate electorate() const;
  std::string candidate() const;
  bool is_chosen(const Electorate& all) const;
  bool may_form(const std::set<NodeId>& voters) const;
  Lineage draw_lineage();

  TimePoint now() const noexcept { return clock_.now(); }

  const HeartbeatOptions heartbeat_;
  const Downing downing_;
  const std::size_t max_nodes_;
  const Duration ended_listed_;
  const Duration tombstones_kept_;
  Clock& clock_;
  const std::function<TimePoint()> boot_now_;
  Rng& rng_;
  const std::function<bool(NodeId, BytesView)> tell_;
  const std::function<void(std::string_view)> removed_;
  const std::function<void(std::string_view)> log_;

  mutable std::mutex mutex_;
  NodeDescription self_;
  View view_;
  std::uint64_t joined_at_ = 0;  ///< the number of the first view
  Agreement agreement_;
  std::map<NodeId, Known> known_;  // ordered: so is everything that follows from it
  std::deque<Tombstone> tombstones_;
  std::deque<Ended> ended_;
  std::map<std::string, TimePoint> former_places_;
  Leaving leaving_ = Leaving::No;
  bool has_left_ = false;
  std::uint64_t serial_ = 0;

  // What the last look gave.
  std::set<NodeId> going_on_;
  Verdict verdict_ = Verdict::Continue;
  bool is_settled_ = false;  ///< has it been the same for a while?
  TimePoint settled_since_;
  std::optional<TimePoint> alone_since_;  ///< without a quorum
  std::optional<Founding> founding_;
  std::optional<Promise> promised_;
  std::optional<Awaited> awaited_;
  std::map<NodeId, TimePoint> allowed_;  ///< members; when the last question that was granted came
  std::optional<TimePoint> last_tick_;
  unsigned tries_ticks_ = 0;  ///< how long a view has been proposed
  unsigned pause_ticks_ = 0;  ///< before the next one is

  // Without a cluster.
  std::vector<SeedPlace> seeds_;
  std::vector<NodeDescription> heard_of_;  ///< members of a cluster that it may join
  std::set<NodeId> last_voters_;
  std::size_t last_places_ = 0;
  std::optional<TimePoint> chosen_since_;
  std::optional<Stopped> stopped_;

  std::vector<NodeListener> listeners_;
  std::vector<ClusterListener> watchers_;
  std::optional<ClusterState> told_;
  Outgoing out_;
  bool letting_out_ = false;
  bool has_dropped_letters_ = false;
};

}  // namespace coerce::detail
