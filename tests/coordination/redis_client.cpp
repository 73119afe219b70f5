#include "coordination/redis/client.hpp"

#include <array>

#include <catch2/catch.hpp>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/when.hpp>

#include "support/canned_server.hpp"
#include "support/redis_server.hpp"
#include "support/tcp_proxy.hpp"

using namespace coerce;
using namespace coerce::test;
using namespace coerce::detail::redis;
using namespace std::chrono_literals;

namespace {

constexpr std::array<Script, 3> kScripts = {{
    {"echo", "#!lua flags=no-writes\nreturn ARGV[1]"},
    {"half", "#!lua\nredis.call('SET', KEYS[1], 'x') return redis.call('HGET', 'n', ARGV[1], 1)"},
    {"large", "#!lua flags=no-writes\nreturn string.rep('x', tonumber(ARGV[1]))"},
}};

Endpoint at(std::uint16_t port) {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = port;
  return endpoint;
}

Client client_of(std::uint16_t port, RedisOptions options = {}) {
  return Client(at(port), std::move(options), kScripts, ReplyLimits());
}

ScriptCall call_of(std::size_t script, std::string argument) {
  ScriptCall call(script);
  call.key("k").arg(std::move(argument));
  return call;
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// What a server says about itself that would be taken.
std::string a_good_server(std::string_view commands) {
  std::string replies;
  for (std::size_t at = commands.find("*"); at != commands.npos;
       at = commands.find("\n*", at + 1)) {
    const std::string_view command = commands.substr(at, commands.find("\n*", at + 1) - at);
    const auto says = [&](std::string_view word) { return command.find(word) != command.npos; };
    if (says("server"))
      replies += bulk("redis_version:7.0.15\r\nredis_mode:standalone\r\n");
    else if (says("replication"))
      replies += bulk("role:master\r\nconnected_slaves:0\r\n");
    else if (says("LOAD"))
      replies += "$1\r\nh\r\n";
    else
      replies += "*0\r\n";
  }
  return replies;
}

}  // namespace

TEST_CASE("each call of a Redis client gets its own reply", "[redis]") {
  const RedisServer server;
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 2});
  std::vector<Task<Outcome<Reply>>> asked;
  for (int i = 0; i < 1000; ++i) asked.push_back(client.call(call_of(0, std::to_string(i))));
  const auto replies = scheduler.block_on(when_all(std::move(asked)));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    REQUIRE(replies[i]);
    REQUIRE(replies[i]->text == std::to_string(i));
  }
}

TEST_CASE("large calls and large replies at once do not block each other", "[redis]") {
  const RedisServer server;
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 2});
  std::vector<Task<Outcome<Reply>>> asked;
  const std::string text(900'000, 'x');
  for (int i = 0; i < 20; ++i) asked.push_back(client.call(call_of(0, text)));
  for (const auto& reply : scheduler.block_on(when_all(std::move(asked)))) {
    REQUIRE(reply);
    REQUIRE(reply->text.size() == text.size());
  }
}

TEST_CASE("a script that fails in the middle is unknown, as its first half is done", "[redis]") {
  const RedisServer server;
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto failed = scheduler.block_on(client.call(call_of(1, "x")));
  REQUIRE(!failed);
  REQUIRE(failed.error().kind == FailureKind::Unknown);
  REQUIRE(failed.error().detail.find("half") != std::string::npos);
  REQUIRE(server.run({"GET", "k"}) == "x");
}

TEST_CASE("a script that makes no sense of what it finds is broken", "[redis]") {
  const RedisServer server;
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto failed = scheduler.block_on(client.call(call_of(2, "no number")));
  REQUIRE(!failed);
  REQUIRE(failed.error().kind == FailureKind::Broken);
}

TEST_CASE("a reply larger than allowed ends the connection, and the next call has a new one",
          "[redis]") {
  const RedisServer server;
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto large = scheduler.block_on(client.call(call_of(2, "20000000")));
  REQUIRE(!large);
  REQUIRE(large.error().kind == FailureKind::Unknown);
  REQUIRE(large.error().detail.find("larger than 1048576 bytes") != std::string::npos);
  const auto small = scheduler.block_on(client.call(call_of(2, "10")));
  REQUIRE(small);
  REQUIRE(small->text.size() == 10);
}

