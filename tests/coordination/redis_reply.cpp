#include "coordination/redis/reply.hpp"

#include <catch2/catch.hpp>

using namespace coerce::detail::redis;

namespace {

/// The one reply that `bytes` are, however they are cut.
Reply parsed(std::string_view bytes) {
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    ReplyReader reader{ReplyLimits()};
    reader.feed(bytes.substr(0, cut));
    const auto early = reader.next();
    REQUIRE(early);
    REQUIRE(!*early);
    reader.feed(bytes.substr(cut));
    const auto whole = reader.next();
    REQUIRE(whole);
    REQUIRE(*whole);
    REQUIRE(reader.left_over() == 0);
    if (cut + 1 == bytes.size()) return **whole;
  }
  return {};
}

/// What is wrong with them.
std::string refused(std::string_view bytes, const ReplyLimits& limits = {}) {
  ReplyReader reader(limits);
  reader.feed(bytes);
  const auto reply = reader.next();
  REQUIRE(!reply);
  REQUIRE(!reply.error().empty());
  return reply.error();
}

}  // namespace

TEST_CASE("replies of Redis are read, however they are cut into pieces", "[redis]") {
  REQUIRE(parsed(":-12\r\n").integer == -12);
  REQUIRE(parsed("+OK\r\n").text == "OK");
  REQUIRE(parsed("$-1\r\n").type == ReplyType::Nil);
  REQUIRE(parsed("*-1\r\n").type == ReplyType::Nil);
  REQUIRE(parsed("$4\r\na\r\nb\r\n").text == "a\r\nb");
  REQUIRE(parsed("*0\r\n").is_list());
  const Reply error = parsed("-OOM no memory\r\n");
  REQUIRE(error.is_error());
  REQUIRE(error.error_code() == "OOM");

  const Reply list = parsed("*3\r\n*2\r\n:1\r\n$1\r\nx\r\n$-1\r\n*1\r\n*1\r\n:7\r\n");
  REQUIRE(list.items.size() == 3);
  REQUIRE(list.items[0].items[0].integer == 1);
  REQUIRE(list.items[0].items[1].text == "x");
  REQUIRE(list.items[1].type == ReplyType::Nil);
  REQUIRE(list.items[2].items[0].items[0].integer == 7);
}

TEST_CASE("replies that come together are read one by one", "[redis]") {
  ReplyReader reader{ReplyLimits{.max_bytes = 10}};
  reader.feed(":1\r\n:2\r\n:3\r\n:4\r\n");
  for (int i = 1; i <= 4; ++i) REQUIRE((*reader.next())->integer == i);
  REQUIRE(!*reader.next());
}

TEST_CASE("what is no reply of Redis is refused", "[redis]") {
  refused("HTTP/1.1 400 Bad Request\r\n");
  refused("$-5\r\n");
  refused("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
}

TEST_CASE("a reply of Redis beyond its limits is refused before all of it is there", "[redis]") {
  const ReplyLimits limits{.max_bytes = 1000, .max_items = 10};
  refused("$100000000\r\n" + std::string(1001, 'x'), limits);
  refused("*11\r\n", limits);
  refused("*2147483647\r\n", limits);
  refused("*3\r\n*8\r\n", limits);
  // Each reply has the limits for itself.
  ReplyReader reader(limits);
  for (int i = 0; i < 5; ++i) {
    reader.feed("*10\r\n");
    for (int item = 0; item < 10; ++item) reader.feed("$50\r\n" + std::string(50, 'x') + "\r\n");
    const auto reply = reader.next();
    REQUIRE(reply);
    REQUIRE(*reply);
  }
}
