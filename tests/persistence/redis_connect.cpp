#include "persistence/redis_fixture.hpp"

#include <stdexcept>

#include <catch2/catch.hpp>

using namespace coerce;
using namespace coerce::test;
using namespace std::chrono_literals;
using Kind = JournalErr::Kind;

namespace {

/// Why a server is refused; empty: it is not.
std::string refusal(const std::string& uri, RedisOptions options = {}) {
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto connected = scheduler.block_on(RedisStorageProvider::connect(uri, std::move(options)));
  if (connected) return {};
  REQUIRE(connected.error().kind() == Kind::Unavailable);
  REQUIRE(!connected.error().detail().empty());
  return connected.error().detail();
}

bool has(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

const RedisOptions kWeaker = RedisOptions().allow_weaker_durability();

}  // namespace

TEST_CASE("a Redis server that may forget what it acknowledges is refused, unless that is allowed",
          "[redis]") {
  const RedisServer server;
  const std::string settings[][3] = {{"appendonly", "no", "yes"},
                                     {"appendfsync", "everysec", "always"},
                                     {"no-appendfsync-on-rewrite", "yes", "no"},
                                     {"maxmemory-policy", "allkeys-lru", "noeviction"}};
  for (const auto& [name, weak, strong] : settings) {
    server.run({"CONFIG", "SET", name, weak});
    REQUIRE(has(refusal(server.uri()), name + " is '" + weak + "'"));
    REQUIRE(refusal(server.uri(), kWeaker).empty());
    server.run({"CONFIG", "SET", name, strong});
  }
  REQUIRE(refusal(server.uri()).empty());
}

TEST_CASE("a Redis server that does not show its settings is refused, unless that is allowed",
          "[redis]") {
  const RedisServer server({.config = {"rename-command CONFIG \"\""}});
  REQUIRE(has(refusal(server.uri()), "appendonly is 'not shown'"));
  REQUIRE(refusal(server.uri(), kWeaker).empty());
}

TEST_CASE("a Redis server that comes back with weaker settings is refused", "[redis]") {
  RedisServer server;
  RedisJournals journals(server.uri());
  server.run({"CONFIG", "SET", "appendfsync", "no"});
  server.run({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  const auto opened = journals.run(journals->open("1"));
  REQUIRE(!opened);
  REQUIRE(opened.error().kind() == Kind::Unavailable);
  REQUIRE(has(opened.error().detail(), "appendfsync"));
}

TEST_CASE("Redis replicas, primaries with replicas, Sentinels and clusters are refused",
          "[redis]") {
  SECTION("a replica, and its primary") {
    const RedisServer primary;
    const RedisServer replica(
        {.config = {"replicaof 127.0.0.1 " + std::to_string(primary.port())}});
    REQUIRE(has(refusal(replica.uri()), "'slave'"));
    REQUIRE(has(refusal(replica.uri(), kWeaker), "'slave'"));
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!has(primary.run({"INFO", "replication"}), "connected_slaves:1"))
      REQUIRE(std::chrono::steady_clock::now() < deadline);
    REQUIRE(has(refusal(primary.uri()), "replicas"));
    REQUIRE(refusal(primary.uri(), kWeaker).empty());
  }
  SECTION("a cluster") {
    const RedisServer cluster({.config = {"cluster-enabled yes"}});
    REQUIRE(has(refusal(cluster.uri(), kWeaker), "'cluster'"));
  }
  SECTION("a Sentinel") {
    const RedisServer sentinel({.sentinel = true});
    REQUIRE(has(refusal(sentinel.uri(), kWeaker), "'sentinel'"));
  }
}

TEST_CASE("Redis is logged in to with what the URI says, and no error tells the password",
          "[redis]") {
  const RedisServer server({.password = "se:cr@t"});
  const std::string at = "@127.0.0.1:" + std::to_string(server.port());
  REQUIRE(refusal("redis://:se%3acr%40t" + at).empty());
  REQUIRE(refusal("redis://default:se%3Acr%40t" + at + "/2").empty());
  const std::string wrong = refusal("redis://:wrong" + at);
  REQUIRE(has(wrong, "WRONGPASS"));
  REQUIRE(!has(wrong, "wrong@"));
  REQUIRE(has(refusal("redis://127.0.0.1:" + std::to_string(server.port())), "NOAUTH"));

  server.run({"ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all"});
  REQUIRE(refusal("redis://app:pw" + at).empty());
  REQUIRE(has(refusal("redis://app:pw2" + at), "WRONGPASS"));
  REQUIRE(has(refusal("redis://app:pw" + at + "/99"), "DB index"));
  server.run({"ACL", "SETUSER", "app", "-script"});
  REQUIRE(has(refusal("redis://app:pw" + at), "NOPERM"));
}

TEST_CASE("a Redis server that is not there is unavailable", "[redis]") {
  RedisServer server;
  server.kill9();
  REQUIRE(has(refusal(server.uri()), "Connection refused"));
  REQUIRE(has(refusal("unix:///nonexistent/socket"), "No such file"));
}

TEST_CASE("what is no URI of a Redis server is refused with the reason", "[redis]") {
  for (const std::string uri : {"",
                                "localhost",
                                "rediss://host",
                                "redis://",
                                "redis://:6379",
                                "redis://host:",
                                "redis://host:0",
                                "redis://host:65536",
                                "redis://host:x",
                                "redis://host/x",
                                "redis://host/-1",
                                "redis://user@host",
                                "redis://:@host",
                                "redis://:%zz@host",
                                "redis://:%4@host",
                                "redis://[::1",
                                "redis://[::1]x",
                                "unix://",
                                "unix://relative",
                                "unix:///path?db=x",
                                "unix:///path?x=1"})
    REQUIRE(has(refusal(uri), "not the URI of a Redis server"));
  REQUIRE(has(refusal("unix:///" + std::string(200, 'p')), "at most"));
}

TEST_CASE("options of Redis that cannot work are refused", "[redis]") {
  RedisOptions options;
  REQUIRE_THROWS_AS(options.prefix(""), std::invalid_argument);
  REQUIRE_THROWS_AS(options.prefix(std::string(257, 'p')), std::invalid_argument);
  REQUIRE_THROWS_AS(options.connect_timeout(0s), std::invalid_argument);
  REQUIRE_THROWS_AS(options.command_timeout(-1s), std::invalid_argument);
  REQUIRE_THROWS_AS(options.max_back_off(0s), std::invalid_argument);
  REQUIRE_THROWS_AS(options.max_waiting(0), std::invalid_argument);
}
