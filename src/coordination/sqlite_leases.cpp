#include "coordination/sqlite_leases.hpp"

#include <utility>

#include "coordination/row_sum.hpp"

namespace coerce::detail {

using sqlite::Query;

const sqlite::FileFormat kLeaseFormat = {
    .application_id = 0x636f6c31,  // "col1"
    .version = 2,
    // No row is ever deleted: so the highest number tells how many there are.
    .schema = R"(
      CREATE TABLE leases (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
        epoch INTEGER NOT NULL, ttl INTEGER NOT NULL, boot_id TEXT NOT NULL,
        expires INTEGER NOT NULL, sum INTEGER NOT NULL);
    )",
    .what = "file of leases",
};

LeaseErr lease_err(sqlite::Failure failure) {
  const auto kind = failure.kind == sqlite::FailureKind::Damaged ? LeaseErr::Kind::Corrupt
                                                                 : LeaseErr::Kind::Unavailable;
  return LeaseErr(kind, std::move(failure.text));
}

LeaseTables::LeaseTables(sqlite::Connection& connection)
    : connection_(connection),
      find_(connection,
            "SELECT number, owner, epoch, ttl, boot_id, expires, sum FROM leases WHERE name = ?"),
      store_(connection,
             "INSERT INTO leases (number, name, owner, epoch, ttl, boot_id, expires, sum)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET"
             " owner = excluded.owner, epoch = excluded.epoch, ttl = excluded.ttl,"
             " boot_id = excluded.boot_id, expires = excluded.expires, sum = excluded.sum"),
      count_(connection, "SELECT max(number) FROM leases") {}

LeaseTables::Lease LeaseTables::find(const std::string& name) {
  Lease lease;
  Query query(find_);
  if (!query.bind(std::string_view(name)).next()) return lease;
  lease.number = query.integer(0);
  lease.owner = query.text(1);
  lease.epoch.value = query.natural(2);
  lease.ttl = Duration(query.integer(3));
  lease.boot_id = query.text(4);
  lease.expires = Duration(query.integer(5));
  const bool sound = lease.number > 0 && query.integer(6) == sum_of(lease, name);
  if (!sound) connection_.fail_damaged("the lease of '" + name + "' is damaged");
  return lease;
}

std::int64_t LeaseTables::sum_of(const Lease& lease, const std::string& name) {
  RowSum sum;
  sum.add(lease.number).add(std::string_view(name)).add(std::string_view(lease.owner));
  sum.add(lease.epoch.value).add(std::int64_t{lease.ttl.count()});
  sum.add(std::string_view(lease.boot_id)).add(std::int64_t{lease.expires.count()});
  return sum.value();
}

void LeaseTables::store(const Lease& lease, const std::string& name) {
  Query query(store_);
  query.bind(lease.number).bind(std::string_view(name)).bind(std::string_view(lease.owner));
  query.bind(lease.epoch.value).bind(std::int64_t{lease.ttl.count()});
  query.bind(std::string_view(lease.boot_id)).bind(std::int64_t{lease.expires.count()});
  query.bind(sum_of(lease, name)).run();
}

std::optional<std::int64_t> LeaseTables::new_number(std::int64_t max_names) {
  Query query(count_);
  if (!query.next() || query.integer(0) >= max_names) return std::nullopt;
  return query.integer(0) + 1;
}

LeaseResult<std::optional<LeaseGrant>> LeaseTables::acquire(const std::string& name,
                                                            const std::string& owner, Duration ttl,
                                                            const BootMoment& now,
                                                            std::int64_t max_names) {
  Lease lease = find(name);
  const bool held = lease.holds(now);
  if (held && lease.owner != owner) return std::nullopt;
  if (lease.number == 0) {
    const auto number = new_number(max_names);
    if (!number)
      return coerce::unexpected(
          LeaseErr(LeaseErr::Kind::Limit, "the file has as many names as it may"));
    lease.number = *number;
  }
  if (!held) ++lease.epoch.value;
  lease.owner = owner;
  lease.ttl = ttl;
  lease.boot_id = now.boot_id;
  lease.expires = now.since_boot + ttl;
  store(lease, name);
  return LeaseGrant{lease.epoch, ttl};
}

bool LeaseTables::renew(const std::string& name, const std::string& owner, Epoch epoch,
                        const BootMoment& now) {
  Lease lease = find(name);
  if (!lease.holds(now) || lease.owner != owner || lease.epoch != epoch) return false;
  lease.expires = now.since_boot + lease.ttl;
  store(lease, name);
  return true;
}

void LeaseTables::release(const std::string& name, const std::string& owner, Epoch epoch,
                          const BootMoment& now) {
  Lease lease = find(name);
  if (!lease.holds(now) || lease.owner != owner || lease.epoch != epoch) return;
  lease.owner.clear();
  store(lease, name);
}

}  // namespace coerce::detail
