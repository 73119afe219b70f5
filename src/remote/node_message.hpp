/// \file
/// Descriptions of nodes as protobuf messages, and back.

#pragma once

#include <coerce/remote/node.hpp>

namespace coerce::remote::v1 {
class Incarnation;
class NodeDescription;
}  // namespace coerce::remote::v1

namespace coerce::detail {

void write(const Incarnation& from, remote::v1::Incarnation& to);
Incarnation read(const remote::v1::Incarnation& from);
void write(const NodeDescription& from, remote::v1::NodeDescription& to);
NodeDescription read(const remote::v1::NodeDescription& from);
/// Could a node be like this? Its id, its address, and not longer than a hello may be.
bool is_sound(const remote::v1::NodeDescription& node);

}  // namespace coerce::detail
