// Who may act as the owner of something, and until when.
//
// A node may act while a quorum of its view allows it. It asks with each standing, and says when it
// did by its own clock; whoever allows it says that back. From then on it is allowed for
// right_lasts(), counted from before it asked. Whoever has allowed it agrees to no view without it,
// and to no other lineage, until right_is_over() has passed since the question came. So when a view
// without it is agreed on, one of its quorum has agreed to that, and its right has ended. That
// needs clocks of about the same rate, and no clock that tells the same time everywhere.

#include <algorithm>

#include "cluster/cluster_membership.hpp"

namespace coerce::detail {

namespace {

/// By its clock, as others are to say it back. Not 0.
std::uint64_t stamp_of(TimePoint time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count()) + 1;
}
TimePoint time_of(std::uint64_t stamp) {
  return TimePoint(Duration(static_cast<Duration::rep>(stamp - 1)));
}

}  // namespace

// An answer is up to two intervals old before the next one comes.
Duration ClusterMembership::right_lasts() const noexcept {
  return std::max(heartbeat_.terminated_node_heartbeat_timeout - 2 * heartbeat_.interval,
                  3 * heartbeat_.interval);
}

// A node that was allowed looks at its right at every interval, and tells those who act.
Duration ClusterMembership::right_is_over() const noexcept {
  return right_lasts() + heartbeat_.interval;
}

// ---- for itself ---------------------------------------------------------------------------------

void ClusterMembership::ask_and_allow(NodeId to, Standing& standing) {
  standing.asked_at = stamp_of(boot_now_());
  const auto place = known_.find(to);
  if (place == known_.end() || place->second.asked_at == 0 || !may_allow(place->second)) return;
  const Known& known = place->second;
  standing.allowed = known.asked_at;
  if (!is_member()) return;  // when it becomes one, it counts as having allowed them all
  TimePoint& allowed = allowed_[to];
  allowed = std::max(allowed, known.asked_here);
}

void ClusterMembership::take_right(Known& known, const Standing& standing) {
  if (standing.allowed == 0 || !counts_for_us(known)) return;
  const TimePoint now = boot_now_();
  if (standing.allowed > stamp_of(now)) return;  // it was never asked that
  const TimePoint asked = time_of(standing.allowed);
  known.allowed = std::max(known.allowed.value_or(asked), asked);
}

/// Of another lineage, or with a newer view, it says nothing about what this node's view allows.
bool ClusterMembership::counts_for_us(const Known& known) const {
  if (!known.standing.lineage) return true;  // it is about to be let in
  return known.standing.lineage == view_.lineage && known.standing.number <= view_.number;
}

std::set<NodeId> ClusterMembership::allowing() const {
  std::set<NodeId> ids{self_.id};
  const TimePoint now = boot_now_();
  for (const ViewMember& member : view_.members) {
    const Known* known = known_member(member);
    if (known == nullptr || !known->allowed || !counts_for_us(*known)) continue;
    if (now - *known->allowed < right_lasts()) ids.insert(member.node.id);
  }
  return ids;
}

bool ClusterMembership::has_quorum() const {
  const bool is_out = !is_member() || has_left_ || leaving_ == Leaving::Ready ||
                      !out_.removed.empty() || founding_ || promised_;
  // The verdict of the last look gave others the time for which this node stood still.
  if (is_out || verdict_ != Verdict::Continue) return false;
  const std::set<NodeId> ids = allowing();
  if (judge(downing_, view_, ids, dead()) != Verdict::Continue) return false;
  // What it has accepted may be agreed on.
  const auto& next = agreement_.accepted_view();
  return !next || (next->find(name_of(self_)) != nullptr && next->is_quorum(ids));
}

// ---- for others ---------------------------------------------------------------------------------

bool ClusterMembership::may_allow(const Known& known) const {
  if (!is_member()) return true;
  const NodeName name = name_of(known.node);
  if (view_.find(name) == nullptr || known.standing.lineage != view_.lineage) return false;
  if (founding_ || promised_ || !going_on_.contains(name.id)) return false;
  const auto& next = agreement_.accepted_view();
  if (next && next->find(name) == nullptr) return false;
  return !awaited_ || awaited_->view.find(name) != nullptr ||
         now() - awaited_->when >= right_is_over();
}

// It owns nothing any more, or what this node has allowed it has run out.
bool ClusterMembership::may_leave_out(const ViewMember& member) const {
  if (member.node.id == self_.id || dead().contains(member.node.id)) return true;
  const Known* known = known_member(member);
  if (known != nullptr && known->standing.leaving == Leaving::Ready) return true;
  const auto allowed = allowed_.find(member.node.id);
  return allowed == allowed_.end() || now() - allowed->second >= right_is_over();
}

bool ClusterMembership::may_leave_out_all_but(const View& next) const {
  return std::ranges::all_of(view_.members, [&](const ViewMember& member) {
    return next.find(name_of(member.node)) != nullptr || may_leave_out(member);
  });
}

// A member that has agreed to another lineage has no voice in this one any more. What has to wait
// until rights have run out is kept in mind, so that they do: it may be agreed on elsewhere, and
// then nothing else can be.
bool ClusterMembership::may_accept(const View& next) {
  if (founding_ || promised_) return false;
  const bool may = may_leave_out_all_but(next);
  if (!may) awaited_ = Awaited{next, now()};
  return may;
}

// Whoever is new in the view has perhaps been allowed something before this node was a member.
void ClusterMembership::begin_rights(const View& before) {
  if (before.lineage != view_.lineage)
    for (auto& [id, known] : known_) known.allowed.reset();
  std::map<NodeId, TimePoint> kept;
  for (const ViewMember& member : view_.members) {
    const bool was_in =
        before.lineage == view_.lineage && before.find(name_of(member.node)) != nullptr;
    const auto place = allowed_.find(member.node.id);
    kept[member.node.id] = was_in && place != allowed_.end() ? place->second : now();
  }
  allowed_ = std::move(kept);
}

}  // namespace coerce::detail
