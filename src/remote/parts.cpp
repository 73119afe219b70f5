#include "remote/parts.hpp"

#include <mutex>
#include <vector>

#include <coerce/remote/detail/node_calls.hpp>

#include "remote/core.hpp"
#include "remote/deployer.hpp"
#include "remote/locator.hpp"
#include "remote/registry.hpp"
#include "remote/remote_ops.hpp"
#include "remote/watched.hpp"

namespace coerce::detail {

namespace {

struct PartMakers {
  std::mutex mutex;
  std::vector<PartMaker> list;
};

/// Objects of other files use it before main().
PartMakers& part_makers() {
  static PartMakers makers;
  return makers;
}

}  // namespace

struct NodeParts {
  explicit NodeParts(RemoteCore& core)
      : registry(core, tracked),
        locator(core, registry),
        deployer(core, registry, locator),
        watched(core, tracked),
        watching(core),
        operations(core, watching) {
    core.world().core().observe_tracked(tracked);
    registry.adopt();
  }

  TrackedActors tracked;
  ActorRegistry registry;
  Locator locator;
  Deployer deployer;
  Watched watched;
  Watching watching;
  RemoteOperations operations;
};

void attach_parts(RemoteCore& core) {
  const auto parts = std::make_shared<NodeParts>(core);
  core.set_parts(parts);
  core.set_operations({parts, &parts->operations});
}

ModuleOfNodes::ModuleOfNodes(PartMaker maker) {
  PartMakers& makers = part_makers();
  const std::lock_guard guard(makers.mutex);
  makers.list.push_back(maker);
}

void attach_modules(RemoteCore& core) {
  std::vector<PartMaker> list;
  {
    PartMakers& makers = part_makers();
    const std::lock_guard guard(makers.mutex);
    list = makers.list;
  }
  for (const PartMaker maker : list) maker(core);
}

Task<Result<NodeId>> locate(RemoteCore& core, ActorId id, Duration timeout) {
  auto locating = core.parts().locator.locate(std::move(id), timeout);
  auto location = co_await locating;
  if (!location) co_return coerce::unexpected(std::move(location).error());
  co_return location->node;
}

Task<Result<SystemCapabilities>> capabilities(RemoteCore& core, NodeId node, Duration timeout) {
  return core.parts().operations.capabilities_of(node, timeout);
}

Task<Result<CellRef>> deploy(RemoteCore& core, std::string factory, RefType wanted, Bytes recipe,
                             DeployOptions options) {
  return core.parts().deployer.deploy(std::move(factory), wanted, std::move(recipe),
                                      std::move(options));
}

Task<Result<CellRef>> find_actor(RemoteCore& core, ActorId id, RefType wanted, Duration timeout) {
  return core.parts().locator.find(std::move(id), wanted, timeout);
}

}  // namespace coerce::detail
