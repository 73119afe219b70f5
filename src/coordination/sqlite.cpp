#include <coerce/coordination/sqlite.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <coerce/runtime/group_worker.hpp>

#include "coordination/lease_limits.hpp"
#include "coordination/sqlite_leases.hpp"
#include "coordination/sqlite_writer.hpp"

namespace coerce {

namespace {

using Kind = LeaseErr::Kind;
using namespace std::chrono_literals;

enum class Asked : std::uint8_t { Acquire, Renew, Release };

struct Request {
  Request(Asked what, std::string name_, std::string owner_, Epoch epoch_, Duration ttl_,
          TimePoint now)
      : asked(what),
        name(std::move(name_)),
        owner(std::move(owner_)),
        epoch(epoch_),
        ttl(ttl_),
        when(now) {}
  Asked asked;
  std::string name;
  std::string owner;
  Epoch epoch;
  Duration ttl;
  TimePoint when;
};

/// Acquire: the grant, if it was given. Renew: something, if it is held.
using Answer = LeaseResult<std::optional<LeaseGrant>>;

class SqliteLeases final : public LeaseStore {
 public:
  SqliteLeases(const std::string& path, const SqliteLeaseOptions& options,
               std::shared_ptr<const BootClock> clock)
      : options_(options),
        boot_clock_(std::move(clock)),
        writer_(path, detail::kLeaseFormat, {}, 20ms),
        worker_([this](Worker::Group group) { return serve(group); },
                {.max_waiting = options.max_waiting, .max_group = options.max_group}) {}

  Task<Answer> acquire(std::string name, std::string owner, Duration ttl) override {
    if (auto bad = detail::check_lease(options_.limits, name, owner, ttl))
      co_return coerce::unexpected(*bad);
    Request request(Asked::Acquire, std::move(name), std::move(owner), {}, ttl, clock_.now());
    co_return co_await ask(std::move(request));
  }

  Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) override {
    if (auto bad = detail::check_lease(options_.limits, name, owner))
      co_return coerce::unexpected(*bad);
    Request request(Asked::Renew, std::move(name), std::move(owner), epoch, {}, clock_.now());
    const auto answer = co_await ask(std::move(request));
    co_return answer.map([](const auto& grant) { return grant.has_value(); });
  }

  Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) override {
    if (auto bad = detail::check_lease(options_.limits, name, owner))
      co_return coerce::unexpected(*bad);
    Request request(Asked::Release, std::move(name), std::move(owner), epoch, {}, clock_.now());
    const auto answer = co_await ask(std::move(request));
    if (!answer) co_return coerce::unexpected(answer.error());
    co_return LeaseResult<void>();
  }

  bool advisory() const noexcept override { return false; }

 private:
  using Worker = GroupWorker<Request, Answer>;

  Task<Answer> ask(Request request) {
    auto answer = co_await worker_.ask(std::move(request));
    if (answer) co_return std::move(*answer);
    co_return coerce::unexpected(
        LeaseErr(Kind::Unavailable, answer.error() == GroupWorkerErr::Full
                                        ? "too many requests wait for the file"
                                        : "the writer failed"));
  }

  /// Gives how many at the front it has answered.
  std::size_t serve(Worker::Group group) {
    const auto begun = writer_.begin(deadline_of(*group.front()));
    if (!begun) return answer_unbegun(group, begun.error());
    const auto failure = commit(**begun, group);
    if (!failure) return group.size();
    // A damaged row must not cost the others their leases.
    if (failure->kind == detail::sqlite::FailureKind::Damaged && group.size() > 1)
      for (std::size_t i = 0; i < group.size(); ++i) serve(group.subspan(i, 1));
    else
      answer_all(group, *failure);
    return group.size();
  }

  TimePoint deadline_of(const Worker::Item& item) const {
    return item.request.when + options_.lock_wait;
  }

  static std::size_t answer_all(Worker::Group group, const detail::sqlite::Failure& failure) {
    for (Worker::Item* item : group) item->answer = coerce::unexpected(detail::lease_err(failure));
    return group.size();
  }

  /// There was no transaction. If others have the lock then those have failed whose own time is
  /// over; they are at the front.
  std::size_t answer_unbegun(Worker::Group group, const detail::sqlite::Failure& failure) {
    if (!detail::sqlite::is_locked(failure)) return answer_all(group, failure);
    const TimePoint now = clock_.now();
    const auto rest = std::ranges::find_if(
        group, [&](const Worker::Item* item) { return deadline_of(*item) > now; });
    const auto over = static_cast<std::size_t>(rest - group.begin());
    // SQLite did not wait: what it sees may not change by waiting.
    return answer_all(over != 0 ? group.first(over) : group, failure);
  }

  /// One transaction. If it fails so has every request.
  std::optional<detail::sqlite::Failure> commit(detail::LeaseTables& tables, Worker::Group group) {
    // Read under the lock: what is written is in the order of its times.
    const BootMoment now = boot_clock_->now();
    for (Worker::Item* item : group) {
      item->answer = perform(tables, item->request, now);
      if (tables.connection().failed()) break;
    }
    return writer_.end();
  }

  Answer perform(detail::LeaseTables& tables, const Request& request, const BootMoment& now) const {
    switch (request.asked) {
      case Asked::Acquire:
        return tables.acquire(request.name, request.owner, request.ttl, now, options_.max_names);
      case Asked::Renew:
        if (tables.renew(request.name, request.owner, request.epoch, now))
          return LeaseGrant{request.epoch, request.ttl};
        break;
      case Asked::Release:
        tables.release(request.name, request.owner, request.epoch, now);
        break;
    }
    return std::nullopt;
  }

  const SqliteLeaseOptions options_;
  const std::shared_ptr<const BootClock> boot_clock_;
  SystemClock clock_;
  detail::sqlite::FileWriter<detail::LeaseTables> writer_;
  Worker worker_;  ///< last: its thread uses the others
};

bool in_bounds(const SqliteLeaseOptions& options) {
  return options.lock_wait > Duration::zero() && options.max_waiting != 0 &&
         options.max_group != 0 && options.max_names > 0;
}

}  // namespace

LeaseResult<std::shared_ptr<LeaseStore>> SqliteLeaseStore::open(
    const std::string& path, const SqliteLeaseOptions& options,
    std::shared_ptr<const BootClock> clock) {
  if (!in_bounds(options))
    return coerce::unexpected(
        LeaseErr(Kind::Limit, "SqliteLeaseOptions: a time or a number that must not be 0 is"));
  if (clock == nullptr) clock = std::make_shared<SystemBootClock>();
  if (clock->now().boot_id.empty())
    return coerce::unexpected(
        LeaseErr(Kind::Unavailable, "the machine has no boot id, by which leases run out"));
  const auto absolute = detail::sqlite::check_path(path);
  if (!absolute) return coerce::unexpected(detail::lease_err(absolute.error()));
  // Made and closed again: the connection that stays is opened by the thread that uses it.
  auto made = detail::sqlite::open_file(*absolute, detail::kLeaseFormat, {},
                                        detail::sqlite::FileUse::Create, options.lock_wait);
  if (!made) return coerce::unexpected(detail::lease_err(std::move(made.error())));
  return std::make_shared<SqliteLeases>(*absolute, options, std::move(clock));
}

}  // namespace coerce
