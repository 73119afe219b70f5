#include "persistence/power_cut_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace coerce::test {

namespace {
constexpr std::size_t kPiece = 512;
using Content = std::vector<unsigned char>;

void put(Content& content, std::size_t at, const unsigned char* data, std::size_t size) {
  if (content.size() < at + size) content.resize(at + size);
  std::memcpy(content.data() + at, data, size);
}
}  // namespace

struct DiskFile {
  /// A write, or the cutting to a size.
  struct Change {
    std::size_t at;
    Content data;
    bool cuts = false;
  };
  struct SharedLock {
    int readers = 0;
    DiskHandle* writer = nullptr;
  };

  std::string name;
  Content content;  ///< as programs see it
  Content synced;   ///< as it certainly is on the disk
  std::vector<Change> unsynced;

  int readers = 0;
  DiskHandle* reserved = nullptr;
  DiskHandle* exclusive = nullptr;
  std::vector<std::unique_ptr<Content>> shared_memory;
  std::array<SharedLock, SQLITE_SHM_NLOCK> shared_locks{};
};

struct DiskHandle {
  sqlite3_file base;  // first: SQLite knows it alone
  PowerCutDisk* disk;
  std::shared_ptr<DiskFile>* file;
  std::uint64_t life;
  int lock;
  bool syncs_directory;
  std::array<bool, SQLITE_SHM_NLOCK> reads;
  std::array<bool, SQLITE_SHM_NLOCK> writes;

  DiskFile& on() const { return **file; }
  bool dead() const { return disk->off_ || life != disk->life_; }
};

