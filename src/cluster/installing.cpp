// What a node does with what it is told.

#include <algorithm>

#include <fmt/format.h>

#include "cluster/cluster_membership.hpp"
#include "remote/node_world.hpp"

namespace coerce::detail {

namespace {

/// Of two clusters that meet the larger one stays; of two as large that with the older oldest
/// member.
bool is_weaker(const View& one, const View& other) {
  if (one.members.size() != other.members.size()) return one.members.size() < other.members.size();
  const auto age = [](const View& view) {
    const NodeDescription& oldest = view.members.front().node;
    return std::tuple(oldest.incarnation.started, oldest.id, view.lineage);
  };
  return age(one) > age(other);
}

}  // namespace

void ClusterMembership::told(const NodeDescription& from, BytesView bytes) {
  auto decoded = decode_standing(bytes);
  Lock lock(mutex_);
  if (!decoded) {
    note(fmt::format("node {} ({}) tells of a cluster what cannot be", from.id,
                     printable(from.tag)));
    return release(std::move(lock));
  }
  if (was_removed(name_of(from))) return;
  Known* known = find(name_of(from));
  if (known == nullptr) {
    // Its side of the link may be up, and have written, a moment before ours is known to be.
    const auto place = known_.find(from.id);
    if (place != known_.end() && place->second.links > 0) return;
    if (place == known_.end() && known_.size() >= max_nodes_) return;
    known = &(known_[from.id] = Known{});
    known->node = from;
    known->heard = now();
  }
  // So that nobody has to wait for the right to act where all have just come together.
  const bool asks_anew = decoded->asked_at != 0 &&
                         (known->asked_at == 0 || known->standing.lineage != decoded->lineage);
  if (decoded->serial > known->standing.serial) {
    const auto agreement = std::exchange(decoded->agreement, {});
    known->standing = *decoded;
    known->standing.view.reset();
    known->standing.ended.clear();
    decoded->agreement = agreement;
    known->asked_at = decoded->asked_at;
    known->asked_here = now();
    keep_promise(from, *decoded);
  }
  consider(from, *decoded);
  // It may have been forgotten, or moved, by what it said itself.
  if (Known* still = find(name_of(from))) {
    take_right(*still, *decoded);
    if (asks_anew && still->links > 0) write(from.id, standing());
  }
  look(now());
  plan();
  release(std::move(lock));
}

void ClusterMembership::consider(const NodeDescription& from, const Standing& standing) {
  if (standing.view) meet(from, *standing.view);
  const Known* known = find(name_of(from));
  const bool is_linked = known != nullptr && known->links > 0;
  if (standing.lineage == view_.lineage) {
    learn_ended(from, standing.ended);
    if (standing.number < view_.number && is_linked) write(from.id, everything());
  } else if (is_member() && standing.lineage && !standing.view && is_linked) {
    // Two clusters meet: each has to see the other's view to know which one stays.
    write(from.id, everything());
  }
  const bool may_vote = is_member() ? view_.find(name_of(from)) != nullptr : true;
  if (may_vote)
    for (const AgreementMessage& message : standing.agreement) agreement_.handle(from.id, message);
  if (standing.founding) answer_founding(from, *standing.founding);
  if (standing.founded) count_founding(from.id, standing.founded);
  write_agreement();
  if (agreement_.was_overtaken()) pause_ticks_ = 1 + static_cast<unsigned>(rng_.below(3));
  take_agreed();
}

/// Who gives up founding says so by telling of its old lineage alone.
void ClusterMembership::keep_promise(const NodeDescription& from, const Standing& standing) {
  if (!promised_ || promised_->to != name_of(from)) return;
  if (standing.lineage == view_.lineage && standing.founded != promised_->lineage)
    promised_.reset();
}

/// Does one speak for this view who may know of it?
bool ClusterMembership::is_vouched_for(const View& other, const NodeDescription& from) const {
  if (other.lineage == view_.lineage) return view_.find(name_of(from)) != nullptr;
  return other.find(name_of(from)) != nullptr || agreement_.accepted_view() == other;
}

void ClusterMembership::meet(const NodeDescription& from, const View& other) {
  if (!is_vouched_for(other, from)) {
    note(fmt::format("node {} ({}) tells of a view that is not its own", from.id,
                     printable(from.tag)));
    return;
  }
  const bool has_us = other.find(name_of(self_)) != nullptr;
  if (!is_member()) {
    const auto& voted = agreement_.accepted_view();
    // Its vote may have made another cluster, and nobody acts in two.
    if (has_us && voted && voted->lineage != other.lineage)
      return has_to_begin_anew("it has voted for another cluster than the one that was formed");
    if (has_us) return install(other);
    heard_of_.clear();
    for (const ViewMember& member : other.members) heard_of_.push_back(member.node);
    return;
  }
  if (other.lineage == view_.lineage) {
    if (other.number > view_.number) install(other);
    return;
  }
  if (has_us && promised_ && other.lineage == promised_->lineage) return install(other);
  // One that names this node all the same was formed without it: it does not go to and fro between
  // two lineages as one incarnation, or it would forget what it has promised in them.
  if (!is_weaker(view_, other)) return;
  has_to_begin_anew(fmt::format("it has met the larger or older cluster of node {}", from.id));
}

void ClusterMembership::learn_ended(const NodeDescription& from,
                                    const std::vector<NodeName>& ended) {
  if (view_.find(name_of(from)) == nullptr) return;
  for (const NodeName& name : ended)
    if (view_.find(name) == nullptr && name != name_of(self_)) bury(name);
}

void ClusterMembership::install(View view) {
  const bool stays = view.find(name_of(self_)) != nullptr;
  if (!stays) {
    if (leaving_ == Leaving::No) return has_to_begin_anew("the others have gone on without it");
    has_left_ = true;
    return;
  }
  const View before = std::exchange(view_, std::move(view));
  if (before.number == 0) joined_at_ = view_.number;
  for (const ViewMember& member : before.members) {
    const NodeName name = name_of(member.node);
    if (view_.find(name) != nullptr || name.id == self_.id) continue;
    lose(member.node);
    bury(name);
    if (find(name) != nullptr) known_.erase(name.id);
  }
  for (const ViewMember& member : view_.members) {
    if (member.node.id == self_.id || before.find(name_of(member.node)) != nullptr) continue;
    // Its id may be linked as another incarnation: then the view is late, and that one stays known.
    const auto place = known_.find(member.node.id);
    if (place == known_.end() ||
        (place->second.links == 0 && find(name_of(member.node)) == nullptr)) {
      Known known;
      known.node = member.node;
      known.heard = now();
      known_[member.node.id] = std::move(known);
    }
    out_.events.push_back({NodeChange::Up, member.node});
  }
  for (const ViewMember& member : view_.members) former_places_.erase(member.node.address);
  agreement_.begin(view_.lineage, view_.number + 1);
  founding_.reset();
  promised_.reset();
  awaited_.reset();
  begin_rights(before);
  stopped_.reset();
  heard_of_.clear();
  tries_ticks_ = 0;
  look(now());
  write_to_all(true);
}

void ClusterMembership::has_to_begin_anew(std::string why) { out_.removed = std::move(why); }

}  // namespace coerce::detail
