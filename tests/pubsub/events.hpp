/// \file
/// Events of the cluster in words, for tests.

#pragma once

#include <string>
#include <variant>

#include <coerce/pubsub/system_topic.hpp>

namespace coerce::test {

/// "added 1", "removed 1", "leader 1", "up 1: 1 2 3"
inline std::string text_of_event(const SystemEvent& event) {
  if (const auto* added = std::get_if<NodeAdded>(&event))
    return "added " + std::to_string(added->node.id);
  if (const auto* removed = std::get_if<NodeRemoved>(&event))
    return "removed " + std::to_string(removed->node.id);
  if (const auto* changed = std::get_if<LeaderChanged>(&event))
    return "leader " + std::to_string(changed->node_id);
  const auto& up = std::get<MemberUp>(event);
  std::string text = "up " + std::to_string(up.leader_id) + ":";
  for (const auto& node : up.nodes) text += " " + std::to_string(node.id);
  return text;
}

}  // namespace coerce::test