struct DiskVfs {
  static PowerCutDisk& disk(sqlite3_vfs* vfs) { return *static_cast<PowerCutDisk*>(vfs->pAppData); }
  static DiskHandle& handle(sqlite3_file* file) { return *reinterpret_cast<DiskHandle*>(file); }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out) {
    PowerCutDisk& self = disk(vfs);
    const std::lock_guard guard(self.mutex_);
    base->pMethods = nullptr;
    if (self.off_) return SQLITE_CANTOPEN;
    const std::string name = path != nullptr ? path : "";
    if (const int code = self.fault(DiskOperation::Open, name)) return code;
    auto found = self.now_.find(name);
    const bool is_new = path == nullptr || found == self.now_.end();
    if (is_new && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    auto file = is_new ? std::make_shared<DiskFile>() : found->second;
    file->name = name;
    if (is_new && path != nullptr) {
      if (!self.count_change()) return SQLITE_CANTOPEN;
      self.now_[name] = file;
    }
    DiskHandle& opened = handle(base);
    opened.disk = &self;
    opened.file = new std::shared_ptr<DiskFile>(std::move(file));
    opened.life = self.life_;
    opened.lock = SQLITE_LOCK_NONE;
    opened.syncs_directory = is_new && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    opened.reads.fill(false);
    opened.writes.fill(false);
    base->pMethods = &kMethods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }

  static int close(sqlite3_file* base) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    release(self, SQLITE_LOCK_NONE);
    for (std::size_t i = 0; i < SQLITE_SHM_NLOCK; ++i) release_shared(self, i);
    delete self.file;
    return SQLITE_OK;
  }

  static int read(sqlite3_file* base, void* to, int size, sqlite3_int64 at) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (self.dead()) return SQLITE_IOERR_READ;
    if (const int code = self.disk->fault(DiskOperation::Read, self.on().name)) return code;
    const Content& content = self.on().content;
    const auto begin = std::min(static_cast<std::size_t>(at), content.size());
    const auto some = std::min(static_cast<std::size_t>(size), content.size() - begin);
    if (some != 0) std::memcpy(to, content.data() + begin, some);
    std::memset(static_cast<char*>(to) + some, 0, static_cast<std::size_t>(size) - some);
    return some == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* base, const void* from, int size, sqlite3_int64 at) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (self.dead() || !self.disk->count_change()) return SQLITE_IOERR_WRITE;
    const int code = self.disk->fault(DiskOperation::Write, self.on().name);
    const auto* data = static_cast<const unsigned char*>(from);
    const auto some = static_cast<std::size_t>(code == SQLITE_OK ? size : size / 2);
    put(self.on().content, static_cast<std::size_t>(at), data, some);
    self.on().unsynced.push_back({static_cast<std::size_t>(at), Content(data, data + some)});
    std::string& history = self.disk->histories_[self.on().name];
    if (history.empty() || history.back() != 'W') history += 'W';
    return code;
  }

  static int truncate(sqlite3_file* base, sqlite3_int64 size) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (self.dead() || !self.disk->count_change()) return SQLITE_IOERR_TRUNCATE;
    self.on().content.resize(static_cast<std::size_t>(size));
    self.on().unsynced.push_back({static_cast<std::size_t>(size), {}, true});
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* base, int) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (self.dead() || !self.disk->count_change()) return SQLITE_IOERR_FSYNC;
    if (const int code = self.disk->fault(DiskOperation::Sync, self.on().name)) return code;
    self.on().synced = self.on().content;
    self.on().unsynced.clear();
    if (std::exchange(self.syncs_directory, false)) self.disk->on_disk_ = self.disk->now_;
    self.disk->histories_[self.on().name] += 'S';
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* base, sqlite3_int64* size) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (self.dead()) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(self.on().content.size());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* base, int level) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (self.dead()) return SQLITE_IOERR_LOCK;
    DiskFile& file = self.on();
    if (level <= self.lock) return SQLITE_OK;
    if (file.exclusive != nullptr && file.exclusive != &self) return SQLITE_BUSY;
    if (self.lock == SQLITE_LOCK_NONE) {
      ++file.readers;
      self.lock = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    if (file.reserved != nullptr && file.reserved != &self) return SQLITE_BUSY;
    file.reserved = &self;
    self.lock = SQLITE_LOCK_RESERVED;
    if (level == SQLITE_LOCK_RESERVED) return SQLITE_OK;
    file.exclusive = &self;  // nobody else begins to read
    self.lock = SQLITE_LOCK_PENDING;
    if (file.readers > 1) return SQLITE_BUSY;
    self.lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
  }

  static void release(DiskHandle& self, int level) {
    DiskFile& file = self.on();
    if (level >= self.lock) return;
    if (file.exclusive == &self) file.exclusive = nullptr;
    if (file.reserved == &self) file.reserved = nullptr;
    if (level == SQLITE_LOCK_NONE) --file.readers;
    self.lock = level;
  }
  static int unlock(sqlite3_file* base, int level) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    release(self, level);
    return SQLITE_OK;
  }
  static int check_reserved(sqlite3_file* base, int* reserved) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    *reserved = self.on().reserved != nullptr ? 1 : 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return static_cast<int>(kPiece); }
  static int characteristics(sqlite3_file* base) {
    return handle(base).disk->powersafe_ ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
  }

  static int map_shared(sqlite3_file* base, int index, int size, int extend,
                        void volatile** region) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    *region = nullptr;
    if (self.dead()) return SQLITE_IOERR_SHMMAP;
    if (const int code = self.disk->fault(DiskOperation::MapShared, self.on().name)) return code;
    auto& memory = self.on().shared_memory;
    if (static_cast<std::size_t>(index) >= memory.size()) {
      if (extend == 0) return SQLITE_OK;
      while (static_cast<std::size_t>(index) >= memory.size())
        memory.push_back(std::make_unique<Content>(static_cast<std::size_t>(size)));
    }
    *region = memory[static_cast<std::size_t>(index)]->data();
    return SQLITE_OK;
  }

  static void release_shared(DiskHandle& self, std::size_t i) {
    DiskFile::SharedLock& lock = self.on().shared_locks[i];
    if (std::exchange(self.reads[i], false)) --lock.readers;
    if (std::exchange(self.writes[i], false)) lock.writer = nullptr;
  }
  static int lock_shared(sqlite3_file* base, int offset, int count, int flags) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    const auto begin = static_cast<std::size_t>(offset);
    const std::size_t end = begin + static_cast<std::size_t>(count);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      for (std::size_t i = begin; i < end; ++i) release_shared(self, i);
      return SQLITE_OK;
    }
    if (self.dead()) return SQLITE_IOERR_SHMLOCK;
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (std::size_t i = begin; i < end; ++i) {
      const DiskFile::SharedLock& lock = self.on().shared_locks[i];
      const int others = lock.readers - (self.reads[i] ? 1 : 0);
      if (lock.writer != nullptr && lock.writer != &self) return SQLITE_BUSY;
      if (exclusive && others != 0) return SQLITE_BUSY;
    }
    for (std::size_t i = begin; i < end; ++i) {
      DiskFile::SharedLock& lock = self.on().shared_locks[i];
      if (exclusive) {
        lock.writer = &self;
        self.writes[i] = true;
      } else if (!std::exchange(self.reads[i], true)) {
        ++lock.readers;
      }
    }
    return SQLITE_OK;
  }
  static void barrier(sqlite3_file* base) {
    const std::lock_guard guard(handle(base).disk->mutex_);
  }
  /// The memory stays: whoever opens the file next takes it or, if it was removed, finds none.
  static int unmap_shared(sqlite3_file* base, int remove) {
    DiskHandle& self = handle(base);
    const std::lock_guard guard(self.disk->mutex_);
    if (remove != 0 && !self.dead()) self.on().shared_memory.clear();
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    PowerCutDisk& self = disk(vfs);
    const std::lock_guard guard(self.mutex_);
    if (self.off_ || !self.count_change()) return SQLITE_IOERR_DELETE;
    if (self.now_.erase(path) == 0) return SQLITE_IOERR_DELETE_NOENT;
    if (sync_directory != 0) self.on_disk_ = self.now_;
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* path, int, int* answer) {
    PowerCutDisk& self = disk(vfs);
    const std::lock_guard guard(self.mutex_);
    *answer = !self.off_ && self.now_.contains(path) ? 1 : 0;
    return self.off_ ? SQLITE_IOERR_ACCESS : SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
  }

  static const sqlite3_io_methods kMethods;
};

