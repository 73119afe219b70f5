#include "coordination/sqlite_connection.hpp"

#include <utility>

#include <fmt/format.h>

namespace coerce::detail::sqlite {

namespace {

/// What an error code says about a statement, COMMIT excepted: with it the transaction is over, and
/// nothing of it was done.
FailureKind kind_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR:  // our SQL is right: so the tables are not ours
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
      return FailureKind::Damaged;
    default:
      return FailureKind::NotDone;
  }
}

/// Does SQLite write more behind the last frame of a transaction, up to a whole sector?
bool pads_log(sqlite3* handle) noexcept {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file == nullptr || file->pMethods == nullptr ||
         (file->pMethods->xDeviceCharacteristics(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) == 0;
}

}  // namespace

std::optional<Failure> Connection::take_failure() { return std::exchange(failure_, std::nullopt); }

void Connection::fail(int code) {
  if (failure_) return;
  failure_ = Failure{
      kind_of(code), code,
      fmt::format("{} ({})", sqlite3_errmsg(handle_), sqlite3_errstr(sqlite3_errcode(handle_)))};
}

void Connection::fail_damaged(std::string why) {
  if (!failure_) failure_ = Failure{FailureKind::Damaged, SQLITE_OK, std::move(why)};
}

bool Connection::run(const char* sql) {
  if (failure_) return false;
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
  return code == SQLITE_OK;
}

std::optional<std::int64_t> Connection::ask(const char* sql) {
  Statement statement(*this, sql);
  Query query(statement);
  if (!query.next()) return std::nullopt;
  return query.integer(0);
}

bool Connection::commit() {
  if (failure_) return false;
  const int code = sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return true;
  fail(code);
  // BUSY: it has not begun to write. FULL: the last frame in the log, which makes the others count,
  // is not there whole, unless it was what pads the log behind that. Of everything else nobody can
  // say so: of a failed sync, or of the index of the log that could not be extended, the frames may
  // be on the disk, and the next one to recover the log would take them as done.
  const int primary = code & 0xff;
  const bool is_certain = primary == SQLITE_BUSY || (primary == SQLITE_FULL && !pads_log(handle_));
  failure_->kind = is_certain ? FailureKind::NotDone : FailureKind::Unknown;
  roll_back();
  return false;
}

void Connection::roll_back() noexcept {
  // SQLite may have done so itself.
  if (sqlite3_get_autocommit(handle_) == 0)
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Connection::has_its_file() const noexcept {
  int moved = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved == 0;
}

Statement::Statement(Connection& connection, const char* sql) : connection_(connection) {
  if (connection.failed()) return;
  sqlite3_stmt* handle = nullptr;
  const int code =
      sqlite3_prepare_v3(connection.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) connection.fail(code);
}

void Query::check(int code) {
  if (code != SQLITE_OK) connection_.fail(code);
}

Query& Query::bind(std::int64_t value) {
  if (!connection_.failed()) check(sqlite3_bind_int64(handle_, ++bound_, value));
  return *this;
}

Query& Query::bind(std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";
  if (!connection_.failed())
    check(sqlite3_bind_text64(handle_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Query& Query::bind(std::span<const std::uint8_t> blob) {
  if (connection_.failed()) return *this;
  if (blob.empty())  // a null pointer would be a NULL
    check(sqlite3_bind_zeroblob(handle_, ++bound_, 0));
  else
    check(sqlite3_bind_blob64(handle_, ++bound_, blob.data(), blob.size(), SQLITE_STATIC));
  return *this;
}

Query& Query::bind_null() {
  if (!connection_.failed()) check(sqlite3_bind_null(handle_, ++bound_));
  return *this;
}

bool Query::next() {
  if (connection_.failed()) return false;
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.fail(code);
  return false;
}

std::string_view Query::text(int column) const noexcept {
  const auto* data = sqlite3_column_text(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

std::span<const std::uint8_t> Query::blob(int column) const noexcept {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace coerce::detail::sqlite
