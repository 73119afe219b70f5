#include "remote/seed_membership.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "remote/address.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostRemoved = 4096;
constexpr std::size_t kMostEndedListed = 1024;
constexpr std::size_t kMostEndedTold = 256;
constexpr std::size_t kMostLostPlaces = 64;
constexpr Duration kLostPlacesKept = std::chrono::hours(1);
constexpr unsigned kTicksBetweenLetters = 10;
/// A tick that comes so much too late means that this node stood still, not the others.
constexpr Duration kStoodStill = std::chrono::milliseconds(500);

NodeName name_of(const NodeDescription& node) { return {node.id, node.incarnation}; }

RemoteNodeState describe(const NodeDescription& node, NodeStatus status) {
  RemoteNodeState state;
  state.id = node.id;
  state.addr = node.address;
  state.tag = node.tag;
  state.version = node.version;
  state.status = status;
  state.attributes = node.attributes;
  state.roles = node.roles;
  state.started_at = node.started_at();
  return state;
}

}  // namespace

SeedMembership::SeedMembership(NodeDescription self, HeartbeatOptions heartbeat, Limits limits,
                               Clock& clock, Tell tell)
    : heartbeat_(heartbeat),
      limits_(limits),
      clock_(clock),
      tell_(std::move(tell)),
      self_(std::move(self)) {}

// ---- what it knows ------------------------------------------------------------------------------

SeedMembership::Known* SeedMembership::find(NodeId id, const Incarnation& incarnation) {
  const auto place = known_.find(id);
  return place != known_.end() && place->second.node.incarnation == incarnation ? &place->second
                                                                                : nullptr;
}
const SeedMembership::Known* SeedMembership::find(NodeId id, const Incarnation& incarnation) const {
  return const_cast<SeedMembership*>(this)->find(id, incarnation);
}

bool SeedMembership::was_removed(const NodeName& name) const {
  return std::ranges::find(removed_, name) != removed_.end();
}

RemoteNodeState SeedMembership::state_of(const Known& known) const {
  RemoteNodeState state = describe(known.node, known.status);
  state.last_heartbeat = known.last_heartbeat;
  state.ping_latency = known.latency;
  return state;
}

std::vector<RemoteNodeState> SeedMembership::nodes() const {
  const Lock lock(mutex_);
  std::map<NodeId, RemoteNodeState> all;
  all[self_.id] = describe(self_, leaving_ ? NodeStatus::Leaving : NodeStatus::Healthy);
  for (const auto& [id, known] : known_) all.emplace(id, state_of(known));
  for (auto ended = ended_.rbegin(); ended != ended_.rend(); ++ended)  // the latest of an id
    if (now() - ended->when <= limits_.ended_listed) all.emplace(ended->state.id, ended->state);
  std::vector<RemoteNodeState> list;
  for (auto& [id, state] : all) list.push_back(std::move(state));
  return list;
}

std::vector<NodeDescription> SeedMembership::members() const {
  const Lock lock(mutex_);
  std::vector<NodeDescription> list{self_};
  for (const auto& [id, known] : known_)
    if (known.is_member) list.push_back(known.node);
  std::ranges::sort(list, {}, &NodeDescription::id);
  return list;
}

bool SeedMembership::is_member(NodeId id, const Incarnation& incarnation) const {
  const Lock lock(mutex_);
  if (id == self_.id) return incarnation == self_.incarnation;
  const Known* known = find(id, incarnation);
  return known != nullptr && known->is_member;
}

bool SeedMembership::has_told(NodeId node) const {
  const Lock lock(mutex_);
  const auto place = known_.find(node);
  return place != known_.end() && place->second.has_told;
}

bool SeedMembership::is_complete() const {
  const Lock lock(mutex_);
  return std::ranges::all_of(known_, [](const auto& entry) { return entry.second.is_member; });
}

std::size_t SeedMembership::healthy() const {
  const Lock lock(mutex_);
  return 1 + static_cast<std::size_t>(std::ranges::count_if(known_, [](const auto& entry) {
           return entry.second.status == NodeStatus::Healthy;
         }));
}