TEST_CASE("what a dead connection had not sent is certainly not done", "[redis]") {
  // It takes the start of what is sent and reads no further: the rest stays here.
  const RedisServer server;
  TcpProxy network(server.port());
  Client client = client_of(network.port(), RedisOptions().command_timeout(300ms));
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  REQUIRE(scheduler.block_on(client.connect()));
  network.set(ProxyMode::Stall);
  const auto lost = scheduler.block_on(client.call(call_of(0, std::string(64 << 20, 'x'))));
  REQUIRE(!lost);
  REQUIRE(lost.error().kind == FailureKind::NotDone);
}

TEST_CASE("a server that loads its data is unavailable", "[redis]") {
  const CannedServer server([](std::string_view commands) {
    return to_each_command(commands, "-LOADING Redis is loading the dataset in memory\r\n");
  });
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto connected = scheduler.block_on(client.connect());
  REQUIRE(!connected);
  REQUIRE(connected.error().kind == FailureKind::NotDone);
  REQUIRE(connected.error().detail.find("LOADING") != std::string::npos);
}

TEST_CASE("what does not speak as Redis does is refused, whatever it says", "[redis]") {
  for (const std::string reply : {"HTTP/1.1 400 Bad Request\r\n\r\n", "*1000000000\r\n", "$-1\r\n",
                                  "*0\r\n", ":1\r\n", "+OK\r\n", "$3\r\n\r\n\r\r\n"}) {
    const CannedServer server(
        [&](std::string_view commands) { return to_each_command(commands, reply); });
    Client client = client_of(server.port());
    const Scheduler scheduler(SchedulerOptions{.workers = 1});
    const auto connected = scheduler.block_on(client.connect());
    REQUIRE(!connected);
    REQUIRE(connected.error().kind == FailureKind::NotDone);
  }
}

TEST_CASE("a server that is too old is refused", "[redis]") {
  const CannedServer server([](std::string_view commands) {
    return to_each_command(commands, bulk("redis_version:6.2.14\r\nredis_mode:standalone\r\n"));
  });
  Client client = client_of(server.port());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto connected = scheduler.block_on(client.connect());
  REQUIRE(!connected);
  REQUIRE(connected.error().detail.find("6.2.14") != std::string::npos);
}

TEST_CASE("a server that begins a reply and does not end it is given up", "[redis]") {
  const CannedServer server([](std::string_view commands) {
    if (commands.find("EVALSHA") == commands.npos) return a_good_server(commands);
    return std::string("$1000000\r\nx");
  });
  Client client =
      client_of(server.port(), RedisOptions().command_timeout(200ms).allow_weaker_durability());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  REQUIRE(scheduler.block_on(client.connect()));
  const auto given_up = scheduler.block_on(client.call(call_of(0, "x")));
  REQUIRE(!given_up);
  REQUIRE(given_up.error().kind == FailureKind::Unknown);
  REQUIRE(given_up.error().detail.find("no answer within 200 ms") != std::string::npos);
}

TEST_CASE("a server that says it knows no script, again and again, is not asked for ever",
          "[redis]") {
  std::atomic<int> calls{0};
  const CannedServer server([&](std::string_view commands) {
    if (commands.find("EVALSHA") == commands.npos) return a_good_server(commands);
    ++calls;
    return to_each_command(commands, "-NOSCRIPT No matching script\r\n");
  });
  Client client = client_of(server.port(), RedisOptions().allow_weaker_durability());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  const auto refused = scheduler.block_on(client.call(call_of(0, "x")));
  REQUIRE(!refused);
  REQUIRE(refused.error().kind == FailureKind::NotDone);
  REQUIRE(calls == 2);
}

TEST_CASE("more replies than were asked for end the connection", "[redis]") {
  std::atomic<int> calls{0};
  const CannedServer server([&](std::string_view commands) {
    if (commands.find("EVALSHA") == commands.npos) return a_good_server(commands);
    return "+" + std::to_string(++calls) + "\r\n+stray\r\n";
  });
  Client client = client_of(server.port(), RedisOptions().allow_weaker_durability());
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  for (const std::string expected : {"1", "2", "3"}) {
    const auto reply = scheduler.block_on(client.call(call_of(0, "x")));
    REQUIRE(reply);
    REQUIRE(reply->text == expected);
  }
}
