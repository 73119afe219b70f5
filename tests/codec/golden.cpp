#include <coerce/codec/codec.hpp>

#include <catch2/catch.hpp>

#include <coerce/codec/members.hpp>

#include "codec/support.hpp"

namespace {

using namespace coerce;
using namespace codec_tests;

enum class Colour : std::uint16_t { Red, Green };

struct Deposited {
  std::string account;
  std::int64_t amount = 0;
};

}  // namespace

template <>
struct coerce::Codec<Deposited>
    : coerce::MemberCodec<Deposited, &Deposited::account, &Deposited::amount> {};

// Journals and other nodes hold such bytes: a test that fails here says that they could not be read
// any more.

TEST_CASE("the format of numbers does not change", "[codec][format]") {
  CHECK(encoded(true) == bytes({1}));
  CHECK(encoded('a') == bytes({0x61}));
  CHECK(encoded(std::int8_t{-1}) == bytes({0xff}));
  CHECK(encoded(std::uint16_t{0x0102}) == bytes({2, 1}));
  CHECK(encoded(std::int32_t{-2}) == bytes({0xfe, 0xff, 0xff, 0xff}));
  CHECK(encoded(std::uint64_t{0x0102030405060708}) == bytes({8, 7, 6, 5, 4, 3, 2, 1}));
  CHECK(encoded(1.0f) == bytes({0, 0, 0x80, 0x3f}));
  CHECK(encoded(-2.0) == bytes({0, 0, 0, 0, 0, 0, 0, 0xc0}));
  CHECK(encoded(Colour::Green) == bytes({1, 0}));
  CHECK(encoded(std::chrono::milliseconds(258)) == bytes({2, 1, 0, 0, 0, 0, 0, 0}));
  CHECK(encoded(std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(1))) ==
        bytes({1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("the format of texts and bytes does not change", "[codec][format]") {
  CHECK(encoded(std::string()) == bytes({0}));
  CHECK(encoded(std::string("ab")) == bytes({2, 'a', 'b'}));
  CHECK(encoded(ActorId("ab")) == bytes({2, 'a', 'b'}));
  CHECK(encoded(bytes({7, 8, 9})) == bytes({3, 7, 8, 9}));

  const Bytes longer = encoded(std::string(300, 'x'));
  CHECK(longer.size() == 302);
  CHECK(longer[0] == 0xac);
  CHECK(longer[1] == 0x02);
}

TEST_CASE("the format of containers does not change", "[codec][format]") {
  CHECK(encoded(std::optional<std::uint8_t>()) == bytes({0}));
  CHECK(encoded(std::optional<std::uint8_t>(5)) == bytes({1, 5}));
  CHECK(encoded(tl::expected<void, std::uint8_t>()) == bytes({1}));
  CHECK(encoded(tl::expected<std::uint8_t, bool>(9)) == bytes({1, 9}));
  CHECK(encoded(tl::expected<std::uint8_t, bool>(tl::unexpect, true)) == bytes({0, 1}));
  CHECK(encoded(std::vector<std::uint16_t>{1, 2}) == bytes({2, 1, 0, 2, 0}));
  CHECK(encoded(std::vector<bool>{true, false}) == bytes({2, 1, 0}));
  CHECK(encoded(std::vector<std::monostate>(2)) == bytes({2, 0, 0}));
  CHECK(encoded(std::pair<std::uint8_t, std::string>(1, "a")) == bytes({1, 1, 'a'}));
  CHECK(encoded(std::tuple<bool, bool, bool>(true, false, true)) == bytes({1, 0, 1}));
  CHECK(encoded(std::array<std::uint16_t, 2>{1, 2}) == bytes({1, 0, 2, 0}));
  CHECK(encoded(std::variant<std::monostate, std::uint8_t>()) == bytes({0, 0}));
  CHECK(encoded(std::variant<std::monostate, std::uint8_t>(std::uint8_t{7})) == bytes({1, 7}));
  CHECK(encoded(std::map<std::string, bool>{{"b", true}, {"a", false}}) ==
        bytes({2, 1, 'a', 0, 1, 'b', 1}));
  // By the bytes of the keys, not by their values.
  CHECK(encoded(std::set<std::uint16_t>{1, 256}) == bytes({2, 0, 1, 1, 0}));
}

TEST_CASE("the format of own types does not change", "[codec][format]") {
  const Deposited deposited{"a", 1};
  CHECK(encoded(deposited) == bytes({1, 'a', 1, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(encoded(std::vector<Deposited>{deposited}) ==
        bytes({1, 10, 1, 'a', 1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("the format of errors does not change", "[codec][format]") {
  CHECK(encoded(ActorRefErr::NotSupported("a", "b", "c", "d")) ==
        bytes({10, 0, 1, 'a', 1, 'b', 1, 'c', 1, 'd', 0, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(encoded(ActorRefErr::Timeout(std::chrono::nanoseconds(3))) ==
        bytes({5, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}));
}
