/// \file
/// Leases on a Redis server.

#pragma once

#include <memory>
#include <string>

#include <coerce/coordination/lease_store.hpp>
#include <coerce/coordination/redis_options.hpp>

namespace coerce {

/// Keeps leases on one Redis server (7.0 or newer), by the server's clock. Epochs are kept for
/// ever, also those of names that nobody holds.
///
/// Advisory: the server's wall clock may jump, and a server that was restored from an older copy
/// has forgotten epochs. As for journals the server must keep what it acknowledges and be a lone
/// primary (RedisOptions::allow_weaker_durability()).
///
/// Thread-safe. A call waits for at most RedisOptions::connect_timeout() and command_timeout(), and
/// for those before it.
class RedisLeaseStore {
 public:
  /// Connects and looks at the server. `uri` is `redis://[[user]:password@]host[:port][/db]` or
  /// `unix://[[user]:password@]/path[?db=n]`, percent-encoded where needed; there is no TLS.
  /// Unavailable: it cannot be reached, does not let us in, or is refused; the words say which.
  /// For any task; cannot be cancelled.
  static Task<LeaseResult<std::shared_ptr<LeaseStore>>> connect(std::string uri,
                                                                RedisOptions options = {},
                                                                LeaseLimits limits = {});
};

}  // namespace coerce
