#include "journalled.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include <coerce/codec.hpp>
#include <coerce/persistence.hpp>
#include <coerce/persistence/sqlite.hpp>

namespace persistence_bench {

namespace {

using coerce::ActorContext;
using coerce::Task;
using Clock = std::chrono::steady_clock;

std::atomic<std::size_t> commits{0};

/// SQLite calls it for each connection that is opened.
int count_commits(sqlite3* connection, char**, const sqlite3_api_routines*) {
  sqlite3_commit_hook(connection, [](void*) { return ++commits, 0; }, nullptr);
  return SQLITE_OK;
}

struct Filled {
  coerce::Bytes bytes{};
};

}  // namespace
}  // namespace persistence_bench

template <>
struct coerce::Codec<persistence_bench::Filled>
    : coerce::MemberCodec<persistence_bench::Filled, &persistence_bench::Filled::bytes> {};

namespace persistence_bench {
namespace {

Filled make_event() { return {.bytes = coerce::Bytes(event_bytes, 'x')}; }

struct Write {
  using Result = void;
  std::size_t events;
};
struct CountEvents {
  using Result = std::size_t;
};

class Filler : public coerce::PersistentActor<Filler> {
 public:
  static void configure(coerce::JournalTypes<Filler>& types) { types.message<Filled>("Filled"); }

  void recover(const Filled& event, ActorContext&) { events_ += event.bytes.size() / event_bytes; }

  Task<coerce::Result<void>> handle(Write message, ActorContext& ctx) {
    const Filled event = make_event();
    for (std::size_t i = 0; i < message.events; ++i) {
      const auto persisted = co_await persist(event, ctx);
      if (!persisted)
        co_return coerce::unexpected(
            coerce::ActorRefErr::HandlerFailed(persisted.error().to_string()));
      ++events_;
    }
    co_return coerce::Result<void>();
  }
  std::size_t handle(CountEvents, ActorContext&) const { return events_; }

 private:
  std::size_t events_ = 0;
};

using Fillers = std::vector<coerce::LocalActorRef<Filler>>;

template <class T, class E>
T require(coerce::Result<T, E> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

coerce::SqliteStorageProvider open_file(const std::string& path, bool sync) {
  coerce::SqliteOptions options;
  options.durability = sync ? coerce::SqliteDurability::Full : coerce::SqliteDurability::Relaxed;
  return require(coerce::SqliteStorageProvider::open(path, options));
}

coerce::ActorSystem make_system(const coerce::SqliteStorageProvider& provider) {
  return coerce::ActorSystem::builder()
      .worker_threads(2)
      .slow_handler(coerce::Duration::zero())
      .with_persistence(provider)
      .build();
}

std::string name_of(std::size_t actor) { return "actor-" + std::to_string(actor); }

/// Without waiting for any of them.
Task<Fillers> start_fillers(coerce::ActorSystem system, std::size_t count) {
  Fillers fillers;
  for (std::size_t i = 0; i < count; ++i) {
    Filler filler;
    auto started = co_await system.new_actor_deferred(name_of(i), std::move(filler));
    fillers.push_back(require(std::move(started)));
  }
  co_return fillers;
}

Task<std::size_t> count_events(const Fillers& fillers) {
  std::size_t events = 0;
  for (const auto& filler : fillers) {
    auto counted = co_await filler.send(CountEvents{});
    events += require(std::move(counted));
  }
  co_return events;
}

Task<void> write_share(const coerce::LocalActorRef<Filler>& filler, std::size_t events) {
  auto written = co_await filler.send(Write{events});
  require(std::move(written));
}

Task<void> write_all(const Fillers& fillers, std::size_t events_of_each) {
  std::vector<Task<void>> shares;
  for (const auto& filler : fillers) shares.push_back(write_share(filler, events_of_each));
  co_await coerce::when_all(std::move(shares));
}

Task<void> fill_journal(coerce::JournalStorage& storage, std::size_t actor, std::size_t events) {
  auto opening = co_await storage.open(name_of(actor));
  const auto opened = require(std::move(opening));
  coerce::JournalEntry entry;
  entry.payload_type = "Filled";
  require(coerce::Codec<Filled>::encode(make_event(), entry.bytes));
  const std::size_t most = storage.limits().max_batch_entries;
  for (std::size_t head = 0; head < events;) {
    std::vector<coerce::JournalEntry> entries(std::min(most, events - head), entry);
    const coerce::AppendId id{actor, head};
    auto appended = co_await storage.append(opened.token, static_cast<std::int64_t>(head), id,
                                            std::move(entries));
    head = static_cast<std::size_t>(require(std::move(appended)));
  }
}

Task<void> fill_all(coerce::JournalStorage& storage, const Work& work) {
  constexpr std::size_t at_a_time = 512;
  for (std::size_t actor = 0; actor < work.actors;) {
    std::vector<Task<void>> some;
    for (std::size_t i = 0; i < at_a_time && actor < work.actors; ++i, ++actor)
      some.push_back(fill_journal(storage, actor, work.events / work.actors));
    co_await coerce::when_all(std::move(some));
  }
}

/// In MiB: `VmRSS` or `VmHWM` of this process.
double memory(const std::string& which) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == which + ":" && status >> kib) return kib / 1024;
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  throw std::runtime_error("there is no " + which + " in /proc/self/status");
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Written write_events(const std::string& path, const Work& work) {
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(&count_commits));
  const auto system = make_system(open_file(path, work.sync));
  const Fillers fillers = system.block_on(start_fillers(system, work.actors));
  system.block_on(count_events(fillers));  // all have started
  const std::size_t commits_before = commits;
  const auto start = Clock::now();
  system.block_on(write_all(fillers, work.events / work.actors));
  Written written{.seconds = seconds_since(start), .commits = commits - commits_before};
  system.shutdown_blocking();
  return written;
}

void fill(const std::string& path, const Work& work) {
  const auto storage = open_file(path, false).journal_storage();
  coerce::ActorSystem().block_on(fill_all(*storage, work));
}

Recovered recover(const std::string& path, const Work& work) {
  const auto system = make_system(open_file(path, work.sync));
  const double memory_before = memory("VmRSS");
  const auto start = Clock::now();
  const Fillers fillers = system.block_on(start_fillers(system, work.actors));
  const std::size_t events = system.block_on(count_events(fillers));
  Recovered recovered{.seconds = seconds_since(start), .most_mib = memory("VmHWM") - memory_before};
  if (events != work.events) throw std::runtime_error("events are missing after the recovery");
  system.shutdown_blocking();
  return recovered;
}

}  // namespace persistence_bench
