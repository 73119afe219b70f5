/// \file
/// What the tests of journals on Redis share.

#pragma once

#include <coerce/persistence/redis.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coerce/runtime/scheduler.hpp>

#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

namespace coerce::test {

inline JournalEntry event(std::string_view text, std::vector<std::string> tags = {}) {
  JournalEntry entry;
  entry.payload_type = "Event";
  entry.bytes = bytes_of(text);
  entry.tags = std::move(tags);
  return entry;
}

inline std::vector<JournalEntry> events(std::string_view text, std::size_t count = 1) {
  return std::vector<JournalEntry>(count, event(text));
}

inline JournalEntry snapshot(std::int64_t sequence, std::string_view text) {
  JournalEntry entry = event(text);
  entry.sequence = sequence;
  return entry;
}

/// The journals of a server, for a test's thread.
class RedisJournals {
 public:
  explicit RedisJournals(const std::string& uri, RedisOptions options = {})
      : provider_(scheduler_.block_on(RedisStorageProvider::connect(uri, std::move(options)))) {
    if (!provider_) throw std::runtime_error(provider_.error().to_string());
    storage_ = provider_->journal_storage();
  }

  template <Awaitable A>
  AwaitResult<A> run(A&& awaitable) {
    return scheduler_.block_on(std::forward<A>(awaitable));
  }
  JournalStorage* operator->() const noexcept { return storage_.get(); }
  const Scheduler& scheduler() const noexcept { return scheduler_; }

 private:
  Scheduler scheduler_{SchedulerOptions{.workers = 1}};
  JournalResult<RedisStorageProvider> provider_;
  std::shared_ptr<JournalStorage> storage_;
};

inline std::string uri_of(const TcpProxy& proxy) {
  return "redis://127.0.0.1:" + std::to_string(proxy.port());
}

}  // namespace coerce::test
