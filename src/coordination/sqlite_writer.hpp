/// \file
/// The one connection of a store that writes its file.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "coordination/sqlite_file.hpp"
#include "coordination/sqlite_turns.hpp"

namespace coerce::detail::sqlite {

/// Counts the pages in the log of a connection, and empties it.
class Log {
 public:
  Log(Connection& connection, std::uint64_t large_bytes) noexcept;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Between two transactions: copies the log into the database if it has grown, unless somebody
  /// writes it. A failure is none of a transaction's: what is in the log is safe there, and the
  /// next call tries again.
  void checkpoint_if_large();

 private:
  bool keep_writers_out();
  void checkpoint(int mode) noexcept;

  Connection& connection_;
  const std::uint64_t large_pages_;
  std::uint64_t pages_ = 0;
  std::unique_ptr<Connection> guard_;  ///< has the lock of writers during a checkpoint
};

/// Is the connection of no further use after it? One that could not get a lock or found no space
/// goes on; anything else may be a matter of its file, which a new connection looks at anew.
bool ends_connection(const Failure& failure) noexcept;

/// Is it that others have the lock?
bool is_locked(const Failure& failure) noexcept;

/// Writes a file in transactions, and finds its way back after a failure. `Tables` has the prepared
/// statements and is made from a connection. For one thread.
template <class Tables>
class FileWriter {
 public:
  FileWriter(std::string path, const FileFormat& format, const FileOptions& options, Duration turn)
      : path_(std::move(path)), format_(format), options_(options), turns_(path_, turn) {}

  /// Begins a transaction. The tables are usable until it ends.
  SqliteResult<Tables*> begin(TimePoint deadline) {
    if (session_ && !session_->connection->is_idle()) session_.reset();
    if (!session_) {
      if (auto failure = connect(deadline)) return coerce::unexpected(std::move(*failure));
    }
    if (!turns_.begin(*session_->connection, deadline)) return coerce::unexpected(roll_back());
    return &session_->tables;
  }

  /// Ends it: by COMMIT if nothing in it has failed.
  std::optional<Failure> end() {
    session_->connection->commit();
    if (session_->connection->failed()) return roll_back();
    session_->log.checkpoint_if_large();
    return std::nullopt;
  }

  /// Has the transaction lasted for a turn?
  bool transaction_is_long() const noexcept { return turns_.transaction_is_long(); }

 private:
  struct Session {
    Session(std::unique_ptr<Connection> opened, std::uint64_t log_bytes)
        : connection(std::move(opened)), log(*connection, log_bytes), tables(*connection) {}
    std::unique_ptr<Connection> connection;
    Log log;
    Tables tables;
  };

  std::optional<Failure> connect(TimePoint deadline) {
    const Duration patience = deadline - turns_.now();
    auto opened = open_file(path_, format_, options_, FileUse::Write, patience);
    if (!opened) return std::move(opened.error());
    session_.emplace(std::move(*opened), options_.log_bytes);
    if (session_->connection->failed()) return roll_back();
    return std::nullopt;
  }

  Failure roll_back() {
    session_->connection->roll_back();
    Failure failure = *session_->connection->take_failure();
    failure.text = path_ + ": " + failure.text;
    if (ends_connection(failure)) session_.reset();
    return failure;
  }

  const std::string path_;
  const FileFormat& format_;
  const FileOptions options_;
  Turns turns_;
  std::optional<Session> session_;
};

}  // namespace coerce::detail::sqlite