bool SeedMembership::sees_most() const {
  const Lock lock(mutex_);
  const auto members =
      1 + std::ranges::count_if(known_, [](const auto& entry) { return entry.second.is_member; });
  return members > static_cast<std::ptrdiff_t>(lost_places_.size());
}

std::vector<std::string> SeedMembership::wanted() const {
  const Lock lock(mutex_);
  std::vector<std::string> addresses;
  for (const auto& [id, known] : known_)
    if (known.links == 0 && known.status != NodeStatus::Leaving && !known.node.address.empty())
      addresses.push_back(known.node.address);
  for (const auto& [address, since] : lost_places_) addresses.push_back(address);
  std::ranges::sort(addresses);
  const auto [first, last] = std::ranges::unique(addresses);
  addresses.erase(first, last);
  return addresses;
}

// ---- what the links see -------------------------------------------------------------------------

Result<void> SeedMembership::admit(const NodeDescription& node) {
  const Lock lock(mutex_);
  const auto refuse = [](std::string_view why) {
    return coerce::unexpected(ActorRefErr::NotSupported({}, {}, {}, why));
  };
  if (node.id == 0 || node.id > kMaxNodeId) return refuse("its node id is out of range");
  if (!node.address.empty() && !parse_address(node.address)) return refuse("its address is none");
  if (node.id == self_.id) return refuse("its node id is this node's");
  if (was_removed(name_of(node)))
    return coerce::unexpected(ActorRefErr::Fenced("it was removed from the cluster"));
  const auto place = known_.find(node.id);
  if (place == known_.end()) {
    if (known_.size() >= limits_.nodes)
      return coerce::unexpected(ActorRefErr::Overloaded("as many nodes as may be are known"));
    return {};
  }
  const Known& known = place->second;
  if (known.node.incarnation == node.incarnation) return {};
  // Another life of that node, or another node that took its id: does the one that we know live?
  const bool lives = known.is_member && known.links > 0 &&
                     now() - known.heard < heartbeat_.unhealthy_node_heartbeat_timeout;
  if (lives) return refuse("its node id is in use by a node that answers");
  return {};
}

// The peer of whoever had the id takes nothing any more, and cannot come back: so it is lost, even
// if this link does not last.
void SeedMembership::came(const NodeDescription& node) {
  Lock lock(mutex_);
  const auto place = known_.find(node.id);
  if (place == known_.end() || !place->second.is_member ||
      place->second.node.incarnation == node.incarnation)
    return;
  end(place, false);
  release(std::move(lock));
}

void SeedMembership::linked(const NodeDescription& node) {
  Lock lock(mutex_);
  if (was_removed(name_of(node))) return;  // its peer is being retired
  auto place = known_.find(node.id);
  if (place != known_.end() && place->second.node.incarnation != node.incarnation) {
    end(place, false);
    place = known_.end();
  }
  if (place == known_.end()) place = known_.emplace(node.id, Known{}).first;
  Known& known = place->second;
  known.node = node;
  known.status = NodeStatus::Healthy;
  known.heard = now();
  ++known.links;
  lost_places_.erase(node.address);
  known.told_up_to.reset();
  letters_.push_back({node.id, message(), 0});
  if (!known.is_member) {
    known.is_member = true;
    events_.push_back({NodeChange::Up, node});
    MembersMessage news;
    news.members.push_back(node);
    write_news(std::move(news), node.id);
  }
  release(std::move(lock));
}

void SeedMembership::heard(NodeId node, Duration latency) {
  const Lock lock(mutex_);
  const auto place = known_.find(node);
  if (place == known_.end() || latency > heartbeat_.ping_timeout) return;
  Known& known = place->second;
  known.heard = now();
  known.last_heartbeat = clock_.wall_now();
  known.latency = latency;
  if (known.status == NodeStatus::Unhealthy) known.status = NodeStatus::Healthy;
}

