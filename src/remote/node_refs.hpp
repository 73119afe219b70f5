/// \file
/// References that travel, as a node sees them.

#pragma once

#include <coerce/remote/refs.hpp>

#include "remote/core.hpp"

namespace coerce::detail {

/// An extension of its own, as it is found by what it does. Lives no longer than the node.
class NodeRefs final : public RefResolver {
 public:
  explicit NodeRefs(RemoteCore& core) noexcept : core_(core) {}

  std::string_view name() const noexcept override { return "remote references"; }
  Result<ActorAddress> address_of(Cell& cell) override;
  Result<CellRef> resolve(ActorAddress address, const RefType& type) override;

 private:
  CellRef absent(ActorAddress address, const RefType& type, ActorRefErr why, StopReasonKind reason);

  RemoteCore& core_;
};

}  // namespace coerce::detail
