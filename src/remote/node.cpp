#include <coerce/remote/node.hpp>

namespace coerce {

std::string_view to_string(NodeStatus status) noexcept {
  switch (status) {
    case NodeStatus::Joining:
      return "joining";
    case NodeStatus::Healthy:
      return "healthy";
    case NodeStatus::Unhealthy:
      return "unhealthy";
    case NodeStatus::Leaving:
      return "leaving";
    case NodeStatus::Terminated:
      return "terminated";
  }
  return "unknown";
}

}  // namespace coerce
