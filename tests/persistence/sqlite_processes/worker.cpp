#include "persistence/sqlite_processes/worker.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include <fmt/format.h>

#include <coerce/actor/system.hpp>
#include <coerce/coordination/sqlite.hpp>
#include <coerce/persistence/sqlite.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

namespace coerce::test {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLease = 6s;       // that of a cluster
constexpr Duration kShortLease = 3s;  // one that can be lost in a short run
constexpr int kWriters = 20;

class Worker {
 public:
  Worker(JournalStorage& journal, LeaseStore& leases, std::string name, Duration time)
      : journal_(journal),
        leases_(leases),
        name_(std::move(name)),
        end_(clock_.now() + time),
        ttl_(time > 2 * kLease ? kLease : kShortLease) {}

  Task<WorkerReport> run() {
    std::vector<Task<void>> all;
    for (int i = 0; i < kWriters; ++i) all.push_back(append(fmt::format("{} {}", name_, i)));
    all.push_back(keep_lease());
    co_await when_all(std::move(all));
    co_return report_;
  }

 private:
  TimePoint now() const { return clock_.now(); }

  Task<void> append(std::string id) {
    const auto opened = co_await journal_.open(id);
    if (!opened) co_return failed(opened.error());
    for (std::int64_t head = opened->head; now() < end_; ++head) {
      JournalEntry entry;
      entry.payload_type = "Event";
      entry.bytes = bytes_of("a hundred bytes, or as many as an event of an actor usually has");
      std::vector<JournalEntry> entries{entry};
      const TimePoint asked = now();
      const auto written =
          co_await journal_.append(opened->token, head, AppendId{1, 1}, std::move(entries));
      if (!written) co_return failed(written.error());
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now() - asked);
      report_.slowest_ms = std::max(report_.slowest_ms, static_cast<std::uint64_t>(took.count()));
      if (now() < end_) ++report_.appended;
    }
  }

  /// As an owner does: its time counts from before it asked.
  Task<void> keep_lease() {
    TimePoint asked = now();
    const auto grant = co_await leases_.acquire(name_, name_, ttl_);
    if (!grant || !*grant) {
      ++report_.lost_leases;
      co_return;
    }
    TimePoint until = asked + ttl_;
    for (bool renewed = true; now() < end_;) {
      // One that failed is tried again at once.
      if (renewed) co_await sleep_for(ttl_ / 3);
      asked = now();
      const auto held = co_await leases_.renew(name_, name_, (*grant)->epoch);
      ++report_.renewals;
      renewed = held && *held && now() < until;
      if (renewed)
        until = asked + ttl_;
      else if ((held && !*held) || now() >= until) {
        ++report_.lost_leases;
        co_return;
      }
    }
  }

  void failed(const JournalErr& error) {
    ++report_.failed;
    fmt::print(stderr, "{}: {}\n", name_, error.to_string());
  }

  JournalStorage& journal_;
  LeaseStore& leases_;
  const std::string name_;
  SystemClock clock_;
  const TimePoint end_;
  const Duration ttl_;
  WorkerReport report_;  ///< all tasks run in one unit
};

}  // namespace

WorkerReport work(const std::string& directory, const std::string& name, int seconds) {
  WorkerReport none;
  none.failed = 1;
  const auto provider = SqliteStorageProvider::open(directory + "/journals.db");
  const auto leases = SqliteLeaseStore::open(directory + "/leases.db");
  if (!provider || !leases) {
    fmt::print(stderr, "{}\n",
               provider ? leases.error().to_string() : provider.error().to_string());
    return none;
  }
  ActorSystem system = ActorSystem::builder().worker_threads(1).build();
  Worker worker(*provider->journal_storage(), **leases, name, std::chrono::seconds(seconds));
  return system.block_on(worker.run());
}

}  // namespace coerce::test
