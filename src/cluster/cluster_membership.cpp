#include "cluster/cluster_membership.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "remote/address.hpp"
#include "remote/node_world.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostTombstones = 4096;
constexpr std::size_t kMostEndedListed = 1024;
constexpr std::size_t kMostFormerPlaces = 64;

}  // namespace

std::unique_ptr<Membership> make_membership(MembershipSetup setup) {
  return std::make_unique<ClusterMembership>(std::move(setup));
}

ClusterMembership::ClusterMembership(MembershipSetup setup)
    : heartbeat_(setup.heartbeat),
      downing_(setup.downing),
      max_nodes_(setup.max_nodes),
      ended_listed_(setup.ended_listed),
      tombstones_kept_(setup.tombstones_kept),
      clock_(setup.clock),
      boot_now_(std::move(setup.boot_now)),
      rng_(setup.rng),
      tell_(std::move(setup.tell)),
      removed_(std::move(setup.removed)),
      log_(std::move(setup.log)),
      self_(std::move(setup.self)),
      agreement_(self_.id, [this](const View& next) { return may_accept(next); }) {
  agreement_.begin({}, 1);
}

// ---- what it knows ------------------------------------------------------------------------------

ClusterMembership::Known* ClusterMembership::find(const NodeName& name) {
  const auto place = known_.find(name.id);
  return place != known_.end() && name_of(place->second.node) == name ? &place->second : nullptr;
}
const ClusterMembership::Known* ClusterMembership::find(const NodeName& name) const {
  return const_cast<ClusterMembership*>(this)->find(name);
}
const ClusterMembership::Known* ClusterMembership::known_member(const ViewMember& member) const {
  return find(name_of(member.node));
}

bool ClusterMembership::was_removed(const NodeName& name) const {
  return std::ranges::find(tombstones_, name, &Tombstone::name) != tombstones_.end();
}

bool ClusterMembership::lives(const Known& known) const {
  return known.links > 0 && now() - known.heard < heartbeat_.unhealthy_node_heartbeat_timeout;
}

bool ClusterMembership::is_linked_at(const std::string& address) const {
  return std::ranges::any_of(known_, [&](const auto& entry) {
    return entry.second.links > 0 && entry.second.node.address == address;
  });
}

bool ClusterMembership::is_silent(const ViewMember& member, Duration limit) const {
  if (member.node.id == self_.id) return false;
  const Known* known = known_member(member);
  return known == nullptr || now() - known->heard >= limit;
}

RemoteNodeState ClusterMembership::state_of(const NodeDescription& node, bool leaving,
                                            bool joining) const {
  RemoteNodeState state;
  state.id = node.id;
  state.addr = node.address;
  state.tag = node.tag;
  state.version = node.version;
  state.attributes = node.attributes;
  state.roles = node.roles;
  state.started_at = node.started_at();
  state.status = NodeStatus::Healthy;
  if (const Known* known = find(name_of(node))) {
    state.last_heartbeat = known->last_heartbeat;
    state.ping_latency = known->latency;
    if (now() - known->heard >= heartbeat_.unhealthy_node_heartbeat_timeout || known->was_refused)
      state.status = NodeStatus::Unhealthy;
  } else if (node.id != self_.id) {
    state.status = NodeStatus::Unhealthy;
  }
  if (leaving) state.status = NodeStatus::Leaving;
  if (joining) state.status = NodeStatus::Joining;
  return state;
}

std::vector<RemoteNodeState> ClusterMembership::nodes() const {
  const Lock lock(mutex_);
  std::map<NodeId, RemoteNodeState> all;
  for (const ViewMember& member : view_.members) {
    const bool leaving = member.node.id == self_.id ? leaving_ != Leaving::No : member.leaving;
    all.emplace(member.node.id, state_of(member.node, leaving, false));
  }
  const bool seeks = !is_member() && last_tick_.has_value();
  all.emplace(self_.id, state_of(self_, leaving_ != Leaving::No, seeks));
  for (const auto& [id, known] : known_)
    if (known.links > 0) all.emplace(id, state_of(known.node, false, true));
  for (auto ended = ended_.rbegin(); ended != ended_.rend(); ++ended)  // the latest of an id
    if (now() - ended->when <= ended_listed_) all.emplace(ended->state.id, ended->state);
  std::vector<RemoteNodeState> list;
  for (auto& [id, state] : all) list.push_back(std::move(state));
  return list;
}