void SeedMembership::unlinked(const NodeDescription& node, bool goodbye) {
  Lock lock(mutex_);
  const auto place = known_.find(node.id);
  if (place == known_.end() || place->second.node.incarnation != node.incarnation) return;
  Known& known = place->second;
  known.links = std::max(0, known.links - 1);
  // A goodbye on a link that another one has replaced says nothing of the node.
  if (known.links == 0) known.told_up_to.reset();
  if (known.links == 0 && goodbye) end(place, true);
  release(std::move(lock));
}

void SeedMembership::told(const NodeDescription& from, BytesView bytes) {
  const auto message = decode_members(bytes);
  Lock lock(mutex_);
  if (!message) return;
  // Its side of the link may be up, and have written, a moment before ours is known to be. What it
  // says now it says again only much later, and start() waits for it.
  if (find(from.id, from.incarnation) == nullptr) hear_of(from);
  Known* teller = find(from.id, from.incarnation);
  if (teller == nullptr) return;
  if (!message->partial) teller->has_told = true;
  if (message->leaving) teller->status = NodeStatus::Leaving;
  for (const NodeName& name : message->ended) {
    const Known* known = find(name.id, name.incarnation);
    // Who is linked to us has not ended, whatever others think.
    if (known != nullptr && !known->is_member) known_.erase(name.id);
  }
  for (const NodeDescription& node : message->members) hear_of(node);
  release(std::move(lock));
}

void SeedMembership::hear_of(const NodeDescription& node) {
  if (node.id == self_.id || node.address.empty() || was_removed(name_of(node))) return;
  const auto place = known_.find(node.id);
  if (place == known_.end()) {
    if (known_.size() >= limits_.nodes) return;
    Known known;
    known.node = node;
    known.heard = now();
    known_.emplace(node.id, std::move(known));
    return;
  }
  Known& known = place->second;
  if (known.is_member) return;  // its own link knows better
  if (known.node.incarnation != node.incarnation &&
      known.node.incarnation.started > node.incarnation.started)
    return;
  known.node = node;
  known.heard = now();
}

void SeedMembership::tick(TimePoint time) {
  Lock lock(mutex_);
  if (last_tick_) {
    const Duration late = time - *last_tick_ - heartbeat_.interval;
    if (late > kStoodStill)
      for (auto& [id, known] : known_) known.heard += late;
  }
  last_tick_ = time;
  judge(time);
  std::erase_if(lost_places_,
                [&](const auto& place) { return time - place.second > kLostPlacesKept; });
  if (++ticks_ % kTicksBetweenLetters == 0) write_everything();
  write_rests();
  release(std::move(lock));
}

void SeedMembership::judge(TimePoint time) {
  for (auto place = known_.begin(); place != known_.end();) {
    Known& known = place->second;
    const Duration silent = time - known.heard;
    if (!known.is_member) {
      // Only told of. Whoever knows it tells of it again; else it is gone.
      const bool forgotten = silent > 5 * heartbeat_.terminated_node_heartbeat_timeout;
      place = forgotten ? known_.erase(place) : std::next(place);
      continue;
    }
    if (silent >= heartbeat_.terminated_node_heartbeat_timeout) {
      place = end(place, false);
      continue;
    }
    if (known.status != NodeStatus::Leaving)
      known.status = silent >= heartbeat_.unhealthy_node_heartbeat_timeout ? NodeStatus::Unhealthy
                                                                           : NodeStatus::Healthy;
    ++place;
  }
}

void SeedMembership::listen(NodeListener listener) {
  const Lock lock(mutex_);
  listeners_.push_back(std::move(listener));
}

// ---- what this node does ------------------------------------------------------------------------

void SeedMembership::begin_anew(NodeDescription self, bool forget_addresses) {
  Lock lock(mutex_);
  for (auto place = known_.begin(); place != known_.end();) place = end(place, forget_addresses);
  if (forget_addresses) lost_places_.clear();
  removed_.clear();
  self_ = std::move(self);
  leaving_ = false;
  release(std::move(lock));
}

void SeedMembership::rename(NodeDescription self) {
  const Lock lock(mutex_);
  self_ = std::move(self);
}

