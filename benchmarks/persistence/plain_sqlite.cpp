#include "plain_sqlite.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include <sqlite3.h>

namespace persistence_bench {

namespace {

// The tables of SqliteStorageProvider, as far as an append touches them.
constexpr const char* kSchema = R"(
  CREATE TABLE store (only INTEGER PRIMARY KEY CHECK (only = 1), last_place INTEGER NOT NULL);
  INSERT INTO store VALUES (1, 0);
  CREATE TABLE journals (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, head INTEGER NOT NULL,
    first INTEGER NOT NULL, base INTEGER NOT NULL, epoch INTEGER NOT NULL,
    instance INTEGER NOT NULL, last_append BLOB, sum INTEGER NOT NULL);
  CREATE TABLE events (
    journal INTEGER NOT NULL, sequence INTEGER NOT NULL, place INTEGER NOT NULL,
    type TEXT NOT NULL, bytes BLOB NOT NULL, tags BLOB, sum INTEGER NOT NULL,
    PRIMARY KEY (journal, sequence)) WITHOUT ROWID;
)";
constexpr std::int64_t kSum = 0x1234'5678'9abc'def0;  // what is written takes as much space
constexpr std::size_t kAppendIdBytes = 16;

class Database {
 public:
  explicit Database(const std::string& path) {
    sqlite3* opened = nullptr;
    const int result = sqlite3_open(path.c_str(), &opened);
    handle_.reset(opened);
    require(result == SQLITE_OK);
  }

  void run(const char* sql) {
    require(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  void require(bool done) const {
    if (!done) throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(handle_.get()));
  }
  sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

class Statement {
 public:
  Statement(const Database& database, const char* sql) : database_(database) {
    sqlite3_stmt* made = nullptr;
    const int result = sqlite3_prepare_v2(database.handle(), sql, -1, &made, nullptr);
    handle_.reset(made);
    database.require(result == SQLITE_OK);
  }

  Statement& bind(int place, std::int64_t number) {
    database_.require(sqlite3_bind_int64(handle_.get(), place, number) == SQLITE_OK);
    return *this;
  }
  Statement& bind(int place, const std::vector<char>& bytes) {
    database_.require(sqlite3_bind_blob(handle_.get(), place, bytes.data(),
                                        static_cast<int>(bytes.size()), nullptr) == SQLITE_OK);
    return *this;
  }
  Statement& bind(int place, const std::string& text) {
    database_.require(sqlite3_bind_text(handle_.get(), place, text.data(),
                                        static_cast<int>(text.size()), nullptr) == SQLITE_OK);
    return *this;
  }
  void run() {
    database_.require(sqlite3_step(handle_.get()) == SQLITE_DONE);
    sqlite3_reset(handle_.get());
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
  };
  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace

double write_plainly(const std::string& path, const PlainWork& work) {
  Database database(path);
  database.run("PRAGMA journal_mode = WAL");
  database.run(work.sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
  database.run("PRAGMA cache_size = -16384");
  database.run(kSchema);
  database.run("BEGIN");
  Statement create(database,
                   "INSERT INTO journals (id, head, first, base, epoch, instance, sum)"
                   " VALUES (?, 0, 1, 0, 0, 1, 0)");
  for (std::size_t i = 0; i < work.journals; ++i) {
    const std::string id = "actor-" + std::to_string(i);
    create.bind(1, id).run();
  }
  database.run("COMMIT");

  Statement insert(database,
                   "INSERT INTO events (journal, sequence, place, type, bytes, tags, sum)"
                   " VALUES (?, ?, ?, 'Filled', ?, NULL, ?)");
  Statement update(database,
                   "UPDATE journals SET head = ?, last_append = ?, sum = ? WHERE number = ?");
  Statement place(database, "UPDATE store SET last_place = ?");
  const std::vector<char> bytes(work.event_bytes, 'x');
  const std::vector<char> append_id(kAppendIdBytes, 'a');

  const auto start = std::chrono::steady_clock::now();
  for (std::size_t written = 0; written < work.events;) {
    const std::size_t end = std::min(written + work.group, work.events);
    database.run("BEGIN IMMEDIATE");
    for (; written < end; ++written) {
      const auto journal = static_cast<std::int64_t>(written % work.journals) + 1;
      const auto sequence = static_cast<std::int64_t>(written / work.journals) + 1;
      insert.bind(1, journal).bind(2, sequence).bind(3, static_cast<std::int64_t>(written) + 1);
      insert.bind(4, bytes).bind(5, kSum).run();
      update.bind(1, sequence).bind(2, append_id).bind(3, kSum).bind(4, journal).run();
    }
    place.bind(1, static_cast<std::int64_t>(written)).run();
    database.run("COMMIT");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return took.count();
}

}  // namespace persistence_bench
