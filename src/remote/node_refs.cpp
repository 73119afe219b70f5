#include "remote/node_refs.hpp"

#include <fmt/format.h>

#include "remote/absent_port.hpp"

namespace coerce::detail {

Result<ActorAddress> NodeRefs::address_of(Cell& cell) {
  if (ForeignCell* foreign = as_foreign(cell)) {
    if (const auto* peer = dynamic_cast<const Peer*>(foreign->port.get()))
      return ActorAddress{peer->node_id(), peer->node().incarnation, cell.id()};
    if (const auto* absent = dynamic_cast<const AbsentPort*>(foreign->port.get()))
      return absent->address();
    return coerce::unexpected(ActorRefErr::Serialisation("the actor's node has no address"));
  }
  const bool is_known = cell.actor_type == ActorType::Tracked && cell.parent == nullptr &&
                        cell.live_shard < SystemCore::kLiveShards;
  if (!is_known)
    return coerce::unexpected(ActorRefErr::Serialisation(
        "only a tracked actor without a parent can be found by other nodes"));
  const NodeDescription& self = core_.self();
  return ActorAddress{self.id, self.incarnation, cell.id()};
}

Result<CellRef> NodeRefs::resolve(ActorAddress address, const RefType& type) {
  const NodeDescription& self = core_.self();
  if (address.node == self.id && address.incarnation == self.incarnation) {
    CellRef cell = core_.find_actor(address.actor);
    if (cell.get() == nullptr)
      return absent(std::move(address), type, ActorRefErr::InvalidRef(), StopReasonKind::Stopped);
    if (cell->type != type.cell_type)
      return coerce::unexpected(ActorRefErr::Deserialisation(
          fmt::format("a reference to a {}, but the actor is a {}", type.name, cell->type->name)));
    return cell;
  }
  const auto peer = core_.peer(address.node);
  if (!peer || peer->node().incarnation != address.incarnation)
    return absent(std::move(address), type,
                  ActorRefErr::Unreachable("the actor's node is gone, or was never met"),
                  StopReasonKind::NodeLost);
  return ForeignCell::make(core_.world().core(), std::move(address.actor), type.actor_key,
                           type.name, peer);
}

CellRef NodeRefs::absent(ActorAddress address, const RefType& type, ActorRefErr why,
                         StopReasonKind reason) {
  const ActorId id = address.actor;
  CellRef cell = ForeignCell::make(
      core_.world().core(), id, type.actor_key, type.name,
      std::make_shared<AbsentPort>(std::move(address), std::move(why), StopReason(reason)));
  cell->status.store(ActorStatus::Stopped, std::memory_order_release);
  return cell;
}

}  // namespace coerce::detail
