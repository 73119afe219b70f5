#include "cluster/view.hpp"

#include <algorithm>
#include <tuple>

namespace coerce::detail {

const ViewMember* View::find(NodeId id) const noexcept {
  const auto place = std::ranges::find(members, id, [](const ViewMember& m) { return m.node.id; });
  return place != members.end() ? &*place : nullptr;
}

const ViewMember* View::find(const NodeName& name) const noexcept {
  const ViewMember* member = find(name.id);
  return member != nullptr && member->node.incarnation == name.incarnation ? member : nullptr;
}

const ViewMember* View::leader() const noexcept {
  const auto place = std::ranges::find(members, false, &ViewMember::leaving);
  return place != members.end() ? &*place : nullptr;
}

std::set<NodeId> View::ids() const {
  std::set<NodeId> ids;
  for (const ViewMember& member : members) ids.insert(member.node.id);
  return ids;
}

bool View::is_quorum(const std::set<NodeId>& ids) const noexcept {
  const auto count = static_cast<std::size_t>(std::ranges::count_if(
      members, [&](const ViewMember& member) { return ids.contains(member.node.id); }));
  if (2 * count != members.size()) return 2 * count > members.size();
  return !members.empty() && ids.contains(members.front().node.id);
}

void View::sort() {
  std::ranges::sort(members, {}, [](const ViewMember& member) {
    return std::tuple(member.since, member.node.incarnation.started, member.node.id);
  });
}

}  // namespace coerce::detail
