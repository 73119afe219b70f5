/// \file
/// The parts of a node.

#pragma once

namespace coerce::detail {

class RemoteCore;
struct NodeParts;

/// Makes the parts that know the node only through its core: they serve questions, listen for
/// changes of members, and work on references.
void attach_parts(RemoteCore& core);

}  // namespace coerce::detail