void SeedMembership::announce_leaving() {
  Lock lock(mutex_);
  leaving_ = true;
  for (auto& [id, known] : known_) known.told_up_to.reset();  // all hear it now
  write_everything();
  release(std::move(lock));
}

// ---- under the lock -----------------------------------------------------------------------------

SeedMembership::Nodes::iterator SeedMembership::end(Nodes::iterator place, bool goodbye) {
  Known& known = place->second;
  if (known.is_member) {
    removed_.push_back(name_of(known.node));
    if (removed_.size() > kMostRemoved) removed_.pop_front();
    if (!goodbye && !known.node.address.empty() && lost_places_.size() < kMostLostPlaces)
      lost_places_[known.node.address] = now();
    known.status = NodeStatus::Terminated;
    ended_.push_back({state_of(known), name_of(known.node), now()});
    while (ended_.size() > kMostEndedListed || now() - ended_.front().when > limits_.ended_listed)
      ended_.pop_front();
    events_.push_back({NodeChange::Lost, known.node});
    MembersMessage news;
    news.ended.push_back(name_of(known.node));
    write_news(std::move(news), known.node.id);
  }
  return known_.erase(place);
}

MembersMessage SeedMembership::message(NodeId after) const {
  MembersMessage message;
  message.leaving = leaving_;
  for (auto place = known_.upper_bound(after); place != known_.end(); ++place)
    if (place->second.is_member && place->second.status != NodeStatus::Leaving)
      message.members.push_back(place->second.node);
  const std::size_t skipped =
      removed_.size() > kMostEndedTold ? removed_.size() - kMostEndedTold : 0;
  message.ended.assign(removed_.begin() + static_cast<std::ptrdiff_t>(skipped), removed_.end());
  return message;
}

// Whoever waits for everything has not heard it by news.
void SeedMembership::write_news(MembersMessage message, NodeId except) {
  message.partial = true;
  for (const auto& [id, known] : known_)
    if (id != except && known.links > 0) letters_.push_back({id, message, std::nullopt});
}

// Who has not heard everything of the last time yet goes on with that: else it would hear of the
// same nodes each time, and of others never.
void SeedMembership::write_everything() {
  const MembersMessage everything = message();
  for (const auto& [id, known] : known_)
    if (known.links > 0 && !known.told_up_to) letters_.push_back({id, everything, 0});
}

void SeedMembership::write_rests() {
  for (auto& [id, known] : known_)
    if (const auto after = std::exchange(known.told_up_to, std::nullopt))
      letters_.push_back({id, message(*after), *after});
}

void SeedMembership::keep_rest(const Letter& letter, NodeId told_up_to) {
  const auto place = known_.find(letter.to);
  if (place != known_.end() && place->second.links > 0) place->second.told_up_to = told_up_to;
}

void SeedMembership::release(Lock lock) {
  if (letting_out_) return;  // somebody else does, and sees ours
  letting_out_ = true;
  while (!events_.empty() || !letters_.empty()) {
    auto events = std::exchange(events_, {});
    auto letters = std::exchange(letters_, {});
    const auto listeners = listeners_;
    lock.unlock();
    for (const Event& event : events)
      for (const NodeListener& listener : listeners) listener(event.change, event.node);
    for (const Letter& letter : letters) send(letter);
    lock.lock();
  }
  letting_out_ = false;
}

void SeedMembership::send(const Letter& letter) {
  const std::vector<Bytes> pieces = encode_members(letter.message);
  const auto refused =
      std::ranges::find_if_not(pieces, [&](const Bytes& piece) { return tell_(letter.to, piece); });
  if (refused == pieces.end() || !letter.after) return;
  NodeId told_up_to = *letter.after;
  if (refused != pieces.begin())
    if (const auto last = decode_members(*std::prev(refused)); last && !last->members.empty())
      told_up_to = last->members.back().id;
  const Lock lock(mutex_);
  keep_rest(letter, told_up_to);
}

}  // namespace coerce::detail
