/// \file
/// The parts of a node.

#pragma once

namespace coerce::detail {

class RemoteCore;
struct NodeParts;

/// Makes the parts that know the node only through its core: they serve questions, listen for
/// changes of members, and work on references.
void attach_parts(RemoteCore& core);

using PartMaker = void (*)(RemoteCore& core);

/// An object of this type at namespace scope, in a source file that whoever uses the module links,
/// makes a module above this one part of every node: `maker` is called while a node is built, when
/// the parts of this module are there. Nodes of a program without the module say so to those that
/// ask it something (NotSupported).
class ModuleOfNodes {
 public:
  explicit ModuleOfNodes(PartMaker maker);
};
/// Calls all makers.
void attach_modules(RemoteCore& core);

}  // namespace coerce::detail
