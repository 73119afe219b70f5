#include <coerce/persistence/redis.hpp>

#include "persistence/redis/journal_storage.hpp"
#include "persistence/redis/stored_entry.hpp"

namespace coerce {

Task<JournalResult<RedisStorageProvider>> RedisStorageProvider::connect(std::string uri,
                                                                        RedisOptions options,
                                                                        JournalLimits limits) {
  using namespace detail::redis;
  auto endpoint = parse_endpoint(uri);
  if (!endpoint)
    co_return coerce::unexpected(JournalErr(JournalErr::Kind::Unavailable, endpoint.error()));
  if (!fits_layout(limits))
    co_return coerce::unexpected(
        JournalErr(JournalErr::Kind::Limit, "tags and types are larger than can be stored"));
  auto storage = std::make_shared<RedisJournalStorage>(std::move(*endpoint), options, limits);
  const auto connected = co_await storage->connect();
  if (!connected) co_return coerce::unexpected(connected.error());
  co_return RedisStorageProvider(std::move(storage));
}

RedisStorageProvider::RedisStorageProvider(std::shared_ptr<JournalStorage> storage)
    : storage_(std::move(storage)) {}

std::shared_ptr<JournalStorage> RedisStorageProvider::journal_storage() const { return storage_; }

}  // namespace coerce
