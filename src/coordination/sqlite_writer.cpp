#include "coordination/sqlite_writer.hpp"

#include <algorithm>

namespace coerce::detail::sqlite {

namespace {
constexpr std::uint64_t kPageBytes = 4096;  // SQLite's default
/// From this many times the size on readers are waited for, so that the log can begin anew.
constexpr std::uint64_t kTooLarge = 16;
constexpr int kRestartWaitMs = 100;
}  // namespace

Log::Log(Connection& connection, std::uint64_t large_bytes) noexcept
    : connection_(connection), large_pages_(std::max<std::uint64_t>(1, large_bytes / kPageBytes)) {
  sqlite3_wal_hook(
      connection.handle(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<std::uint64_t*>(pages) = static_cast<std::uint64_t>(count);
        return SQLITE_OK;
      },
      &pages_);
}

// SQLite before 3.51.3 can lose what a transaction wrote if a checkpoint begins right behind one
// that was complete, and somebody begins the log anew meanwhile. A checkpoint that finds the lock
// of writers taken goes on without it; so another connection takes it first.
void Log::checkpoint_if_large() {
  if (pages_ < large_pages_) return;
  if (pages_ / kTooLarge >= large_pages_) {
    // Takes the lock itself, which it needs for beginning the log anew.
    sqlite3_busy_timeout(connection_.handle(), kRestartWaitMs);
    checkpoint(SQLITE_CHECKPOINT_RESTART);
    sqlite3_busy_handler(connection_.handle(), nullptr, nullptr);
  } else if (keep_writers_out()) {
    checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    guard_->roll_back();
  }
}

void Log::checkpoint(int mode) noexcept {
  sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, mode, nullptr, nullptr);
  pages_ = 0;
}

bool Log::keep_writers_out() {
  if (guard_ == nullptr) {
    sqlite3* handle = nullptr;
    const char* const path = sqlite3_db_filename(connection_.handle(), "main");
    sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    guard_ = std::make_unique<Connection>(handle);
  }
  if (guard_->begin()) return true;
  const auto failure = guard_->take_failure();
  if (!is_locked(*failure)) guard_.reset();
  return false;
}

bool ends_connection(const Failure& failure) noexcept {
  switch (failure.code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
      return failure.kind == FailureKind::Unknown;
    default:
      return true;
  }
}

bool is_locked(const Failure& failure) noexcept { return (failure.code & 0xff) == SQLITE_BUSY; }

}  // namespace coerce::detail::sqlite
