/// \file
/// Leases in a SQLite file.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <coerce/coordination/lease_store.hpp>
#include <coerce/runtime/boot_clock.hpp>

namespace coerce {

struct SqliteLeaseOptions {
  LeaseLimits limits{};
  /// [2 s] A request that did not get the lock of the file so long after it was made ends with
  /// Unavailable. \pre > 0
  Duration lock_wait = std::chrono::seconds(2);
  std::size_t max_waiting = 16'384;    ///< requests that wait; more are Unavailable. \pre not 0
  std::size_t max_group = 256;         ///< requests that are committed together. \pre not 0
  std::int64_t max_names = 1'000'000;  ///< ever used in the file: their epochs are kept for ever
};
static_assert(std::is_trivially_destructible_v<SqliteLeaseOptions>);

/// Leases for the processes of one machine, in a file of their own, so that no load on a journal
/// delays their renewal. Has a thread of its own. Not advisory.
///
/// Time is that of `clock`: a lease runs out by the time since the start of the machine, whatever
/// the wall clock says, and with that start: when the machine starts again all leases have run out,
/// and their epochs stay. All processes see the file under one path, in one time namespace.
///
/// Unavailable: no lock within `lock_wait`, no space, a file that is gone or cannot be written, a
/// failed COMMIT (perhaps done). Corrupt: it is another program's file, a later version's, or
/// SQLite finds it damaged (the rows have no check sums). A store that failed goes on as soon as
/// the cause is gone. A file on a network file system is refused.
class SqliteLeaseStore {
 public:
  /// Opens the file, and makes it if there is none; its directory must exist. Waits for the disk.
  /// Limit: an option is out of its bounds. No clock: that of the machine.
  static LeaseResult<std::shared_ptr<LeaseStore>> open(
      const std::string& path, const SqliteLeaseOptions& options = {},
      std::shared_ptr<const BootClock> clock = nullptr);
};

}  // namespace coerce
