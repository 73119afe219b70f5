#include "journal_choice.hpp"

#include <coerce/persistence/in_memory.hpp>
#include <coerce/persistence/redis.hpp>
#include <coerce/persistence/sqlite.hpp>

namespace bank {

namespace {

using Choice = coerce::Result<ChosenStorage, std::string>;

template <class P>
Choice chosen(const coerce::JournalResult<P>& provider) {
  if (!provider) return coerce::unexpected(provider.error().to_string());
  return ChosenStorage(provider->journal_storage());
}

}  // namespace

coerce::Task<Choice> open_journal(std::string name) {
  if (name == "memory")
    co_return ChosenStorage(coerce::InMemoryStorageProvider().journal_storage());
  if (name.starts_with("redis://") || name.starts_with("unix://")) {
    const auto provider = co_await coerce::RedisStorageProvider::connect(name);
    co_return chosen(provider);
  }
  const auto open = [&name] { return coerce::SqliteStorageProvider::open(name); };
  const auto provider = co_await coerce::blocking(open);
  co_return chosen(provider);
}

}  // namespace bank
