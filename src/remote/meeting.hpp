/// \file
/// How two nodes have met.

#pragma once

#include <string>

namespace coerce::detail {

struct Meeting {
  /// The address at which this node has dialled the other one, which has answered there; empty: the
  /// other one has dialled.
  std::string dialled{};
  /// Do both have the same machine, start of it, and network below them, as far as they say?
  bool is_on_one_host = false;
};

}  // namespace coerce::detail
