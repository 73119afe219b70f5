/// \file
/// Is this a server that keeps what it acknowledges?

#pragma once

#include <string>

#include <coerce/coordination/redis_options.hpp>

#include "coordination/redis/connection.hpp"

namespace coerce::detail::redis {

/// Logs in, selects the database, and looks at the server. The error says why it is refused, in
/// words: it is too old, a replica, a Sentinel or part of a cluster, or it may lose what it has
/// acknowledged and the options do not allow that.
Result<void, std::string> shake_hands(Connection& connection, const Endpoint& endpoint,
                                      const RedisOptions& options);

}  // namespace coerce::detail::redis
