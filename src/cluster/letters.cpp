// What a node tells the others.

#include <algorithm>

#include "cluster/cluster_membership.hpp"

namespace coerce::detail {

Standing ClusterMembership::standing() const {
  Standing standing;
  standing.lineage = view_.lineage;
  standing.number = view_.number;
  standing.leaving = leaving_;
  if (founding_)
    standing.founded = founding_->view.lineage;
  else if (promised_)
    standing.founded = promised_->lineage;
  if (is_member()) {
    const auto deaf_to = unreachable();
    standing.unreachable.assign(deaf_to.begin(), deaf_to.end());
  } else {
    for (const auto& [id, known] : known_)
      if (known.links > 0) standing.reached.push_back(id);
    standing.candidate = candidate();
  }
  return standing;
}

Standing ClusterMembership::everything() const {
  Standing all = standing();
  all.view = view_;
  const std::size_t told = std::min(tombstones_.size(), kMaxEndedTold);
  for (std::size_t i = tombstones_.size() - told; i < tombstones_.size(); ++i)
    all.ended.push_back(tombstones_[i].name);
  return all;
}

void ClusterMembership::write(NodeId to, Standing standing) {
  standing.serial = ++serial_;
  ask_and_allow(to, standing);
  Letter letter{to, encode_standing(standing)};
  out_.bytes += letter.message.size();
  out_.letters.push_back(std::move(letter));
}

void ClusterMembership::write_to_all(bool with_view) {
  Standing common = standing();
  if (with_view) common.view = view_;
  for (const auto& [id, known] : known_)
    if (known.links > 0) write(id, common);
}

void ClusterMembership::write_agreement() {
  for (Agreement::Letter& letter : agreement_.take_letters()) {
    Standing one = standing();
    one.agreement.push_back(std::move(letter.message));
    write(letter.to, std::move(one));
  }
}

}  // namespace coerce::detail