const sqlite3_io_methods DiskVfs::kMethods = {
    2,
    &DiskVfs::close,
    &DiskVfs::read,
    &DiskVfs::write,
    &DiskVfs::truncate,
    &DiskVfs::sync,
    &DiskVfs::file_size,
    &DiskVfs::lock,
    &DiskVfs::unlock,
    &DiskVfs::check_reserved,
    &DiskVfs::control,
    &DiskVfs::sector_size,
    &DiskVfs::characteristics,
    &DiskVfs::map_shared,
    &DiskVfs::lock_shared,
    &DiskVfs::barrier,
    &DiskVfs::unmap_shared,
    nullptr,
    nullptr,
};

PowerCutDisk::PowerCutDisk(std::uint64_t seed, std::optional<bool> powersafe)
    : rng_(seed),
      vfs_(std::make_unique<sqlite3_vfs>()),
      before_(sqlite3_vfs_find(nullptr)),
      name_("power-cut"),
      powersafe_(powersafe.value_or(rng_.below(2) == 0)) {
  *vfs_ = *before_;  // its randomness, time and waiting
  vfs_->szOsFile = sizeof(DiskHandle);
  vfs_->pNext = nullptr;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = &DiskVfs::open;
  vfs_->xDelete = &DiskVfs::remove;
  vfs_->xAccess = &DiskVfs::access;
  vfs_->xFullPathname = &DiskVfs::full_path;
  sqlite3_vfs_register(vfs_.get(), 1);
}

PowerCutDisk::~PowerCutDisk() {
  sqlite3_vfs_unregister(vfs_.get());
  sqlite3_vfs_register(before_, 1);
}

void PowerCutDisk::cut_after(std::uint64_t changes) {
  const std::lock_guard guard(mutex_);
  cut_at_ = changes_ + changes;
  if (changes == 0) cut();
}

