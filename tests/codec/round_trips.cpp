#include <coerce/codec/codec.hpp>

#include <catch2/catch.hpp>

#include "codec/random_values.hpp"
#include "codec/support.hpp"

namespace {

using namespace coerce;
using namespace codec_tests;

constexpr std::uint64_t kSeed = 20251125;

/// Nothing but the very bytes of a value is taken for it.
template <class T>
void check_bytes(const Bytes& whole) {
  for (std::size_t size = 0; size < whole.size(); ++size)
    if (Codec<T>::decode(BytesView(whole).first(size))) FAIL("decoded from " << size << " bytes");

  Bytes longer = whole;
  longer.push_back(0);
  if (Codec<T>::decode(longer)) FAIL("decoded from a byte too many");

  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto other = Codec<T>::decode(flipped);
    if (!other) continue;
    Bytes again;
    const auto done = Codec<T>::encode(*other, again);
    if (!done || again != flipped) FAIL("two encodings of one value, bit " << bit);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("each value comes back, and has one encoding only", "[codec]", bool, char,
                   std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t, char32_t, float, double, std::string,
                   Bytes, ActorId, std::chrono::nanoseconds, (std::chrono::duration<double>),
                   (std::chrono::sys_time<std::chrono::milliseconds>), std::optional<std::string>,
                   std::optional<std::optional<bool>>, std::vector<std::int32_t>, std::vector<bool>,
                   std::vector<std::vector<std::string>>, std::vector<std::monostate>,
                   (std::pair<std::string, double>), (std::tuple<int, std::string, Bytes>),
                   (std::array<std::string, 3>),
                   (std::variant<std::monostate, std::string, std::vector<int>>),
                   (tl::expected<std::string, int>), (std::map<std::string, std::int64_t>),
                   (std::map<int, std::map<int, Bytes>>),
                   (std::unordered_map<std::string, std::vector<double>>),
                   (std::unordered_map<int, std::monostate>), std::set<std::int16_t>,
                   std::unordered_set<std::string>,
                   (std::vector<std::optional<std::map<std::string, std::pair<int, Bytes>>>>)) {
  INFO("seed " << kSeed);
  Random random(kSeed);
  for (int i = 0; i < 40; ++i) {
    const auto value = draw<TestType>(random);
    const Bytes whole = encoded(value);
    const auto back = Codec<TestType>::decode(whole);
    REQUIRE(back);
    REQUIRE(*back == value);
    REQUIRE(encoded(*back) == whole);
    check_bytes<TestType>(whole);
  }
}

TEST_CASE("random bytes never make a codec fall", "[codec]") {
  using Everything =
      std::vector<std::variant<std::string, std::map<std::string, Bytes>, std::optional<bool>,
                               std::unordered_map<std::uint8_t, std::vector<std::uint8_t>>>>;
  INFO("seed " << kSeed);
  Random random(kSeed);
  int decoded = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes any(random() % 24);
    for (auto& byte : any) byte = static_cast<std::uint8_t>(random() % (i % 2 == 0 ? 256 : 6));
    const auto value = Codec<Everything>::decode(any);
    if (!value) continue;
    ++decoded;
    REQUIRE(encoded(*value) == any);
  }
  REQUIRE(decoded > 0);
}

TEST_CASE("equal maps give equal bytes, ordered or not, however they were filled", "[codec]") {
  std::map<int, std::string, std::greater<>> descending;
  std::unordered_map<int, std::string> up;
  std::unordered_map<int, std::string> down(5000);
  for (int i = 0; i < 500; ++i) {
    descending.emplace(i, std::to_string(i));
    up.emplace(i, std::to_string(i));
    down.emplace(499 - i, std::to_string(499 - i));
  }
  REQUIRE(encoded(up) == encoded(descending));
  REQUIRE(encoded(down) == encoded(descending));
}

TEST_CASE("a NaN keeps its bits", "[codec]") {
  const std::uint64_t bits = 0x7ff8'0000'dead'beefu;
  const auto back = Codec<double>::decode(encoded(std::bit_cast<double>(bits)));
  REQUIRE(back);
  REQUIRE(std::bit_cast<std::uint64_t>(*back) == bits);
}

TEST_CASE("void and monostate are no bytes", "[codec]") {
  Bytes out;
  REQUIRE(Codec<void>::encode(out));
  REQUIRE(Codec<std::monostate>::encode({}, out));
  REQUIRE(out.empty());
  REQUIRE(Codec<void>::decode({}));
  REQUIRE(Codec<std::monostate>::decode({}));
  refuses<void>(bytes({0}), "1 bytes are left over");
  refuses<std::monostate>(bytes({0}), "1 bytes are left over");
}

TEST_CASE("an error of a reference comes back with all that it says", "[codec]") {
  const auto all = {
      ActorRefErr::ActorUnavailable("busy"),
      ActorRefErr::NotFound("a"),
      ActorRefErr::NotFound({}),
      ActorRefErr::AlreadyExists("b"),
      ActorRefErr::Serialisation("c"),
      ActorRefErr::Deserialisation("d"),
      ActorRefErr::Timeout(std::chrono::milliseconds(7)),
      ActorRefErr::ActorStartFailed("e"),
      ActorRefErr::InvalidRef(),
      ActorRefErr::ResultChannelClosed(),
      ActorRefErr::ResultSendFailed(),
      ActorRefErr::NotSupported("f", "M", "A", "g"),
      ActorRefErr::NotImplemented(),
      ActorRefErr::HandlerFailed("h").about("i", "M", "A"),
      ActorRefErr::MailboxFull(),
      ActorRefErr::Unreachable("j"),
      ActorRefErr::Unauthorised("k"),
      ActorRefErr::Cancelled(),
      ActorRefErr::Fenced("l"),
      ActorRefErr::Overloaded("m"),
      ActorRefErr::NotSupported({}, {}, {}, std::string(5000, 'n')),
  };
  for (const auto& error : all) {
    INFO(error.to_string());
    const auto back = Codec<ActorRefErr>::decode(encoded(error));
    REQUIRE(back);
    CHECK(*back == error);
    CHECK(back->to_string() == error.to_string());
    if (error.detail().size() < 100) check_bytes<ActorRefErr>(encoded(error));
  }
}
