/// \file
/// How much each other node has published to this one.

#pragma once

#include <map>
#include <mutex>

#include <coerce/remote/node.hpp>

namespace coerce::detail {

/// Finds out from the numbers of publications whether some are missing. Thread-safe; one entry for
/// each node.
class HeardNumbers {
 public:
  /// A publication (`is_news`), or how many there were. True: some before it are missing.
  bool take(const NodeDescription& from, std::uint64_t number, bool is_news) {
    const std::lock_guard guard(mutex_);
    Heard& heard = of(from);
    const std::uint64_t expected = is_news ? heard.number + 1 : heard.number;
    heard.number = number;
    return number != expected;
  }
  /// A link with the node has begun.
  void begin(const NodeDescription& from) {
    const std::lock_guard guard(mutex_);
    of(from).goodbye = false;
  }
  /// It has ended, and the node has said that there is nothing more to come, or not. A node that is
  /// gone already is not put down again.
  void end_link(const NodeDescription& from, bool goodbye) {
    const std::lock_guard guard(mutex_);
    const auto place = nodes_.find(from.id);
    if (place != nodes_.end() && place->second.incarnation == from.incarnation)
      place->second.goodbye = goodbye;
  }
  /// The node is gone. True: without a goodbye.
  bool end(const NodeDescription& node) {
    const std::lock_guard guard(mutex_);
    const auto place = nodes_.find(node.id);
    if (place == nodes_.end() || place->second.incarnation != node.incarnation) return true;
    const bool goodbye = place->second.goodbye;
    nodes_.erase(place);
    return !goodbye;
  }

 private:
  struct Heard {
    Incarnation incarnation;
    std::uint64_t number = 0;
    bool goodbye = false;
  };
  Heard& of(const NodeDescription& node) {
    Heard& heard = nodes_[node.id];
    if (heard.incarnation != node.incarnation) heard = Heard{node.incarnation};
    return heard;
  }

  std::mutex mutex_;
  std::map<NodeId, Heard> nodes_;
};

}  // namespace coerce::detail
