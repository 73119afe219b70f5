#include "coordination/sqlite_writer.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "persistence/sqlite_support.hpp"
#include "persistence/temporary_directory.hpp"

namespace coerce::test::sqlite_writer_cases {
namespace {

using detail::sqlite::Connection;
using detail::sqlite::Log;

TEST_CASE("no log is copied into its file while somebody writes", "[sqlite]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.db");
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  Connection connection(handle);
  REQUIRE(connection.run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0"));
  Log log(connection, 4096);
  REQUIRE(connection.run("CREATE TABLE t (x)"));
  log.checkpoint_if_large();
  const auto before = std::filesystem::file_size(path);
  REQUIRE(connection.run("INSERT INTO t VALUES (zeroblob(30000))"));
  Stranger stranger(path);
  stranger.run("BEGIN IMMEDIATE");
  log.checkpoint_if_large();
  CHECK(std::filesystem::file_size(path) == before);
  stranger.run("ROLLBACK");
  log.checkpoint_if_large();
  CHECK(std::filesystem::file_size(path) > before);
}

}  // namespace
}  // namespace coerce::test::sqlite_writer_cases
