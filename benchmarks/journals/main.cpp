// How many events a second 100 actors persist in a SQLite file, each waiting for its own to be on
// the disk, beside what plain SQLite does that inserts the same rows, in transactions as large as
// the library's were, on the same disk. Rounds of both alternate; the medians are compared.
//
// Usage: coerce_journal_bench [directory [rounds [seconds]]]

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <coerce/persistence.hpp>

namespace {

using namespace coerce;
using Seconds = std::chrono::duration<double>;

constexpr int kActors = 100;
constexpr std::size_t kBytes = 100;

struct Figures {
  double events_per_second = 0;
  double group = 0;  ///< events a transaction
};

// ---- the number of transactions, from the syncs of the log --------------------------------------

std::atomic<std::uint64_t> log_syncs{0};

/// Counts the syncs of every log: SQLite's own files, whose methods are copied and one replaced.
class SyncCounter {
 public:
  SyncCounter() {
    below_ = sqlite3_vfs_find(nullptr);
    vfs_ = *below_;
    vfs_.zName = "counting";
    vfs_.pNext = nullptr;
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      const int code = below_->xOpen(below_, name, file, flags, out);
      if (code == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
        if (methods_.xSync == nullptr) {
          below_methods_ = file->pMethods;
          methods_ = *below_methods_;
          methods_.xSync = [](sqlite3_file* which, int how) {
            log_syncs.fetch_add(1, std::memory_order_relaxed);
            return below_methods_->xSync(which, how);
          };
        }
        file->pMethods = &methods_;
      }
      return code;
    };
    sqlite3_vfs_register(&vfs_, 1);
  }

 private:
  static inline sqlite3_vfs* below_ = nullptr;
  static inline sqlite3_vfs vfs_{};
  static inline const sqlite3_io_methods* below_methods_ = nullptr;
  static inline sqlite3_io_methods methods_{};
};

// ---- the library --------------------------------------------------------------------------------

struct Begin {
  using Result = std::int64_t;
  TimePoint end;
};

class Writer : public Actor {
 public:
  Writer(std::shared_ptr<JournalStorage> journal, std::string id)
      : journal_(std::move(journal)), id_(std::move(id)) {}

  /// Gives the number of its events.
  Task<std::int64_t> handle(Begin begin, ActorContext& context) {
    const auto opened = co_await journal_->open(id_);
    if (!opened) co_return 0;
    std::int64_t head = opened->head;
    const SystemClock clock;
    while (clock.now() < begin.end) {
      std::vector<JournalEntry> entries(1);
      entries[0].payload_type = "Deposited";
      entries[0].bytes.assign(kBytes, std::uint8_t{7});
      const AppendId id = AppendId::draw(context.system().scheduler().rng());
      const auto written = co_await journal_->append(opened->token, head, id, std::move(entries));
      if (!written) co_return 0;
      head = *written;
    }
    co_return head;
  }

 private:
  std::shared_ptr<JournalStorage> journal_;
  std::string id_;
};

Figures with_coerce(const std::string& path, Seconds seconds) {
  const auto provider = SqliteStorageProvider::open(path);
  if (!provider) {
    std::fprintf(stderr, "%s\n", provider.error().to_string().c_str());
    std::exit(1);
  }
  ActorSystem system = ActorSystem::builder().worker_threads(1).build();
  std::vector<LocalActorRef<Writer>> writers;
  for (int i = 0; i < kActors; ++i)
    writers.push_back(*system.block_on(into_actor<Writer>(std::optional<ActorId>(), system,
                                                          provider->journal_storage(),
                                                          "account " + std::to_string(i))));
  const std::uint64_t syncs = log_syncs.load();
  const auto begun = std::chrono::steady_clock::now();
  const Begin begin{SystemClock().now() + std::chrono::duration_cast<Duration>(seconds)};
  std::int64_t events = 0;
  auto story = [&]() -> Task<void> {
    std::vector<Task<Result<std::int64_t>>> all;
    for (auto& writer : writers) all.push_back(as_task(writer.send(begin)));
    const auto counts = co_await when_all(std::move(all));
    for (const auto& count : counts) events += count.value_or(0);
  };
  system.block_on(story());
  const Seconds took = std::chrono::steady_clock::now() - begun;
  const auto groups = static_cast<double>(log_syncs.load() - syncs);
  return {static_cast<double>(events) / took.count(), static_cast<double>(events) / groups};
}

// ---- plain SQLite -------------------------------------------------------------------------------

void run(sqlite3* database, const char* sql) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return;
  std::fprintf(stderr, "%s\n", sqlite3_errmsg(database));
  std::exit(1);
}

Figures with_plain_sqlite(const std::string& path, Seconds seconds, int group) {
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  run(database,
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "CREATE TABLE events (journal INTEGER NOT NULL, sequence INTEGER NOT NULL,"
      " place INTEGER NOT NULL, type TEXT NOT NULL, bytes BLOB NOT NULL, tags BLOB,"
      " sum INTEGER NOT NULL, PRIMARY KEY (journal, sequence)) WITHOUT ROWID");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(database, "INSERT INTO events VALUES (?, ?, ?, ?, ?, NULL, ?)", -1, &insert,
                     nullptr);
  const std::string bytes(kBytes, '\7');
  std::int64_t events = 0;
  const auto begun = std::chrono::steady_clock::now();
  Seconds took{};
  do {
    run(database, "BEGIN IMMEDIATE");
    for (int i = 0; i < group; ++i, ++events) {
      sqlite3_bind_int64(insert, 1, 1 + events % kActors);
      sqlite3_bind_int64(insert, 2, 1 + events / kActors);
      sqlite3_bind_int64(insert, 3, events);
      sqlite3_bind_text(insert, 4, "Deposited", -1, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 5, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
      sqlite3_bind_int64(insert, 6, 0x123456789abcdef0);
      sqlite3_step(insert);
      sqlite3_reset(insert);
    }
    run(database, "COMMIT");
    took = std::chrono::steady_clock::now() - begun;
  } while (took < seconds);
  sqlite3_finalize(insert);
  sqlite3_close(database);
  return {static_cast<double>(events) / took.count(), static_cast<double>(group)};
}

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[numbers.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path directory = count > 1 ? arguments[1] : ".";
  const int rounds = count > 2 ? std::max(1, std::atoi(arguments[2])) : 5;
  const Seconds seconds(count > 3 ? std::max(1, std::atoi(arguments[3])) : 2);
  const SyncCounter counter;
  std::vector<double> ours;
  std::vector<double> plain;
  std::vector<double> shares;
  const std::string path = (directory / "coerce-journal-bench.db").string();
  const auto clear = [&] {
    for (const char* more : {"", "-wal", "-shm", "-turn"}) std::filesystem::remove(path + more);
  };
  for (int round = 0; round < rounds; ++round) {
    clear();
    const Figures mine = with_coerce(path, seconds);
    clear();
    const int group = std::max(1, static_cast<int>(mine.group + 0.5));
    const Figures other = with_plain_sqlite(path, seconds, group);
    clear();
    ours.push_back(mine.events_per_second);
    plain.push_back(other.events_per_second);
    shares.push_back(mine.events_per_second / other.events_per_second);
    std::printf("%.0f events/s in groups of %.1f; plain SQLite %.0f; %.2f of it\n",
                mine.events_per_second, mine.group, other.events_per_second, shares.back());
  }
  std::printf("median: %.0f events/s; plain SQLite %.0f; %.2f of it\n", median(ours), median(plain),
              median(shares));
  return 0;
}
