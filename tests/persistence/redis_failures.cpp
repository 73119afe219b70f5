#include "persistence/redis_fixture.hpp"

#include <filesystem>
#include <limits>

#include <catch2/catch.hpp>

#include <coerce/runtime/when.hpp>

using namespace coerce;
using namespace coerce::test;
using namespace std::chrono_literals;
using Kind = JournalErr::Kind;

namespace {

constexpr std::size_t kPlenty = 1 << 20;
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

/// So short that a test does not wait for long, and that a loaded machine still answers in time.
const RedisOptions kImpatient = RedisOptions().command_timeout(1s).connect_timeout(1s);

template <class Result>
Kind kind_of(const Result& result) {
  REQUIRE(!result);
  return result.error().kind();
}

/// Asks until it is done: nobody tells when a server is back, or when a back-off has ended.
template <class Ask>
auto until_available(Ask ask) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  for (;;) {
    auto result = ask();
    if (result || result.error().kind() != Kind::Unavailable) return result;
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
}

/// How many scripts the server has run.
int scripts_run(const RedisServer& server) {
  const std::string stats = server.run({"INFO", "commandstats"});
  const std::string name = "cmdstat_evalsha:calls=";
  const std::size_t at = stats.find(name);
  return at == std::string::npos ? 0 : std::stoi(stats.substr(at + name.size()));
}

}  // namespace

