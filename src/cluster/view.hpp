/// \file
/// Views: who is in the cluster, as its members have agreed.

#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <coerce/remote/node.hpp>

#include "remote/node_name.hpp"

namespace coerce::detail {

/// One history of views. A part of a cluster that goes on although the others may as well begins
/// another one; what was agreed in one says nothing in another.
struct Lineage {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  explicit operator bool() const noexcept { return high != 0 || low != 0; }
  friend auto operator<=>(const Lineage&, const Lineage&) = default;
};

struct ViewMember {
  NodeDescription node;
  std::uint64_t since = 0;  ///< the number of the view that let it in
  bool leaving = false;     ///< it hands over what it has, and takes nothing new

  friend bool operator==(const ViewMember& a, const ViewMember& b) noexcept {
    return a.node.id == b.node.id && a.node.incarnation == b.node.incarnation &&
           a.since == b.since && a.leaving == b.leaving && a.node.address == b.node.address;
  }
};

/// Number n + 1 follows from number n of the same lineage, and there is only one of each.
struct View {
  Lineage lineage;
  std::uint64_t number = 0;  ///< 0: no view
  /// Oldest first: by the view that let them in, then by the start they name, then by id.
  std::vector<ViewMember> members;

  const ViewMember* find(NodeId id) const noexcept;
  const ViewMember* find(const NodeName& name) const noexcept;
  /// The oldest that does not leave; null if all leave.
  const ViewMember* leader() const noexcept;
  std::set<NodeId> ids() const;
  /// Do these members decide? More than half of all; or just half, with the oldest among them. Any
  /// two sets that decide have a member in common.
  bool is_quorum(const std::set<NodeId>& ids) const noexcept;
  void sort();

  friend bool operator==(const View&, const View&) = default;
};

}  // namespace coerce::detail