std::vector<NodeDescription> ClusterMembership::members() const {
  const Lock lock(mutex_);
  if (!is_member()) return {self_};
  std::vector<NodeDescription> list;
  for (const ViewMember& member : view_.members) list.push_back(member.node);
  std::ranges::sort(list, {}, &NodeDescription::id);
  return list;
}

bool ClusterMembership::is_member(NodeId id, const Incarnation& incarnation) const {
  const Lock lock(mutex_);
  if (id == self_.id) return incarnation == self_.incarnation;
  return view_.find(NodeName{id, incarnation}) != nullptr;
}

/// The view's; but a leader that leaves stops before it says so, as others follow it as soon as
/// they hear that.
const ViewMember* ClusterMembership::leader() const {
  const auto place = std::ranges::find_if(view_.members, [&](const ViewMember& member) {
    return !member.leaving && (member.node.id != self_.id || leaving_ == Leaving::No);
  });
  return place != view_.members.end() ? &*place : nullptr;
}

ClusterState ClusterMembership::cluster_state() const {
  ClusterState state;
  state.number = view_.number;
  if (const ViewMember* first = leader()) state.leader = first->node.id;
  for (const ViewMember& member : view_.members) {
    state.members.push_back(member.node);
    if (member.leaving) state.leaving.push_back(member.node.id);
  }
  state.has_quorum = has_quorum();
  return state;
}

ClusterState ClusterMembership::state() const {
  const Lock lock(mutex_);
  return cluster_state();
}

View ClusterMembership::view() const {
  const Lock lock(mutex_);
  return view_;
}

bool ClusterMembership::has_joined(std::size_t least) const {
  const Lock lock(mutex_);
  std::size_t healthy = 0;
  for (const ViewMember& member : view_.members) {
    if (!is_silent(member, heartbeat_.unhealthy_node_heartbeat_timeout)) ++healthy;
    if (member.node.id == self_.id) continue;
    const Known* known = known_member(member);
    if (known == nullptr || known->links == 0) return false;
    const bool knows = known->standing.lineage == view_.lineage;
    if (!knows || known->standing.number < joined_at_) return false;
  }
  return is_member() && healthy >= least;
}

bool ClusterMembership::has_left() const {
  const Lock lock(mutex_);
  return has_left_ || view_.members.size() <= 1;
}

std::vector<std::string> ClusterMembership::wanted() const {
  const Lock lock(mutex_);
  std::set<std::string> addresses;
  const auto want = [&](const NodeDescription& node) {
    if (node.id == self_.id || node.address.empty()) return;
    const Known* known = find(name_of(node));
    if (known == nullptr || known->links == 0) addresses.insert(node.address);
  };
  for (const ViewMember& member : view_.members) want(member.node);
  for (const NodeDescription& node : heard_of_) want(node);
  for (const auto& [address, since] : former_places_)
    if (address != self_.address && !is_linked_at(address)) addresses.insert(address);
  return {addresses.begin(), addresses.end()};
}

// ---- what the links see -------------------------------------------------------------------------

Result<void> ClusterMembership::admit(const NodeDescription& node, const Meeting& meeting) {
  const Lock lock(mutex_);
  const auto refuse = [](std::string_view why) {
    return coerce::unexpected(ActorRefErr::NotSupported({}, {}, {}, why));
  };
  if (node.id == 0 || node.id > kMaxNodeId) return refuse("its node id is out of range");
  if (!node.address.empty() && !parse_address(node.address)) return refuse("its address is none");
  if (node.id == self_.id) return refuse("its node id is this node's");
  if (was_removed(name_of(node)))
    return coerce::unexpected(ActorRefErr::Fenced("it was removed from the cluster"));
  if (const ViewMember* member = view_.find(node.id);
      member != nullptr && name_of(member->node) != name_of(node)) {
    const bool is_replaced = !meeting.dialled.empty() && meeting.dialled == member->node.address;
    if (!is_replaced && !is_silent(*member, heartbeat_.terminated_node_heartbeat_timeout))
      return refuse("its node id is in use by a member");
  }
  const auto place = known_.find(node.id);
  if (place == known_.end()) {
    if (known_.size() >= max_nodes_)
      return coerce::unexpected(ActorRefErr::Overloaded("as many nodes as may be are known"));
    return {};
  }
  const bool is_another = name_of(place->second.node) != name_of(node);
  const bool is_found = !meeting.dialled.empty() && meeting.dialled == place->second.node.address;
  if (is_another && !is_found && lives(place->second))
    return refuse("its node id is in use by a node that answers");
  return {};
}

