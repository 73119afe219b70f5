#include "remote/parts.hpp"

#include <coerce/remote/detail/node_calls.hpp>

#include "remote/core.hpp"
#include "remote/locator.hpp"
#include "remote/registry.hpp"

namespace coerce::detail {

struct NodeParts {
  explicit NodeParts(RemoteCore& core) : registry(core, tracked), locator(core, registry) {
    core.world().core().observe_tracked(tracked);
    registry.adopt();
  }

  TrackedActors tracked;
  ActorRegistry registry;
  Locator locator;
};

void attach_parts(RemoteCore& core) { core.set_parts(std::make_shared<NodeParts>(core)); }

Task<Result<NodeId>> locate(RemoteCore& core, ActorId id, Duration timeout) {
  auto locating = core.parts().locator.locate(std::move(id), timeout);
  auto location = co_await locating;
  if (!location) co_return coerce::unexpected(std::move(location).error());
  co_return location->node;
}

Task<Result<CellRef>> find_actor(RemoteCore& core, ActorId id, RefType wanted, Duration timeout) {
  return core.parts().locator.find(std::move(id), wanted, timeout);
}

}  // namespace coerce::detail
