/// \file
/// How leases lie in a SQLite file, and what is done with them in a transaction.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coordination/sqlite_file.hpp"

#include <coerce/coordination/lease_store.hpp>
#include <coerce/runtime/boot_clock.hpp>

namespace coerce::detail {

extern const sqlite::FileFormat kLeaseFormat;

LeaseErr lease_err(sqlite::Failure failure);

/// Prepared statements of a connection, and the operations made of them. After a failure of the
/// connection what they gave means nothing.
class LeaseTables {
 public:
  explicit LeaseTables(sqlite::Connection& connection);

  LeaseResult<std::optional<LeaseGrant>> acquire(const std::string& name, const std::string& owner,
                                                 Duration ttl, const BootMoment& now,
                                                 std::int64_t max_names);
  bool renew(const std::string& name, const std::string& owner, Epoch epoch, const BootMoment& now);
  void release(const std::string& name, const std::string& owner, Epoch epoch,
               const BootMoment& now);

  sqlite::Connection& connection() noexcept { return connection_; }

 private:
  struct Lease {
    std::int64_t number = 0;  ///< its key; 0: the name has never been used
    std::string owner{};      ///< empty: nobody
    Epoch epoch{};
    Duration ttl{};
    std::string boot_id{};
    Duration expires{};

    bool holds(const BootMoment& now) const {
      return !owner.empty() && boot_id == now.boot_id && now.since_boot < expires;
    }
  };
  Lease find(const std::string& name);
  static std::int64_t sum_of(const Lease& lease, const std::string& name);
  void store(const Lease& lease, const std::string& name);
  /// The number for a name that has none; nothing if there are as many as may be.
  std::optional<std::int64_t> new_number(std::int64_t max_names);

  sqlite::Connection& connection_;
  sqlite::Statement find_;
  sqlite::Statement store_;
  sqlite::Statement count_;
};

}  // namespace coerce::detail
