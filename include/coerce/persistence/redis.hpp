/// \file
/// Journals on a Redis server.

#pragma once

#include <memory>
#include <string>

#include <coerce/coordination/redis_options.hpp>
#include <coerce/persistence/storage_provider.hpp>

namespace coerce {

/// Keeps journals on one Redis server (7.0 or newer), for systems on many machines. Copies share
/// one connection and its thread, which sends what waits at the same time in one go.
///
/// The server must keep what it acknowledges; RedisOptions::allow_weaker_durability() has the list,
/// and what it refuses. It must be a lone primary: replicas, Sentinels and clusters are refused.
/// All of this is looked at again with every new connection. What is changed on a server that runs
/// is not noticed before that.
///
/// A server that is gone gives Unavailable (nothing was sent) or Unknown (sent, and no answer);
/// when it is back, the next request finds it. Requests wait for at most
/// RedisOptions::connect_timeout() and command_timeout(), and for those before them.
class RedisStorageProvider final : public StorageProvider {
 public:
  /// Connects and looks at the server. `uri` is `redis://[[user]:password@]host[:port][/db]` or
  /// `unix://[[user]:password@]/path[?db=n]`, percent-encoded where needed; there is no TLS.
  /// Unavailable: it cannot be reached, does not let us in, or is refused; the words say which.
  /// For any task; cannot be cancelled.
  static Task<JournalResult<RedisStorageProvider>> connect(std::string uri,
                                                           RedisOptions options = {},
                                                           JournalLimits limits = {});

  std::shared_ptr<JournalStorage> journal_storage() const override;

 private:
  explicit RedisStorageProvider(std::shared_ptr<JournalStorage> storage);

  std::shared_ptr<JournalStorage> storage_;
};

}  // namespace coerce
