/// \file
/// One life of a node, by name.

#pragma once

#include <compare>

#include <coerce/remote/node.hpp>

namespace coerce::detail {

struct NodeName {
  NodeId id = 0;
  Incarnation incarnation;

  friend bool operator==(const NodeName&, const NodeName&) = default;
};

inline NodeName name_of(const NodeDescription& node) { return {node.id, node.incarnation}; }

}  // namespace coerce::detail