TEST_CASE("what was acknowledged is there after the Redis server was killed and started again",
          "[redis][journal]") {
  RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1", Epoch{7}));
  REQUIRE(opened);
  REQUIRE(journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a", 3))));
  REQUIRE(journals.run(journals->write_snapshot(opened->token, snapshot(2, "s"))));
  server.kill9();
  REQUIRE(kind_of(journals.run(journals->head("1"))) == Kind::Unavailable);
  const auto gone = journals.run(journals->append(opened->token, 3, AppendId{1, 2}, events("b")));
  REQUIRE(kind_of(gone) == Kind::Unavailable);
  server.start();

  // The provider finds the server by itself, and the token is still the current one.
  const auto head = until_available([&] {
    return journals.run(journals->append(opened->token, 3, AppendId{1, 3}, events("c")));
  });
  REQUIRE(head);
  REQUIRE(*head == 4);
  const auto read = journals.run(journals->read("1", 1, kEnd, kPlenty));
  REQUIRE(read);
  REQUIRE(read->size() == 4);
  const auto latest = journals.run(journals->read_latest_snapshot("1"));
  REQUIRE(latest);
  REQUIRE(*latest);
  const auto lower = journals.run(journals->open("1", Epoch{6}));
  REQUIRE(kind_of(lower) == Kind::Fenced);
}

TEST_CASE("an idle connection that the Redis server has closed is replaced without an error",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  for (int i = 0; i < 20; ++i) {
    server.run({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    const auto head = journals.run(journals->append(opened->token, i, AppendId{1, 1}, events("a")));
    REQUIRE(head);
  }
}

TEST_CASE("an append to Redis whose reply is lost is unknown, and opening again tells its fate",
          "[redis][journal]") {
  const RedisServer server;
  TcpProxy network(server.port());
  RedisJournals journals(uri_of(network));
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  network.set(ProxyMode::CutAtReply);
  const auto lost = journals.run(journals->append(opened->token, 0, AppendId{3, 4}, events("a")));
  REQUIRE(kind_of(lost) == Kind::Unknown);
  REQUIRE(network.replies_lost() == 1);
  network.set(ProxyMode::Forward);
  const auto again = journals.run(journals->reopen(opened->token));
  REQUIRE(again);
  REQUIRE(again->head == 1);
  REQUIRE(again->last_append == AppendId{3, 4});
}

TEST_CASE("a read from Redis whose reply is lost is unavailable: it did nothing",
          "[redis][journal]") {
  const RedisServer server;
  TcpProxy network(server.port());
  RedisJournals journals(uri_of(network));
  network.set(ProxyMode::CutAtReply);
  REQUIRE(kind_of(journals.run(journals->head("1"))) == Kind::Unavailable);
}

TEST_CASE("a request ends though the replies of Redis never come", "[redis][journal]") {
  const RedisServer server;
  TcpProxy network(server.port());
  RedisJournals journals(uri_of(network), kImpatient);
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  network.set(ProxyMode::DropReplies);
  const auto append = journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a")));
  REQUIRE(kind_of(append) == Kind::Unknown);
  // Now it cannot even log in.
  const auto next = journals.run(journals->append(opened->token, 0, AppendId{1, 2}, events("a")));
  REQUIRE(kind_of(next) == Kind::Unavailable);
}

TEST_CASE("an append that comes to Redis late, after its journal was opened again, is refused",
          "[redis][journal]") {
  const RedisServer server;
  TcpProxy network(server.port());
  RedisJournals writer(uri_of(network), kImpatient);
  RedisJournals other(server.uri());
  const auto opened = writer.run(writer->open("1"));
  REQUIRE(opened);
  network.set(ProxyMode::Stall);
  const auto late = writer.run(writer->append(opened->token, 0, AppendId{1, 1}, events("late")));
  REQUIRE(kind_of(late) == Kind::Unknown);
  const auto again = other.run(other->reopen(opened->token));
  REQUIRE(again);
  REQUIRE(again->head == 0);

  const int before = scripts_run(server);
  network.set(ProxyMode::Forward);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (scripts_run(server) == before) REQUIRE(std::chrono::steady_clock::now() < deadline);
  REQUIRE(other.run(other->head("1")) == 0);
}

TEST_CASE("a frozen Redis server holds up nobody for ever, and is found again",
          "[redis][journal]") {
  RedisServer server;
  RedisJournals journals(server.uri(), kImpatient);
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  server.freeze();
  REQUIRE(kind_of(journals.run(journals->open("2"))) == Kind::Unknown);
  REQUIRE(kind_of(journals.run(journals->open("3"))) == Kind::Unavailable);
  server.thaw();
  const auto head = until_available([&] {
    return journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a")));
  });
  REQUIRE(head);
}

TEST_CASE("requests beyond those that may wait for Redis are refused", "[redis][journal]") {
  RedisServer server;
  RedisJournals journals(server.uri(), RedisOptions(kImpatient).max_waiting(2));
  server.freeze();
  std::vector<Task<JournalResult<std::int64_t>>> asked;
  for (int i = 0; i < 10; ++i) asked.push_back(journals->head("1"));
  const auto answers = journals.run(when_all(std::move(asked)));
  std::size_t refused = 0;
  for (const auto& answer : answers) {
    REQUIRE(kind_of(answer) == Kind::Unavailable);
    if (answer.error().detail() == "2 requests wait already") ++refused;
  }
  // Some may have been taken from the queue meanwhile, two at a time.
  REQUIRE(refused > 0);
}

TEST_CASE("a Redis server that refuses is asked less and less often", "[redis][journal]") {
  const RedisServer server;
  TcpProxy network(server.port());
  RedisJournals journals(uri_of(network), RedisOptions().max_back_off(1h));
  network.set(ProxyMode::CutAtReply);
  REQUIRE(!journals.run(journals->head("1")));
  network.set(ProxyMode::Refuse);
  const std::size_t before = network.accepted();
  for (int i = 0; i < 1000; ++i)
    REQUIRE(kind_of(journals.run(journals->open("1"))) == Kind::Unavailable);
  // Ten attempts take at least 50 ms * (2^9 - 1) / 2, some twelve seconds.
  REQUIRE(network.accepted() - before >= 1);
  REQUIRE(network.accepted() - before < 10);
}

TEST_CASE("a Redis server that has forgotten the scripts is told them again", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  for (int i = 0; i < 3; ++i) {
    server.run({"SCRIPT", "FLUSH"});
    const auto head = journals.run(journals->append(opened->token, i, AppendId{1, 1}, events("a")));
    REQUIRE(head);
    REQUIRE(*head == i + 1);
  }
}

TEST_CASE("a Redis server without memory takes nothing, but lets read and delete",
          "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  REQUIRE(journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a", 2))));
  server.run({"CONFIG", "SET", "maxmemory", "1"});
  const auto full = journals.run(journals->append(opened->token, 2, AppendId{1, 2}, events("b")));
  REQUIRE(kind_of(full) == Kind::Unavailable);
  REQUIRE(full.error().detail().find("OOM") != std::string::npos);
  REQUIRE(kind_of(journals.run(journals->write_snapshot(opened->token, snapshot(1, "s")))) ==
          Kind::Unavailable);
  const auto read = journals.run(journals->read("1", 1, kEnd, kPlenty));
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  REQUIRE(journals.run(journals->delete_events_to(opened->token, 2)));
  server.run({"CONFIG", "SET", "maxmemory", "0"});
  const auto head = journals.run(journals->append(opened->token, 2, AppendId{1, 3}, events("c")));
  REQUIRE(head);
  REQUIRE(*head == 3);
}

