/// \file
/// Names in certificates that belong to one node.

#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include <coerce/actor/node_id.hpp>

namespace coerce::detail {

/// "node-7": node 7. None: the name says something else.
inline std::optional<NodeId> certified_node(std::string_view name) noexcept {
  constexpr std::string_view kPrefix = "node-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size());
  NodeId id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return id;
}

}  // namespace coerce::detail
