#include "coordination/sqlite_leases.hpp"

#include <utility>

namespace coerce::detail {

using sqlite::Query;

const sqlite::FileFormat kLeaseFormat = {
    .application_id = 0x636f6c31,  // "col1"
    .version = 1,
    // No row is ever deleted: so the highest number tells how many there are.
    .schema = R"(
      CREATE TABLE leases (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
        epoch INTEGER NOT NULL, ttl INTEGER NOT NULL, boot_id TEXT NOT NULL,
        expires INTEGER NOT NULL);
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
            "SELECT number, owner, epoch, ttl, boot_id, expires FROM leases WHERE name = ?"),
      insert_(connection,
              "INSERT INTO leases (owner, epoch, ttl, boot_id, expires, name)"
              " VALUES (?, ?, ?, ?, ?, ?)"),
      update_(connection,
              "UPDATE leases SET owner = ?, epoch = ?, ttl = ?, boot_id = ?, expires = ?"
              " WHERE number = ?"),
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
  if (lease.number <= 0 || lease.ttl < Duration::zero())
    connection_.fail_damaged("the lease of '" + name + "' is damaged");
  return lease;
}

void LeaseTables::store(const Lease& lease, const std::string& name) {
  Query query(lease.number == 0 ? insert_ : update_);
  query.bind(std::string_view(lease.owner)).bind(lease.epoch.value);
  query.bind(std::int64_t{lease.ttl.count()}).bind(std::string_view(lease.boot_id));
  query.bind(std::int64_t{lease.expires.count()});
  if (lease.number == 0)
    query.bind(std::string_view(name));
  else
    query.bind(lease.number);
  query.run();
}

bool LeaseTables::has_room(std::int64_t max_names) {
  Query query(count_);
  return query.next() && query.integer(0) < max_names;
}

LeaseResult<std::optional<LeaseGrant>> LeaseTables::acquire(const std::string& name,
                                                            const std::string& owner, Duration ttl,
                                                            const BootMoment& now,
                                                            std::int64_t max_names) {
  Lease lease = find(name);
  const bool held = lease.holds(now);
  if (held && lease.owner != owner) return std::nullopt;
  if (lease.number == 0 && !has_room(max_names))
    return coerce::unexpected(
        LeaseErr(LeaseErr::Kind::Limit, "the file has as many names as it may"));
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
