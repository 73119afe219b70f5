/// \file
/// What the templates of RemoteActorSystem call.

#pragma once

#include <string>
#include <string_view>

#include <coerce/actor/detail/cell_ref.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/remote/options.hpp>
#include <coerce/remote/refs.hpp>

namespace coerce::detail {

class RemoteCore;

/// RemoteActorSystem::locate_actor_node.
Task<Result<NodeId>> locate(RemoteCore& core, ActorId id, Duration timeout);
/// RemoteActorSystem::capabilities of another node.
Task<Result<SystemCapabilities>> capabilities(RemoteCore& core, NodeId node, Duration timeout);
/// RemoteActorSystem::actor_ref: the actor's own cell, or one that stands for it.
Task<Result<CellRef>> find_actor(RemoteCore& core, ActorId id, RefType wanted, Duration timeout);
/// RemoteActorSystem::deploy_actor: the same of the new actor. `factory`: its name.
Task<Result<CellRef>> deploy(RemoteCore& core, std::string factory, RefType wanted, Bytes recipe,
                             DeployOptions options);

}  // namespace coerce::detail
