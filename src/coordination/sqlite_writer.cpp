#include "coordination/sqlite_writer.hpp"

namespace coerce::detail::sqlite {

namespace {
/// As SQLite's own default: a checkpoint costs two syncs.
constexpr int kCheckpointPages = 1'000;
/// From here on readers are waited for, so that the log can begin anew. 64 MiB of usual pages.
constexpr int kRestartPages = 16'000;
constexpr int kRestartWaitMs = 100;
}  // namespace

Log::Log(Connection& connection) noexcept : connection_(connection) {
  sqlite3_wal_hook(
      connection.handle(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &pages_);
}

void Log::checkpoint_if_large() noexcept {
  if (pages_ < kCheckpointPages) return;
  sqlite3* const handle = connection_.handle();
  if (pages_ >= kRestartPages) sqlite3_busy_timeout(handle, kRestartWaitMs);
  // FULL takes the lock of writers, if it is free, so that the log does not grow meanwhile.
  const int mode = pages_ >= kRestartPages ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_FULL;
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

}  // namespace coerce::detail::sqlite
