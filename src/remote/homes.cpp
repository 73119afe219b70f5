#include "remote/homes.hpp"

#include <utility>

namespace coerce::detail {

namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

// FNV-1a: ids are short.
std::uint64_t hash_of_id(std::string_view id) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(hash);
}

Homes::Homes(std::string_view id, std::span<const NodeDescription> members) noexcept {
  const std::uint64_t hash = hash_of_id(id);
  std::pair<std::uint64_t, NodeId> first{}, second{};
  for (const NodeDescription& node : members) {
    std::pair weight(mix(hash ^ mix(node.id)), node.id);
    if (weight > first) std::swap(weight, first);
    if (weight > second) second = weight;
  }
  for (const auto& [weight, node] : {first, second})
    if (node != 0) nodes_[count_++] = node;
}

void HomeTable::drop(const Announced& announced) noexcept {
  for (const auto& [id, life] : announced.actors) used_ -= weight_of(id);
}

void HomeTable::clear(NodeId node, const Incarnation& incarnation) {
  Announced gone;
  const std::lock_guard guard(mutex_);
  const auto place = nodes_.find(node);
  if (place == nodes_.end() || place->second.incarnation != incarnation) return;
  drop(place->second);
  gone = std::move(place->second);
  nodes_.erase(place);
}

void HomeTable::begin(NodeId node, const Incarnation& incarnation) {
  const std::lock_guard guard(mutex_);
  Announced& announced = nodes_[node];
  drop(announced);
  announced = {incarnation, {}};
}

bool HomeTable::add(NodeId node, const Incarnation& incarnation, const ActorId& id,
                    ActorLife life) {
  const std::lock_guard guard(mutex_);
  const auto place = nodes_.find(node);
  if (place == nodes_.end() || place->second.incarnation != incarnation) return false;
  auto& actors = place->second.actors;
  if (const auto known = actors.find(id); known != actors.end()) {
    known->second = life;
    return true;
  }
  if (used_ + weight_of(id) > limit_) return false;
  actors.emplace(id, life);
  used_ += weight_of(id);
  return true;
}

void HomeTable::remove(NodeId node, const Incarnation& incarnation, const ActorId& id,
                       std::uint64_t context) {
  const std::lock_guard guard(mutex_);
  const auto place = nodes_.find(node);
  if (place == nodes_.end() || place->second.incarnation != incarnation) return;
  auto& actors = place->second.actors;
  const auto known = actors.find(id);
  if (known == actors.end() || known->second.context != context) return;
  used_ -= weight_of(id);
  actors.erase(known);
}

std::vector<ActorPlace> HomeTable::find(const ActorId& id) const {
  std::vector<ActorPlace> places;
  const std::lock_guard guard(mutex_);
  for (const auto& [node, announced] : nodes_)
    if (const auto known = announced.actors.find(id); known != announced.actors.end())
      places.push_back({node, announced.incarnation, known->second});
  return places;
}

std::size_t HomeTable::size() const {
  const std::lock_guard guard(mutex_);
  std::size_t sum = 0;
  for (const auto& [node, announced] : nodes_) sum += announced.actors.size();
  return sum;
}

}  // namespace coerce::detail