// What is known of another incarnation of it is forgotten: it is gone, as far as this node can
// tell.
void ClusterMembership::came(const NodeDescription& node, const Meeting& meeting) {
  Lock lock(mutex_);
  if (was_removed(name_of(node))) return;
  Known& known = known_[node.id];
  if (name_of(known.node) != name_of(node)) {
    known = Known{};
    known.node = node;
    known.heard = now();
  }
  if (!meeting.dialled.empty()) known.meeting.dialled = meeting.dialled;
  known.meeting.is_on_one_host = meeting.is_on_one_host;
  known.was_refused = false;
  look(now());
  plan();
  release(std::move(lock));
}

// Where both have the same host nobody else can have refused it, and no link means that its process
// has ended: a node listens until it has left.
void ClusterMembership::refused(const std::string& address) {
  Lock lock(mutex_);
  for (auto& [id, known] : known_)
    if (known.links == 0 && known.node.address == address) known.was_refused = true;
  look(now());
  plan();
  release(std::move(lock));
}

void ClusterMembership::linked(const NodeDescription& node) {
  Lock lock(mutex_);
  if (was_removed(name_of(node))) return;  // its peer is being retired
  Known& known = known_[node.id];
  if (name_of(known.node) != name_of(node)) known = Known{};
  known.node = node;
  known.heard = now();
  known.said_goodbye = known.was_refused = false;
  ++known.links;
  known.standing.serial = 0;
  if (is_member()) former_places_.erase(node.address);  // else it has a voice: electorate()
  if (is_member())
    write(node.id, everything());
  else
    write_to_all(false);  // all of them wait to hear whom this node has reached
  look(now());
  plan();
  release(std::move(lock));
}

void ClusterMembership::heard(NodeId node, Duration latency) {
  const Lock lock(mutex_);
  const auto place = known_.find(node);
  if (place == known_.end() || latency > heartbeat_.ping_timeout) return;
  Known& known = place->second;
  known.heard = now();
  known.last_heartbeat = clock_.wall_now();
  known.latency = latency;
}

void ClusterMembership::unlinked(const NodeDescription& node, bool goodbye) {
  Lock lock(mutex_);
  Known* const known = find(name_of(node));
  if (known == nullptr) return;
  known->links = std::max(0, known->links - 1);
  if (known->links > 0) return;  // another one has replaced it: its end says nothing of the node
  known->said_goodbye |= goodbye;
  if (view_.find(name_of(node)) == nullptr) known_.erase(node.id);
  look(now());
  plan();
  release(std::move(lock));
}

// ---- what this node does ------------------------------------------------------------------------

void ClusterMembership::rename(NodeDescription self) {
  const Lock lock(mutex_);
  self_ = std::move(self);
}

void ClusterMembership::begin_anew(NodeDescription self, bool forget_addresses) {
  Lock lock(mutex_);
  for (const ViewMember& member : view_.members)
    if (member.node.id != self_.id) lose(member.node);
  if (forget_addresses) {
    former_places_.clear();
    stopped_.reset();
  } else if (verdict_ == Verdict::Stop) {
    const auto gone = dead();
    const auto oldest = std::ranges::find_if(
        view_.members, [&](const ViewMember& member) { return !gone.contains(member.node.id); });
    if (oldest != view_.members.end() && oldest->node.id != self_.id)
      stopped_ = Stopped{oldest->node.address, now()};
  }
  known_.clear();
  tombstones_.clear();
  self_ = std::move(self);
  view_ = {};
  joined_at_ = 0;
  agreement_.begin({}, 1);
  heard_of_.clear();
  going_on_.clear();
  verdict_ = Verdict::Continue;
  alone_since_.reset();
  founding_.reset();
  promised_.reset();
  awaited_.reset();
  allowed_.clear();
  last_tick_.reset();
  chosen_since_.reset();
  last_voters_.clear();
  leaving_ = Leaving::No;
  has_left_ = false;
  out_.removed.clear();
  release(std::move(lock));
}

