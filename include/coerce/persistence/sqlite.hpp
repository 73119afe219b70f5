/// \file
/// Journals in a SQLite file.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <coerce/persistence/storage_provider.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce {

enum class SqliteDurability : std::uint8_t {
  Full,     ///< what is acknowledged is on the disk: survives the machine's power
  Relaxed,  ///< survives the process, also kill -9, but not the machine: the newest may be lost,
            ///< and the file with it
};

struct SqliteOptions {
  JournalLimits limits{};
  SqliteDurability durability = SqliteDurability::Full;
  /// [5 s] A request that did not get the lock of the file so long after it was made ends with
  /// Unavailable. \pre > 0
  Duration lock_wait = std::chrono::seconds(5);
  /// [20 ms] After so long in a row this process lets others write that wait for the file. \pre > 0
  Duration turn = std::chrono::milliseconds(20);
  std::size_t max_waiting = 65'536;  ///< requests that wait; more are Unavailable. \pre not 0
  /// [16 384] Requests that are taken from those that wait at a time; they are committed together,
  /// unless that takes longer than a turn. \pre not 0
  std::size_t max_group = 16'384;
  /// [32 768] Journals whose heads and epochs are kept in memory, 200 bytes each; the half of them
  /// that was written last certainly. Others are looked up when they are written. \pre not 0
  std::size_t max_known_journals = 32'768;
  /// [4] Reads that go on at the same time; others wait on their thread of the blocking pool.
  /// \pre not 0
  std::size_t max_readers = 4;
  /// [16 MiB] When the log beside the file is about so large it is copied into the file, which
  /// waits for the disk twice; a page that was written often meanwhile is copied once. \pre not 0
  std::uint64_t log_bytes = 16u << 20;
  std::uint64_t max_file_bytes = 0;  ///< beyond it writing is Unavailable; 0: all that the disk has
};
static_assert(std::is_trivially_destructible_v<SqliteOptions>);

/// Keeps journals in one SQLite file (and `-wal`, `-shm` and `-turn` beside it), which any number
/// of processes of one machine may use at the same time. Copies share the store. Thread-safe.
///
/// One thread writes. It commits what waits for it together, so one wait for the disk serves many
/// actors; a request that is Fenced or in Conflict does not disturb the others. Processes that
/// write at the same time take turns. Reads go on beside the writing, on the blocking pool.
///
/// Each error is one of the request: when the disk has space again, the lock is free, the file is
/// back, the next request succeeds. Unavailable: no lock within `lock_wait`, no space, a file that
/// is gone or cannot be read or written, too many requests waiting. Unknown: the COMMIT failed so
/// that the operating system cannot say what is on the disk. Corrupt: the file, or a row of it, is
/// not what was written (rows have check sums), or it is another program's or a later version's.
/// What check sums cannot show, a damaged `-wal` file among it, stands in docs/design/sqlite.md.
/// A file on a network file system is refused: its locks do not hold between machines. All
/// processes must see the file under the same path; who moves or restores it ends them first.
class SqliteStorageProvider final : public StorageProvider {
 public:
  /// Opens the file, and makes it if there is none; its directory must exist. Waits for the disk.
  /// Errors as above; Limit: an option is out of its bounds.
  static JournalResult<SqliteStorageProvider> open(const std::string& path,
                                                   const SqliteOptions& options = {});

  std::shared_ptr<JournalStorage> journal_storage() const override;

 private:
  explicit SqliteStorageProvider(std::shared_ptr<JournalStorage> storage)
      : storage_(std::move(storage)) {}

  std::shared_ptr<JournalStorage> storage_;
};

}  // namespace coerce
