// Finding a cluster, or being the one with which it begins.

#include <algorithm>

#include "cluster/cluster_membership.hpp"

namespace coerce::detail {

namespace {

/// How often those who are asked have to give the same answer before a cluster is formed, in
/// heartbeat intervals.
constexpr int kStableIntervals = 2;
/// And for how long, if places were found by name: others that start at the same time may not stand
/// behind it yet, and a name is looked up every two seconds.
constexpr Duration kStableNames = std::chrono::seconds(5);

}  // namespace

Lineage ClusterMembership::draw_lineage() { return {rng_.next() | 1, rng_.next()}; }

/// The lowest address of all that are in no cluster, as far as this node hears them.
std::string ClusterMembership::candidate() const {
  std::string lowest = self_.address;
  for (const auto& [id, known] : known_)
    if (known.links > 0 && !known.standing.lineage && known.standing.serial > 0)
      lowest = std::min(lowest, known.node.address);
  return lowest;
}

/// Every address that this node was given or remembers has a voice, and it has one itself.
ClusterMembership::Electorate ClusterMembership::electorate() const {
  Electorate all;
  std::map<std::string, NodeId> places;  // 0: nobody in no cluster answers there
  for (const SeedPlace& seed : seeds_) places[seed.address] = seed.is_self ? self_.id : seed.node;
  for (const auto& [address, since] : former_places_) places.emplace(address, 0);
  for (auto& [address, node] : places) {
    if (address == self_.address) node = self_.id;
    for (const auto& [id, known] : known_)
      if (node == 0 && known.links > 0 && known.node.address == address) node = id;
  }
  const bool is_listed =
      std::ranges::any_of(places, [&](const auto& place) { return place.second == self_.id; });
  if (!is_listed) places[self_.address] = self_.id;
  all.places = places.size();
  for (const auto& [address, node] : places) {
    const auto known = known_.find(node);
    const bool answers =
        node == self_.id || (known != known_.end() && known->second.links > 0 &&
                             !known->second.standing.lineage && known->second.standing.serial > 0);
    if (!answers) continue;
    all.voters.insert(node);
    ++all.weight[node];
  }
  return all;
}

/// Do all that would vote think that it should be this node?
bool ClusterMembership::is_chosen(const Electorate& all) const {
  return std::ranges::all_of(all.voters, [&](NodeId voter) {
    if (voter == self_.id) return candidate() == self_.address;
    return known_.at(voter).standing.candidate == self_.address;
  });
}

/// A part that had to stop does not go on as a cluster of its own making: that would be what the
/// strategy forbids.
bool ClusterMembership::may_form(const std::set<NodeId>& voters) const {
  if (!stopped_ || now() - stopped_->when > kFormerPlacesKept) return true;
  if (const auto* fixed = std::get_if<StaticQuorum>(&downing_))
    return voters.size() >= fixed->members;
  if (!std::holds_alternative<KeepOldest>(downing_)) return true;
  return std::ranges::any_of(voters, [&](NodeId voter) {
    const auto known = known_.find(voter);
    return known != known_.end() && known->second.node.address == stopped_->oldest;
  });
}

/// A first view of which all members have begun anew is agreed on again and again, and there is
/// nobody left who could go into it.
void ClusterMembership::forget_the_dead() {
  const auto& voted = agreement_.accepted_view();
  if (!voted) return;
  const bool is_void = std::ranges::all_of(voted->members, [&](const ViewMember& member) {
    if (member.node.id == self_.id) return name_of(member.node) != name_of(self_);
    const auto known = known_.find(member.node.id);
    return known != known_.end() && known->second.links > 0 &&
           name_of(known->second.node) != name_of(member.node);
  });
  if (is_void) agreement_.forget_accepted();
}

void ClusterMembership::seek() {
  forget_the_dead();
  const bool somebody_knows_one = std::ranges::any_of(known_, [](const auto& entry) {
    return entry.second.links > 0 && entry.second.standing.lineage;
  });
  const Electorate all = electorate();
  const bool is_enough = may_form(all.voters);
  const auto decide = [places = all.places, weight = all.weight](const std::set<NodeId>& ids) {
    std::size_t sum = 0;
    for (const auto& [id, voices] : weight) sum += ids.contains(id) ? voices : 0;
    return 2 * sum > places;
  };
  if (agreement_.is_proposing() && ++tries_ticks_ > kTicksOfATry) agreement_.give_up();
  if (pause_ticks_ > 0) --pause_ticks_;
  if (somebody_knows_one || !is_enough || !decide(all.voters) || !is_chosen(all)) {
    chosen_since_.reset();
    agreement_.repeat();
    return write_agreement();
  }
  if (!chosen_since_ || all.voters != last_voters_ || all.places != last_places_)
    chosen_since_ = now();
  last_voters_ = all.voters;
  last_places_ = all.places;
  const bool is_named = std::ranges::any_of(seeds_, &SeedPlace::is_of_name);
  const bool is_alone = all.places == 1 && !is_named;
  Duration stable = kStableIntervals * heartbeat_.interval;
  if (is_named) stable = std::max(stable, kStableNames);
  if (!is_alone && now() - *chosen_since_ < stable) return;
  if (agreement_.is_proposing()) {
    agreement_.repeat();
  } else if (pause_ticks_ == 0) {
    View first{draw_lineage(), 1, {}};
    for (const NodeId voter : all.voters)
      first.members.push_back({voter == self_.id ? self_ : known_.at(voter).node, 1, false});
    first.sort();
    tries_ticks_ = 0;
    agreement_.propose(std::move(first), all.voters, decide);
  }
  write_agreement();
  take_agreed();
}

}  // namespace coerce::detail
