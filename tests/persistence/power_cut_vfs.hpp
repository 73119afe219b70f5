/// \file
/// A disk in memory, below SQLite, whose power can be cut.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coerce/runtime/rng.hpp>

struct sqlite3_vfs;

namespace coerce::test {

struct DiskHandle;  // of an open file
struct DiskFile;    // what a name of a directory leads to

enum class DiskOperation : std::uint8_t { Open, Read, Write, Sync, MapShared };

/// While it exists every SQLite connection of this process opens its files here.
///
/// A write is seen by every reader at once, but is on the disk only when its file has been synced;
/// a name is made, or removed, on the disk only when the directory has been: with the first sync of
/// a new log or journal, as SQLite does it. When the power is cut, of what was not synced any part
/// is lost: each piece of at most 512 bytes of each write is kept or not, in any order, and each
/// name is as it was before or after. From then on every operation fails until restart(), and for
/// files opened before for ever. All of it is drawn from the seed. Thread-safe.
class PowerCutDisk {
 public:
  /// `powersafe`: SQLite may believe that a torn write leaves the bytes around it as they are, as
  /// it does of usual disks; otherwise it pads its log to whole sectors. Drawn if not said.
  explicit PowerCutDisk(std::uint64_t seed, std::optional<bool> powersafe = {});
  PowerCutDisk(const PowerCutDisk&) = delete;
  PowerCutDisk& operator=(const PowerCutDisk&) = delete;
  /// \pre all connections are closed
  ~PowerCutDisk();

  /// The power goes with the n-th change (write, sync, removal) from now on, in place of it. 0:
  /// now.
  void cut_after(std::uint64_t changes);
  bool is_off();
  /// The power is back: files are what survived.
  void restart();

  /// Operations on files whose name ends so fail with SQLite's `code`: the `skip + 1`-th from now
  /// on, and all after it until mend(). A write that fails has written half.
  void fail(DiskOperation operation, std::string_view name_end, int code, int skip = 0);
  void mend();

  /// W for writes in a row, S for a sync of such a file, in order since the disk was made.
  std::string history(std::string_view name_end);
  std::size_t syncs(std::string_view name_end);
  /// Is something written to such a file that is not synced?
  bool has_unsynced(std::string_view name_end);
  std::uint64_t changes();

 private:
  friend struct DiskHandle;
  friend struct DiskVfs;
  using Directory = std::map<std::string, std::shared_ptr<DiskFile>>;

  /// False: the power is off, now at the latest.
  bool count_change();
  void cut();
  int fault(DiskOperation operation, const std::string& name);
  void survive(DiskFile& file);

  std::mutex mutex_;
  Rng rng_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  sqlite3_vfs* before_;
  std::string name_;
  Directory now_;      ///< as programs see it
  Directory on_disk_;  ///< as a restart would find it
  std::uint64_t life_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t cut_at_ = UINT64_MAX;
  bool off_ = false;
  bool
      powersafe_;  ///< does a torn write leave the bytes around it as they are, by SQLite's belief?

  struct Fault {
    DiskOperation operation;
    std::string name_end;
    int code;
    int skip;
  };
  std::vector<Fault> faults_;
  std::map<std::string, std::string> histories_;
};

}  // namespace coerce::test
