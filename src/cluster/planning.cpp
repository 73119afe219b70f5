// Which view should be next.

#include <algorithm>

#include <fmt/format.h>

#include "cluster/cluster_membership.hpp"

namespace coerce::detail {

// ---- who hears whom -----------------------------------------------------------------------------

Duration ClusterMembership::room_to_settle() const noexcept {
  const Duration room =
      heartbeat_.terminated_node_heartbeat_timeout - heartbeat_.unhealthy_node_heartbeat_timeout;
  return std::min(room / 2, 2 * heartbeat_.interval);
}

// A bit less than the time after which a member is removed, so that by then all have told each
// other, and have seen the others tell the same twice.
std::set<NodeId> ClusterMembership::unreachable() const {
  const Duration limit = heartbeat_.terminated_node_heartbeat_timeout - room_to_settle();
  std::set<NodeId> ids;
  for (const ViewMember& member : view_.members)
    if (is_silent(member, limit)) ids.insert(member.node.id);
  const auto certainly = dead();
  ids.insert(certainly.begin(), certainly.end());
  return ids;
}

// It has said so; or this node has dialled it, and another process has answered there, or nobody
// although that host is this one.
std::set<NodeId> ClusterMembership::dead() const {
  std::set<NodeId> ids;
  for (const ViewMember& member : view_.members) {
    if (member.node.id == self_.id) continue;
    const auto place = known_.find(member.node.id);
    if (place == known_.end()) continue;
    const Known& known = place->second;
    const bool is_itself = name_of(known.node) == name_of(member.node);
    const bool was_replaced = !is_itself && known.meeting.dialled == member.node.address;
    const bool has_ended =
        is_itself && known.links == 0 &&
        (known.said_goodbye || (known.was_refused && known.meeting.is_on_one_host));
    if (was_replaced || has_ended) ids.insert(member.node.id);
  }
  return ids;
}

Rows ClusterMembership::rows() const {
  Rows rows;
  rows[self_.id] = unreachable();
  for (const ViewMember& member : view_.members) {
    const Known* known = known_member(member);
    if (known == nullptr || known->standing.lineage != view_.lineage) continue;
    rows[member.node.id] = {known->standing.unreachable.begin(), known->standing.unreachable.end()};
  }
  return rows;
}

void ClusterMembership::look(TimePoint time) {
  if (!is_member() || has_left_) return;
  std::set<NodeId> going_on = full_mesh(view_, self_.id, rows());
  if (going_on != going_on_) {
    going_on_ = std::move(going_on);
    settled_since_ = time;
  }
  const std::set<NodeId> gone = dead();
  verdict_ = judge(downing_, view_, going_on_, gone);
  const bool only_dead_are_missing = std::ranges::all_of(view_.members, [&](const ViewMember& m) {
    return going_on_.contains(m.node.id) || gone.contains(m.node.id);
  });
  is_settled_ = only_dead_are_missing || time - settled_since_ >= room_to_settle();

  if (has_quorum() || leaving_ == Leaving::Ready) {
    alone_since_.reset();
  } else if (!alone_since_) {
    alone_since_ = time;
    if (told_ && told_->has_quorum) note("this node does not hear enough others to act");
  } else if (time - *alone_since_ >= heartbeat_.terminated_node_heartbeat_timeout) {
    has_to_begin_anew("it has not heard enough others for too long");
  }
}

// ---- who proposes -------------------------------------------------------------------------------

bool ClusterMembership::is_coordinator() const {
  const ViewMember* first = nullptr;
  for (const ViewMember& member : view_.members) {
    if (!going_on_.contains(member.node.id)) continue;
    const Known* known = known_member(member);
    const Leaving leaving = member.node.id == self_.id ? leaving_
                            : known != nullptr         ? known->standing.leaving
                                                       : Leaving::No;
    if (first == nullptr) first = &member;
    if (leaving == Leaving::No) {
      first = &member;
      break;
    }
  }
  return first != nullptr && first->node.id == self_.id;
}

bool ClusterMembership::may_join(const View& next, const Known& known) const {
  const NodeName name = name_of(known.node);
  const bool asks = known.links > 0 && !known.standing.lineage && known.standing.serial > 0 &&
                    known.standing.leaving == Leaving::No;
  // A member that does not know yet that it is one asks as well. If it is being removed, that is
  // for good, not to let it in again with the same view.
  if (!asks || was_removed(name) || view_.find(name) != nullptr) return false;
  if (next.find(name.id) != nullptr || known.node.address.empty()) return false;
  return std::ranges::all_of(next.members, [&](const ViewMember& member) {
    return std::ranges::find(known.standing.reached, member.node.id) !=
           known.standing.reached.end();
  });
}

View ClusterMembership::next_view() const {
  View next{view_.lineage, view_.number + 1, {}};
  for (ViewMember member : view_.members) {
    const bool stays = going_on_.contains(member.node.id);
    if (!stays && is_settled_ && may_leave_out(member)) continue;
    const Known* known = known_member(member);
    const Leaving leaving = member.node.id == self_.id ? leaving_
                            : known != nullptr         ? known->standing.leaving
                                                       : Leaving::No;
    if (leaving == Leaving::Ready) continue;
    member.leaving = leaving != Leaving::No;
    next.members.push_back(std::move(member));
  }
  if (next.members.empty()) {
    // All leave: this one, which proposes, goes last.
    ViewMember last = *view_.find(self_.id);
    last.leaving = true;
    next.members.push_back(std::move(last));
  }
  const View without_joining = next;
  for (const auto& [id, known] : known_) {
    if (next.members.size() >= max_nodes_ || !may_join(without_joining, known)) continue;
    next.members.push_back({known.node, next.number, false});
  }
  if (bytes_of(next) > kMaxViewBytes) next = without_joining;
  next.sort();
  return next;
}

void ClusterMembership::plan() {
  if (!is_member() || has_left_ || !out_.removed.empty()) return;
  if (agreement_.is_proposing() || founding_ || promised_ || pause_ticks_ > 0) return;
  if (!is_coordinator()) return;
  if (verdict_ == Verdict::NewLineage && is_settled_) return found();
  if (verdict_ != Verdict::Continue) return;
  View next = next_view();
  if (next.members == view_.members) return;
  tries_ticks_ = 0;
  agreement_.propose(std::move(next), view_.ids(),
                     [view = view_](const std::set<NodeId>& ids) { return view.is_quorum(ids); });
  write_agreement();
  take_agreed();
}

void ClusterMembership::take_agreed() {
  auto agreed = agreement_.take_agreed();
  if (!agreed) return;
  // Those that it removes hear of it too, so that they need not find out.
  if (is_member() || agreed->find(name_of(self_)) != nullptr) {
    const View before = view_;
    const View view = *agreed;
    for (const ViewMember& member : before.members) {
      if (view.find(name_of(member.node)) != nullptr || member.node.id == self_.id) continue;
      const Known* known = known_member(member);
      if (known == nullptr || known->links == 0) continue;
      Standing last = standing();
      last.lineage = view.lineage;
      last.number = view.number;
      last.view = view;
      write(member.node.id, std::move(last));
    }
    return install(std::move(*agreed));
  }
  for (const ViewMember& member : agreed->members) {
    Standing word = standing();
    word.view = *agreed;
    write(member.node.id, std::move(word));
  }
}

// ---- a new lineage ------------------------------------------------------------------------------

void ClusterMembership::found() {
  View view = next_view();
  std::erase_if(view.members, [&](const ViewMember& member) {
    return !going_on_.contains(member.node.id);  // nobody joins on the way
  });
  if (view.members.empty() || !may_leave_out_all_but(view)) return;
  view.lineage = draw_lineage();
  note(fmt::format("{} of {} members go on alone", view.members.size(), view_.members.size()));
  founding_ = Founding{view, {self_.id}, 0};
  for (const ViewMember& member : view.members) {
    if (member.node.id == self_.id) continue;
    Standing one = standing();
    one.founding = view;
    write(member.node.id, std::move(one));
  }
  count_founding(self_.id, view.lineage);
}

void ClusterMembership::answer_founding(const NodeDescription& from, const View& view) {
  const bool agrees = verdict_ == Verdict::NewLineage && is_settled_ && view_.find(name_of(from)) &&
                      view.number == view_.number + 1 && view.ids() == going_on_ &&
                      view.find(name_of(self_)) != nullptr && !founding_ && !promised_ &&
                      may_leave_out_all_but(view);
  if (!agrees) return;
  promised_ = Promise{view.lineage, name_of(from)};
  Standing one = standing();
  one.founded = view.lineage;
  write(from.id, std::move(one));
}

void ClusterMembership::count_founding(NodeId from, const Lineage& founded) {
  if (!founding_ || view_.find(from) == nullptr || founding_->view.lineage != founded) return;
  founding_->agreeing.insert(from);
  if (founding_->agreeing != founding_->view.ids()) return;
  install(View(founding_->view));
}

}  // namespace coerce::detail
