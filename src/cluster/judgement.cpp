#include "cluster/judgement.hpp"

#include <algorithm>
#include <vector>

namespace coerce::detail {

namespace {

/// A pair that does not hear each other; the older member first.
struct Breach {
  NodeId older = 0;
  NodeId younger = 0;
};

constexpr std::size_t kMostTried = 8;  ///< beyond it the fewest are guessed, not searched for

std::vector<Breach> breaches_of(const View& view, const std::set<NodeId>& among, const Rows& rows) {
  const auto is_deaf = [&](NodeId who, NodeId to) {
    const auto row = rows.find(who);
    return row != rows.end() && row->second.contains(to);
  };
  std::vector<Breach> breaches;
  for (auto older = view.members.begin(); older != view.members.end(); ++older)
    for (auto younger = std::next(older); younger != view.members.end(); ++younger) {
      const NodeId a = older->node.id;
      const NodeId b = younger->node.id;
      if (among.contains(a) && among.contains(b) && (is_deaf(a, b) || is_deaf(b, a)))
        breaches.push_back({a, b});
    }
  return breaches;
}

/// Leaves out one of each pair, at most `most` members; the younger one is tried first, so of all
/// ways with as few members the first one found leaves out younger ones.
bool mend(const std::vector<Breach>& breaches, std::size_t most, std::set<NodeId>& left_out) {
  const auto open = std::ranges::find_if(breaches, [&](const Breach& breach) {
    return !left_out.contains(breach.older) && !left_out.contains(breach.younger);
  });
  if (open == breaches.end()) return true;
  if (left_out.size() == most) return false;
  for (const NodeId id : {open->younger, open->older}) {
    left_out.insert(id);
    if (mend(breaches, most, left_out)) return true;
    left_out.erase(id);
  }
  return false;
}

/// The member in most of the pairs, again and again.
std::set<NodeId> mend_roughly(std::vector<Breach> breaches) {
  std::set<NodeId> left_out;
  while (!breaches.empty()) {
    std::map<NodeId, std::size_t> count;
    for (const Breach& breach : breaches) {
      ++count[breach.older];
      ++count[breach.younger];
    }
    const NodeId worst =
        std::ranges::max_element(count, {}, [](const auto& entry) { return entry.second; })->first;
    left_out.insert(worst);
    std::erase_if(breaches, [&](const Breach& breach) {
      return breach.older == worst || breach.younger == worst;
    });
  }
  return left_out;
}

}  // namespace

std::set<NodeId> full_mesh(const View& view, NodeId self, const Rows& rows) {
  std::set<NodeId> going_on = view.ids();
  if (const auto own = rows.find(self); own != rows.end())
    for (const NodeId id : own->second) going_on.erase(id);
  const std::vector<Breach> breaches = breaches_of(view, going_on, rows);
  std::set<NodeId> left_out;
  bool found = false;
  for (std::size_t most = 0; most <= kMostTried && !found; ++most) {
    left_out.clear();
    found = mend(breaches, most, left_out);
  }
  if (!found) left_out = mend_roughly(breaches);
  for (const NodeId id : left_out) going_on.erase(id);
  return going_on;
}

namespace {

/// What KeepMajority says: nobody else can decide, or all others are dead. If one of them may live
/// it may have decided with the dead before they died.
Verdict by_majority(const View& view, const std::set<NodeId>& going_on,
                    const std::set<NodeId>& dead) {
  if (view.is_quorum(going_on)) return Verdict::Continue;
  const bool nobody_else_lives = std::ranges::all_of(view.members, [&](const ViewMember& member) {
    return going_on.contains(member.node.id) || dead.contains(member.node.id);
  });
  return nobody_else_lives ? Verdict::NewLineage : Verdict::Stop;
}

Verdict unless_majority(const View& view, const std::set<NodeId>& going_on) {
  return view.is_quorum(going_on) ? Verdict::Continue : Verdict::NewLineage;
}

/// Of the oldest that may live: one that is dead goes on with no part, or all of them would go on.
Verdict by_oldest(const KeepOldest& keep, const View& view, const std::set<NodeId>& going_on,
                  const std::set<NodeId>& dead) {
  const auto may_live = [&](const ViewMember& member) { return !dead.contains(member.node.id); };
  const auto oldest = std::ranges::find_if(view.members, may_live);
  if (oldest == view.members.end()) return Verdict::Stop;
  const auto others = static_cast<std::size_t>(std::ranges::count_if(view.members, may_live) - 1);
  const bool has_oldest = going_on.contains(oldest->node.id);
  if (keep.down_if_alone && others >= 2) {
    if (has_oldest && going_on.size() == 1) return Verdict::Stop;
    if (!has_oldest && going_on.size() == others) return unless_majority(view, going_on);
  }
  return has_oldest ? unless_majority(view, going_on) : Verdict::Stop;
}

}  // namespace

Verdict judge(const Downing& downing, const View& view, const std::set<NodeId>& going_on,
              const std::set<NodeId>& dead) {
  if (view.members.empty()) return Verdict::Stop;
  if (going_on == view.ids()) return Verdict::Continue;
  if (const auto* fixed = std::get_if<StaticQuorum>(&downing))
    return going_on.size() >= fixed->members ? unless_majority(view, going_on) : Verdict::Stop;
  if (const auto* keep = std::get_if<KeepOldest>(&downing))
    return by_oldest(*keep, view, going_on, dead);
  if (std::holds_alternative<DownAll>(downing)) {
    const auto is_known_dead = [&](const ViewMember& member) {
      return going_on.contains(member.node.id) || dead.contains(member.node.id);
    };
    if (!std::ranges::all_of(view.members, is_known_dead)) return Verdict::Stop;
  }
  return by_majority(view, going_on, dead);
}

}  // namespace coerce::detail
