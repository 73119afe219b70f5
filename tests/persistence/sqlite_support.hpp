/// \file
/// What tests of journals in SQLite files need again and again.

#pragma once

#include <coerce/persistence/sqlite.hpp>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <coerce/actor/system.hpp>

namespace coerce::test {

inline JournalEntry event(std::string_view text, std::vector<std::string> tags = {},
                          std::int64_t sequence = 0) {
  JournalEntry entry;
  entry.sequence = sequence;
  entry.payload_type = "Event";
  entry.bytes = bytes_of(text);
  entry.tags = std::move(tags);
  return entry;
}

inline std::shared_ptr<JournalStorage> open_journal(const std::string& path,
                                                    const SqliteOptions& options = {}) {
  const auto provider = SqliteStorageProvider::open(path, options);
  INFO((provider ? "" : provider.error().to_string()));
  REQUIRE(provider);
  return provider->journal_storage();
}

/// A connection of somebody else's.
class Stranger {
 public:
  explicit Stranger(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &handle_) == SQLITE_OK);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  ~Stranger() { sqlite3_close(handle_); }

  void run(const std::string& sql) {
    INFO(sql);
    REQUIRE(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  std::int64_t ask(const std::string& sql) {
    INFO(sql);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    const std::int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return answer;
  }

 private:
  sqlite3* handle_ = nullptr;
};

/// Returns when a writer of the file waits for its lock, which it shows to other processes.
inline void wait_for_who_waits(const std::string& path) {
  const int turns = ::open((path + "-turn").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  REQUIRE(turns >= 0);
  while (::flock(turns, LOCK_EX | LOCK_NB) == 0) {
    ::flock(turns, LOCK_UN);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::close(turns);
}

/// The first request waits for the lock of the file and the other two behind it, the last one for
/// half of `lock_wait` longer; `ask(name)` gives whether a request has succeeded.
template <class Ask>
void test_deadlines_of_waiting(const std::string& path, std::chrono::nanoseconds lock_wait,
                               Ask ask) {
  Stranger stranger(path);
  stranger.run("BEGIN IMMEDIATE");
  auto first = std::async(std::launch::async, ask, "first");
  wait_for_who_waits(path);
  auto second = std::async(std::launch::async, ask, "second");
  std::this_thread::sleep_for(lock_wait / 2);
  auto third = std::async(std::launch::async, ask, "third");
  CHECK(!first.get());
  CHECK(!second.get());
  stranger.run("ROLLBACK");
  CHECK(third.get());
}

inline std::int64_t count_rows(const std::string& path, const std::string& table) {
  return Stranger(path).ask("SELECT count(*) FROM " + table);
}

}  // namespace coerce::test