TEST_CASE("a Redis server that cannot save takes nothing until it can", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  // Where the copy would go there is a directory, and not an empty one.
  const std::string dir = server.run({"CONFIG", "GET", "dir"}).substr(4);
  std::filesystem::create_directories(dir + "/dump.rdb/full");
  server.run({"CONFIG", "SET", "save", "3600 1000000"});
  server.run({"BGSAVE"});
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (server.run({"INFO", "persistence"}).find("rdb_last_bgsave_status:err") ==
         std::string::npos)
    REQUIRE(std::chrono::steady_clock::now() < deadline);

  const auto refused =
      journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a")));
  REQUIRE(kind_of(refused) == Kind::Unavailable);
  REQUIRE(refused.error().detail().find("MISCONF") != std::string::npos);
  REQUIRE(journals.run(journals->head("1")) == 0);
  server.run({"CONFIG", "SET", "save", ""});
  REQUIRE(journals.run(journals->append(opened->token, 0, AppendId{1, 2}, events("a"))));
}

TEST_CASE("a Redis server that becomes a replica takes nothing", "[redis][journal]") {
  const RedisServer server;
  const RedisServer primary;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  server.run({"CONFIG", "SET", "replica-serve-stale-data", "yes"});
  server.run({"REPLICAOF", "127.0.0.1", std::to_string(primary.port())});
  const auto refused =
      journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a")));
  REQUIRE(kind_of(refused) == Kind::Unavailable);
  server.run({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const auto still = journals.run(journals->append(opened->token, 0, AppendId{1, 1}, events("a")));
  REQUIRE(kind_of(still) == Kind::Unavailable);
  REQUIRE(still.error().detail().find("'slave'") != std::string::npos);
}

TEST_CASE("what Redis keeps and no journal would is corrupt, not a crash", "[redis][journal]") {
  const RedisServer server;
  RedisJournals journals(server.uri());
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(opened);
  REQUIRE(journals.run(
      journals->append(opened->token, 0, AppendId{1, 1}, {event("a", {"t"}), event("b")})));
  REQUIRE(journals.run(journals->write_snapshot(opened->token, snapshot(1, "s"))));

  const auto read = [&] { return kind_of(journals.run(journals->read("1", 1, kEnd, kPlenty))); };
  for (const std::string stored : {"\x02", "\x01", "\x01\x05", "\x01\xff\xff ", "\x01\x01 E\x03"}) {
    server.run({"HSET", "coerce:events:1", "1", stored});
    REQUIRE(read() == Kind::Corrupt);
    REQUIRE(kind_of(journals.run(journals->read_by_tag("t", 0, kPlenty))) == Kind::Corrupt);
  }
  server.run({"HDEL", "coerce:events:1", "1"});
  REQUIRE(read() == Kind::Corrupt);
  REQUIRE(kind_of(journals.run(journals->read_by_tag("t", 0, kPlenty))) == Kind::Corrupt);
  server.run({"HSET", "coerce:snapshots:1", "1", "?"});
  REQUIRE(kind_of(journals.run(journals->read_latest_snapshot("1"))) == Kind::Corrupt);
  server.run({"HDEL", "coerce:snapshots:1", "1"});
  REQUIRE(kind_of(journals.run(journals->read_latest_snapshot("1"))) == Kind::Corrupt);
  for (const std::string field : {"epoch", "head", "base", "append"}) {
    const std::string was = server.run({"HGET", "coerce:journal:1", field});
    server.run({"HSET", "coerce:journal:1", field, "x"});
    REQUIRE(kind_of(journals.run(journals->open("1"))) == Kind::Corrupt);
    if (was == "(nil)")
      server.run({"HDEL", "coerce:journal:1", field});
    else
      server.run({"HSET", "coerce:journal:1", field, was});
  }
  server.run({"HSET", "coerce:journal:1", "head", "x"});
  REQUIRE(read() == Kind::Corrupt);
  server.run({"SET", "coerce:journal:2", "x"});
  REQUIRE(kind_of(journals.run(journals->open("2"))) == Kind::Corrupt);
  REQUIRE(kind_of(journals.run(journals->head("2"))) == Kind::Corrupt);
}
