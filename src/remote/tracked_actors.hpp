/// \file
/// Who learns of the beginning and end of this node's tracked actors.

#pragma once

#include <vector>

#include "actor/system_core.hpp"

namespace coerce::detail {

/// Hands on what the one observer of a system is told. Filled while the node is built.
class TrackedActors final : public TrackedObserver {
 public:
  void listen(TrackedObserver& listener) { listeners_.push_back(&listener); }

  void began(Cell& cell) noexcept override {
    for (TrackedObserver* listener : listeners_) listener->began(cell);
  }
  void ended(Cell& cell) noexcept override {
    for (TrackedObserver* listener : listeners_) listener->ended(cell);
  }

 private:
  std::vector<TrackedObserver*> listeners_;
};

}  // namespace coerce::detail