void ClusterMembership::leave(Leaving leaving) {
  Lock lock(mutex_);
  if (leaving_ >= leaving) return;
  leaving_ = leaving;
  write_to_all(false);
  look(now());
  plan();
  release(std::move(lock));
}

void ClusterMembership::listen(NodeListener listener) {
  const Lock lock(mutex_);
  listeners_.push_back(std::move(listener));
}

void ClusterMembership::watch(ClusterListener listener) {
  Lock lock(mutex_);
  out_.newcomers.push_back(std::move(listener));
  release(std::move(lock));
}

void ClusterMembership::tick(TimePoint time, std::vector<SeedPlace> seeds) {
  Lock lock(mutex_);
  seeds_ = std::move(seeds);
  if (last_tick_) {
    // This node stood still, not the others: it has to hear them before it says that they are gone.
    const Duration late = time - *last_tick_ - heartbeat_.interval;
    if (late > kStoodStill)
      for (auto& [id, known] : known_)
        if (known.links > 0) known.heard = std::min(known.heard + late, time);
  }
  last_tick_ = time;
  // Who was heard of by a link that did not last, and is no member.
  std::erase_if(known_, [&](const auto& entry) {
    return entry.second.links == 0 && view_.find(entry.first) == nullptr &&
           time - entry.second.heard > heartbeat_.terminated_node_heartbeat_timeout;
  });
  std::erase_if(tombstones_, [&](const Tombstone& t) { return time - t.when > tombstones_kept_; });
  std::erase_if(former_places_,
                [&](const auto& place) { return time - place.second > kFormerPlacesKept; });
  if (is_member()) {
    look(time);
    if (pause_ticks_ > 0) --pause_ticks_;
    if (founding_ && ++founding_->ticks > kTicksOfATry) founding_.reset();
    if (agreement_.is_proposing() && ++tries_ticks_ > kTicksOfATry) agreement_.give_up();
    agreement_.repeat();
    write_agreement();
    take_agreed();
    plan();
  } else if (leaving_ == Leaving::No) {
    seek();
  }
  write_to_all(false);
  release(std::move(lock));
}

// ---- under the lock -----------------------------------------------------------------------------

void ClusterMembership::lose(const NodeDescription& node) {
  RemoteNodeState state = state_of(node, false, false);
  state.status = NodeStatus::Terminated;
  ended_.push_back({std::move(state), now()});
  while (ended_.size() > kMostEndedListed || now() - ended_.front().when > ended_listed_)
    ended_.pop_front();
  const Known* known = find(name_of(node));
  const bool said_goodbye = known != nullptr && known->said_goodbye;
  const bool leaves = known != nullptr && known->standing.leaving != Leaving::No;
  if (!said_goodbye && !leaves && !node.address.empty() &&
      former_places_.size() < kMostFormerPlaces)
    former_places_[node.address] = now();
  const bool may_still_speak = leaves && known->links > 0;
  out_.events.push_back({may_still_speak ? NodeChange::Left : NodeChange::Lost, node});
}

void ClusterMembership::bury(const NodeName& name) {
  if (was_removed(name)) return;
  tombstones_.push_back({name, now()});
  if (tombstones_.size() > kMostTombstones) tombstones_.pop_front();
}

void ClusterMembership::news() {
  const auto is_same = [&](const ClusterState& a) {
    const ViewMember* first = leader();
    const auto leaving = std::ranges::count(view_.members, true, &ViewMember::leaving);
    return a.number == view_.number && a.members.size() == view_.members.size() &&
           a.leader.value_or(0) == (first != nullptr ? first->node.id : 0) &&
           a.leaving.size() == static_cast<std::size_t>(leaving) && a.has_quorum == has_quorum();
  };
  if (told_ && is_same(*told_)) return;
  told_ = cluster_state();
  out_.state = told_;
}

}  // namespace coerce::detail
