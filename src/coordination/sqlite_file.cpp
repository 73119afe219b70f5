#include "coordination/sqlite_file.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "runtime/thread_pause.hpp"

namespace coerce::detail::sqlite {

namespace {

/// The file systems, by the magic numbers of statfs(2), that another machine may write at the same
/// time, or whose locks are a matter of the server's good will.
struct NetworkFileSystem {
  std::uint32_t magic;
  const char* name;
};
constexpr std::array kNetworkFileSystems = {
    NetworkFileSystem{0x6969, "NFS"},        NetworkFileSystem{0x517b, "SMB"},
    NetworkFileSystem{0xff534d42, "CIFS"},   NetworkFileSystem{0xfe534d42, "SMB2"},
    NetworkFileSystem{0x01021997, "9P"},     NetworkFileSystem{0x65735546, "FUSE"},
    NetworkFileSystem{0x5346414f, "AFS"},    NetworkFileSystem{0x6b414653, "kAFS"},
    NetworkFileSystem{0x73757245, "Coda"},   NetworkFileSystem{0x00c36400, "Ceph"},
    NetworkFileSystem{0x0bd00bd0, "Lustre"}, NetworkFileSystem{0x47504653, "GPFS"},
    NetworkFileSystem{0x564c, "NCP"},
};

Failure refused(std::string text) {
  return Failure{FailureKind::NotDone, SQLITE_CANTOPEN, std::move(text)};
}

/// Settings of a connection; none of them is kept in the file but the mode of the journal.
bool configure(Connection& connection, const FileOptions& options, FileUse use) {
  sqlite3* const handle = connection.handle();
  sqlite3_extended_result_codes(handle, 1);
  // SQL that somebody has put into the file must not run, and a page must be what it says.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  // A file that is cut short while it is mapped would end the process with SIGBUS.
  connection.run("PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON");
  if (use == FileUse::Read) return connection.run("PRAGMA query_only = ON");
  connection.run(options.sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
  // FileWriter makes the checkpoints.
  connection.run(
      "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = "
      "-16384");
  if (const auto page = options.max_file_bytes != 0 ? connection.ask("PRAGMA page_size")
                                                    : std::optional<std::int64_t>()) {
    const std::uint64_t pages =
        std::max<std::uint64_t>(1, options.max_file_bytes / static_cast<std::uint64_t>(*page));
    connection.run(fmt::format("PRAGMA max_page_count = {}", pages).c_str());
  }
  return !connection.failed();
}

constexpr int kLookAgainMs = 20;

bool is_busy(const Connection& connection) noexcept {
  return connection.failure() && (connection.failure()->code & 0xff) == SQLITE_BUSY;
}

struct Found {
  std::int64_t application = 0;
  std::int64_t version = 0;
  bool empty = false;
};

/// All of it at one moment: another process may just be making the tables.
std::optional<Found> look(Connection& connection) {
  const bool alone = sqlite3_get_autocommit(connection.handle()) != 0;
  if (alone && !connection.run("BEGIN")) return std::nullopt;
  const auto application = connection.ask("PRAGMA application_id");
  const auto version = connection.ask("PRAGMA user_version");
  const auto tables = connection.ask("SELECT count(*) FROM sqlite_schema");
  if (alone) connection.roll_back();
  if (!application || !version || !tables) return std::nullopt;
  return Found{*application, *version, *application == 0 && *version == 0 && *tables == 0};
}

/// Refuses a file that is not ours.
bool check_format(Connection& connection, const FileFormat& format, const Found& found) {
  if (found.application != format.application_id)
    connection.fail_damaged(
        fmt::format("it is no {}: its application id is {}", format.what, found.application));
  else if (found.version != format.version)
    connection.fail_damaged(fmt::format("its format is version {}; this program knows version {}",
                                        found.version, format.version));
  return !connection.failed();
}

/// The file is ours or, to be made, still empty.
bool check_usable(Connection& connection, const FileFormat& format, FileUse use) {
  const auto found = look(connection);
  if (!found) return false;
  return (found->empty && use == FileUse::Create) || check_format(connection, format, *found);
}

bool keeps_a_log(Connection& connection, FileUse use) {
  Statement statement(connection,
                      use == FileUse::Create ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode");
  Query query(statement);
  if (query.next() && query.text(0) != "wal")
    connection.fail_damaged(fmt::format("its journal mode is {} and not wal", query.text(0)));
  return !connection.failed();
}

/// In a transaction that has begun.
bool make_tables(Connection& connection, const FileFormat& format) {
  connection.run(format.schema);
  connection.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                             format.application_id, format.version)
                     .c_str());
  return connection.commit();
}

/// Makes the tables unless they are there. Takes the lock of writers for that alone: who has the
/// tables and saturates the file must not keep others from opening it.
bool have_tables(Connection& connection, const FileFormat& format, TimePoint deadline) {
  for (;;) {
    const auto before = look(connection);
    if (!before) return false;
    if (!before->empty) return check_format(connection, format, *before);
    sqlite3_busy_timeout(connection.handle(), kLookAgainMs);
    if (connection.begin()) break;
    if (!is_busy(connection) || SystemClock().now() >= deadline) return false;
    connection.take_failure();
  }
  const auto found = look(connection);
  const bool made = found && found->empty && make_tables(connection, format);
  connection.roll_back();
  return made || (found && !connection.failed() && check_format(connection, format, *found));
}

bool prepare_file(Connection& connection, const FileFormat& format, const FileOptions& options,
                  FileUse use, TimePoint deadline) {
  // Nothing is changed before it is known whose file it is.
  if (!configure(connection, options, use) || !check_usable(connection, format, use)) return false;
  if (!keeps_a_log(connection, use)) return false;
  return use != FileUse::Create || have_tables(connection, format, deadline);
}

}  // namespace

SqliteResult<std::string> check_path(const std::string& given) {
  if (given.empty() || given.find('\0') != std::string::npos)
    return coerce::unexpected(refused("a path of a file is needed"));
  std::error_code unknown;
  const std::string path = std::filesystem::absolute(given, unknown).string();
  if (unknown)
    return coerce::unexpected(refused("the current directory is unknown: " + unknown.message()));
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return coerce::unexpected(refused(fmt::format(
        "{} is {}", path, S_ISDIR(status.st_mode) ? "a directory" : "not a regular file")));
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  struct statfs system{};
  if (::statfs(directory.c_str(), &system) != 0)
    return coerce::unexpected(
        refused(fmt::format("the directory of {} cannot be used: {}", path, std::strerror(errno))));
  const auto magic = static_cast<std::uint32_t>(system.f_type);
  const auto network = std::find_if(kNetworkFileSystems.begin(), kNetworkFileSystems.end(),
                                    [&](const auto& one) { return one.magic == magic; });
  if (network != kNetworkFileSystems.end())
    return coerce::unexpected(refused(
        fmt::format("{} lies on a network file system ({}), whose locks cannot be relied on", path,
                    network->name)));
  return path;
}

SqliteResult<std::unique_ptr<Connection>> open_file(const std::string& path,
                                                    const FileFormat& format,
                                                    const FileOptions& options, FileUse use,
                                                    Duration patience) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (use == FileUse::Create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  auto connection = std::make_unique<Connection>(handle);
  if (handle == nullptr) return coerce::unexpected(refused("no memory for " + path));
  if (code != SQLITE_OK) connection->fail(code);
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  sqlite3_busy_timeout(handle, static_cast<int>(std::clamp<std::int64_t>(wait, 0, 1 << 30)));
  const TimePoint deadline = SystemClock().now() + patience;
  bool opened = prepare_file(*connection, format, options, use, deadline);
  // SQLite does not wait where it sees a deadlock: of two that turn a new file's log on, say.
  while (!opened && is_busy(*connection) && SystemClock().now() < deadline) {
    connection->take_failure();
    pause_thread(std::chrono::milliseconds(kLookAgainMs));
    opened = prepare_file(*connection, format, options, use, deadline);
  }
  // A writer waits in its own way (Turns), a reader seldom.
  if (use != FileUse::Read) sqlite3_busy_timeout(handle, 0);
  if (opened) return connection;
  Failure failure = *connection->take_failure();
  failure.text = fmt::format("{}: {}", path, failure.text);
  return coerce::unexpected(std::move(failure));
}

}  // namespace coerce::detail::sqlite
