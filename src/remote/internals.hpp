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
  Members = 1,        ///< tell: the sender's place in the cluster; served by the membership
  Locate = 2,         ///< ask: where is an actor? (asked of a home, or of every member on a miss)
  Announce = 3,       ///< ask: actors of the sender that have begun or ended, for their homes
  Duplicates = 4,     ///< tell: ids that an actor of the receiver and one of another node have
  Reserve = 5,        ///< ask: may the sender start an actor with this id? Or it need no more
  Deploy = 6,         ///< ask: make an actor from a recipe
  Status = 7,         ///< ask
  Stop = 8,           ///< ask
  Describe = 9,       ///< ask
  Watch = 10,         ///< ask: tell me when these actors end, or no more
  Terminated = 11,    ///< ask: watched actors have ended, know it
  Capabilities = 12,  ///< ask

  Subscriptions = 256,  ///< ask: topics that actors of the sender are subscribed to (pubsub)
  Publication = 257,    ///< in order: a message for their subscribers; empty: how many there were

  SingletonClaim = 288,  ///< ask: may the sender host a singleton? (singleton)
  SingletonHosts = 289,  ///< ask: the singletons that the sender hosts
};

/// Serves one kind. `from` is an authenticated member. For a Tell the answer is dropped; an error
/// is logged then. Runs in a task of its own, many at a time; must not wait without a deadline.
using InternalHandler = std::function<Task<Result<Bytes>>(const NodeDescription& from, Bytes)>;

/// Takes what is told in the order of messages, on the reader of the link: it must not wait. An
/// error is logged.
using InOrderHandler =
    std::function<Result<void>(const NodeDescription& from, std::uint64_t number, BytesView)>;

}  // namespace coerce::detail
