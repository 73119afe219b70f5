/// \file
/// A connection to a SQLite file and its statements, as RAII.

#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <coerce/actor/error.hpp>

namespace coerce::detail::sqlite {

enum class FailureKind : std::uint8_t {
  NotDone,  ///< certainly not done; it may be possible later
  Unknown,  ///< perhaps done
  Damaged,  ///< what is stored cannot be read
};

struct Failure {
  FailureKind kind = FailureKind::NotDone;
  int code = SQLITE_OK;  ///< SQLite's, if it is SQLite's
  std::string text{};
};

template <class T>
using SqliteResult = Result<T, Failure>;

/// One connection. For one thread at a time.
///
/// A failure stays: what comes after it does nothing until take_failure() is called, so that a
/// story of several statements asks once, at its end, whether all went well.
class Connection {
 public:
  explicit Connection(sqlite3* handle) noexcept : handle_(handle) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sqlite3_close_v2(handle_); }

  sqlite3* handle() const noexcept { return handle_; }
  bool failed() const noexcept { return failure_.has_value(); }
  const std::optional<Failure>& failure() const noexcept { return failure_; }
  std::optional<Failure> take_failure();
  /// \pre code is neither OK, ROW nor DONE
  void fail(int code);
  /// What is stored contradicts itself.
  void fail_damaged(std::string why);

  /// Runs SQL that gives nothing. False: it failed, or something had failed before.
  bool run(const char* sql);
  /// The one number that a query gives; nothing if it failed.
  std::optional<std::int64_t> ask(const char* sql);

  bool begin() { return run("BEGIN IMMEDIATE"); }
  /// A failure of it may be one of an unknown outcome. What failed is rolled back.
  bool commit();
  /// Also after a failure, which stays.
  void roll_back() noexcept;
  /// Is its file still where it was opened?
  bool has_its_file() const noexcept;
  /// Can something be begun? Not if its file is gone, or if what was begun last never ended.
  bool is_idle() const noexcept { return sqlite3_get_autocommit(handle_) != 0 && has_its_file(); }

 private:
  sqlite3* const handle_;
  std::optional<Failure> failure_;
};

/// A prepared statement of a connection, which outlives it.
class Statement {
 public:
  Statement(Connection& connection, const char* sql);

 private:
  friend class Query;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  Connection& connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// One run of a statement, until the end of this object. What is bound to it must live so long, and
/// what a row gives lives until the next one.
class Query {
 public:
  explicit Query(Statement& statement) noexcept
      : connection_(statement.connection_), handle_(statement.handle_.get()) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() { sqlite3_reset(handle_); }

  // Each binds the next parameter.
  Query& bind(std::int64_t value);
  Query& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Query& bind(std::string_view text);
  Query& bind(std::span<const std::uint8_t> blob);
  Query& bind_null();

  /// Goes to the next row. False: there is none, or it failed.
  bool next();
  /// Runs a statement that gives no rows. False: it failed.
  bool run() { return !next() && !connection_.failed(); }

  std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(handle_, column); }
  std::uint64_t natural(int column) const noexcept {
    return static_cast<std::uint64_t>(integer(column));
  }
  bool is_null(int column) const noexcept {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
  }
  std::string_view text(int column) const noexcept;
  std::span<const std::uint8_t> blob(int column) const noexcept;

 private:
  void check(int code);

  Connection& connection_;
  sqlite3_stmt* handle_;
  int bound_ = 0;
};

}  // namespace coerce::detail::sqlite
