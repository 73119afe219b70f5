/// \file
/// What nodes ask of each other besides users' messages.

#pragma once

#include <cstdint>
#include <functional>

#include <coerce/actor/error.hpp>
#include <coerce/codec/bytes.hpp>
#include <coerce/remote/node.hpp>
#include <coerce/runtime/task.hpp>

namespace coerce::detail {

/// Stable numbers: they are on the wire. Protobuf messages of the same name in
/// proto/coerce/remote/v1 say what is asked and answered. From 256 on: other modules.
enum class InternalKind : std::uint16_t {
  Members = 1,        ///< tell: the nodes that the sender knows
  Locate = 2,         ///< ask: where is an actor? (asked of a home, or of every member on a miss)
  Announce = 3,       ///< tell: actors that the sender has, for their homes
  Withdraw = 4,       ///< tell: actors that have ended
  Reserve = 5,        ///< ask: may the sender start an actor with this id?
  Deploy = 6,         ///< ask: make an actor from a recipe
  Status = 7,         ///< ask
  Stop = 8,           ///< ask
  Describe = 9,       ///< ask
  Watch = 10,         ///< ask: tell me when this actor ends
  Unwatch = 11,       ///< tell
  Terminated = 12,    ///< tell: a watched actor has ended
  Capabilities = 13,  ///< ask
};

/// Serves one kind. `from` is an authenticated member. For a Tell the answer is dropped; an error
/// is logged then. Runs in a task of its own, many at a time; must not wait without a deadline.
using InternalHandler = std::function<Task<Result<Bytes>>(const NodeDescription& from, Bytes)>;

}  // namespace coerce::detail