bool PowerCutDisk::is_off() {
  const std::lock_guard guard(mutex_);
  return off_;
}

bool PowerCutDisk::count_change() {
  if (off_) return false;
  if (++changes_ >= cut_at_) cut();
  return !off_;
}

void PowerCutDisk::cut() {
  off_ = true;
  cut_at_ = UINT64_MAX;
  // Each name is as the directory was synced, or as it is now.
  Directory names = on_disk_;
  for (const auto& [name, file] : now_)
    if (rng_.below(2) == 0) names[name] = file;
  for (const auto& [name, file] : on_disk_)
    if (!now_.contains(name) && rng_.below(2) == 0) names.erase(name);
  for (auto& [name, file] : names) survive(*file);
  on_disk_ = std::move(names);
}

void PowerCutDisk::survive(DiskFile& file) {
  struct Piece {
    const DiskFile::Change* change;
    std::size_t begin;
    std::size_t size;
  };
  std::vector<Piece> pieces;
  for (const DiskFile::Change& change : file.unsynced)
    for (std::size_t at = 0; at < change.data.size() || (change.cuts && at == 0); at += kPiece)
      pieces.push_back({&change, at, std::min(kPiece, change.data.size() - at)});
  // Nothing, all, the first of them in order, or any of them in any order.
  const std::uint64_t way = rng_.below(5);
  if (way == 0) pieces.clear();
  if (way == 1) pieces.resize(rng_.below(pieces.size() + 1));
  if (way == 2 || way == 3) {
    for (std::size_t i = pieces.size(); i > 1; --i) std::swap(pieces[i - 1], pieces[rng_.below(i)]);
    // Most of them, or few.
    const std::uint64_t kept = way == 2 ? 15 : 4;
    std::erase_if(pieces, [&](const Piece&) { return rng_.below(16) >= kept; });
  }
  file.content = file.synced;
  for (const Piece& piece : pieces) {
    if (piece.change->cuts)
      file.content.resize(piece.change->at);
    else
      put(file.content, piece.change->at + piece.begin, piece.change->data.data() + piece.begin,
          piece.size);
  }
  file.synced = file.content;
  file.unsynced.clear();
}

void PowerCutDisk::restart() {
  const std::lock_guard guard(mutex_);
  ++life_;
  off_ = false;
  cut_at_ = UINT64_MAX;
  now_.clear();
  for (const auto& [name, file] : on_disk_) {
    auto fresh = std::make_shared<DiskFile>();  // without locks and shared memory
    fresh->name = name;
    fresh->content = fresh->synced = file->content;
    now_[name] = std::move(fresh);
  }
  on_disk_ = now_;
}

void PowerCutDisk::fail(DiskOperation operation, std::string_view name_end, int code, int skip) {
  const std::lock_guard guard(mutex_);
  faults_.push_back({operation, std::string(name_end), code, skip});
}

void PowerCutDisk::mend() {
  const std::lock_guard guard(mutex_);
  faults_.clear();
}

int PowerCutDisk::fault(DiskOperation operation, const std::string& name) {
  for (Fault& fault : faults_)
    if (fault.operation == operation && name.ends_with(fault.name_end) && fault.skip-- <= 0)
      return fault.code;
  return SQLITE_OK;
}

std::string PowerCutDisk::history(std::string_view name_end) {
  const std::lock_guard guard(mutex_);
  for (const auto& [name, history] : histories_)
    if (name.ends_with(name_end)) return history;
  return {};
}

std::size_t PowerCutDisk::syncs(std::string_view name_end) {
  const std::string all = history(name_end);
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), 'S'));
}

bool PowerCutDisk::has_unsynced(std::string_view name_end) {
  const std::lock_guard guard(mutex_);
  for (const auto& [name, file] : now_)
    if (name.ends_with(name_end) && !file->unsynced.empty()) return true;
  return false;
}

std::uint64_t PowerCutDisk::changes() {
  const std::lock_guard guard(mutex_);
  return changes_;
}

}  // namespace coerce::test
