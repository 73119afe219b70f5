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

void Log::checkpoint_if_large() noexcept {
  if (pages_ < large_pages_) return;
  sqlite3* const handle = connection_.handle();
  const bool too_large = pages_ / kTooLarge >= large_pages_;
  if (too_large) sqlite3_busy_timeout(handle, kRestartWaitMs);
  // FULL takes the lock of writers, if it is free, so that the log does not grow meanwhile.
  const int mode = too_large ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_FULL;
  sqlite3_wal_checkpoint_v2(handle, nullptr, mode, nullptr, nullptr);
  sqlite3_busy_handler(handle, nullptr, nullptr);
  pages_ = 0;
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
