#include <coerce/codec/codec.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>

#include <coerce/codec/members.hpp>

#include "codec/support.hpp"

namespace {

using namespace coerce;
using namespace codec_tests;

struct Without {
  static constexpr std::string_view type_name = "Without";
};

/// Says and throws what it is told to.
struct Moody {
  int mood = 0;
  friend bool operator==(const Moody&, const Moody&) = default;
};

enum Unfixed { kSomething };

struct Coordinates {
  double x = 0;
  double y = 0;
  std::optional<std::string> label{};
  int not_sent = 7;
};

struct Ping {};

}  // namespace

template <>
struct coerce::Codec<Moody> {
  static Result<void> encode(const Moody& value, Bytes& out) {
    out.push_back(static_cast<std::uint8_t>(value.mood));
    if (value.mood == 1) return unexpected(ActorRefErr::Serialisation("not today"));
    if (value.mood == 2) throw std::runtime_error("not ever");
    if (value.mood == 3) throw 3;
    return {};
  }
  static Result<Moody> decode(BytesView bytes) {
    if (bytes.size() != 1) return unexpected(ActorRefErr::Deserialisation("one byte"));
    if (bytes[0] == 5) throw std::runtime_error("no five");
    if (bytes[0] == 6) throw 6;
    if (bytes[0] == 7) throw std::bad_alloc();
    return Moody{bytes[0]};
  }
};

template <>
struct coerce::Codec<Coordinates>
    : coerce::MemberCodec<Coordinates, &Coordinates::x, &Coordinates::y, &Coordinates::label> {};
template <>
struct coerce::Codec<Ping> : coerce::MemberCodec<Ping> {};

TEST_CASE("whether a type is transmittable is known when compiling", "[codec]") {
  STATIC_REQUIRE(Transmittable<void>);
  STATIC_REQUIRE(Transmittable<std::size_t>);
  STATIC_REQUIRE(Transmittable<std::string>);
  STATIC_REQUIRE(Transmittable<Moody>);
  STATIC_REQUIRE(Transmittable<std::map<std::string, std::vector<Moody>>>);
  STATIC_REQUIRE_FALSE(Transmittable<Without>);
  STATIC_REQUIRE_FALSE(Transmittable<std::vector<Without>>);
  STATIC_REQUIRE_FALSE(Transmittable<std::optional<Without>>);
  STATIC_REQUIRE_FALSE(Transmittable<std::variant<int, Without>>);
  STATIC_REQUIRE_FALSE(Transmittable<std::map<Without, int>>);
  STATIC_REQUIRE_FALSE(Transmittable<int*>);
  STATIC_REQUIRE_FALSE(Transmittable<std::string_view>);
  STATIC_REQUIRE_FALSE(Transmittable<std::unique_ptr<int>>);
  STATIC_REQUIRE_FALSE(Transmittable<const int>);
  STATIC_REQUIRE_FALSE(Transmittable<int&>);
  STATIC_REQUIRE_FALSE(Transmittable<int[3]>);
  STATIC_REQUIRE_FALSE(Transmittable<wchar_t>);
  STATIC_REQUIRE_FALSE(Transmittable<long double>);
  STATIC_REQUIRE_FALSE(Transmittable<Unfixed>);
  STATIC_REQUIRE_FALSE(Transmittable<std::tuple<>>);
  STATIC_REQUIRE_FALSE(Transmittable<std::chrono::steady_clock::time_point>);
}

TEST_CASE("a message with a codec yields bytes, and one without yields NotTransmittable",
          "[codec][B-012]") {
  const auto there = encode_message(Moody{4});
  REQUIRE(there);
  REQUIRE(*there == bytes({4}));
  const auto back = decode_message<Moody>(*there);
  REQUIRE(back);
  REQUIRE(*back == Moody{4});

  const auto none = encode_message(Without());
  REQUIRE_FALSE(none);
  CHECK(none.error() == ActorRefErr::Serialisation("NotTransmittable: no codec for Without"));
  CHECK(is_not_transmittable(none.error()));
  const auto nothing = decode_message<Without>(*there);
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error() == ActorRefErr::Deserialisation("NotTransmittable: no codec for Without"));
  CHECK(is_not_transmittable(nothing.error()));

  CHECK_FALSE(is_not_transmittable(ActorRefErr::Serialisation("something else")));
  CHECK_FALSE(is_not_transmittable(ActorRefErr::HandlerFailed(none.error().detail())));
}

TEST_CASE("what a codec refuses or throws is an error, and nothing is appended", "[codec]") {
  const auto error = [](int mood) { return encode_message(Moody{mood}).error(); };
  CHECK(error(1) == ActorRefErr::Serialisation("not today"));
  CHECK(error(2) == ActorRefErr::Serialisation("not ever"));
  CHECK(error(3).kind() == ActorRefErr::Kind::Serialisation);

  for (const int mood : {1, 2, 3}) {
    Bytes out = bytes({42});
    REQUIRE_FALSE(Codec<std::vector<Moody>>::encode({Moody{0}, Moody{mood}}, out));
    REQUIRE(out == bytes({42}));
  }
  for (const int mood : {5, 6, 7}) {
    REQUIRE_FALSE(decode_message<Moody>(bytes({mood})));
    REQUIRE_FALSE(Codec<std::vector<Moody>>::decode(bytes({1, 1, mood})));
  }
  refuses<Moody>(bytes({5}), "no five");
}

TEST_CASE("encoding appends", "[codec]") {
  Bytes out = bytes({1, 2});
  REQUIRE(Codec<std::string>::encode("a", out));
  REQUIRE(out == bytes({1, 2, 1, 'a'}));
}

TEST_CASE("an answer may be void or a result with another error", "[codec]") {
  REQUIRE(decode_message<void>({}));
  using Answer = tl::expected<void, std::string>;
  const Answer no = tl::unexpected<std::string>("no");
  const auto there = encode_message(no);
  REQUIRE(there);
  const auto back = decode_message<Answer>(*there);
  REQUIRE(back);
  REQUIRE_FALSE(back->has_value());
  REQUIRE(back->error() == "no");
  const auto yes = decode_message<Answer>(bytes({1}));
  REQUIRE(yes);
  REQUIRE(yes->has_value());
}

TEST_CASE("the members that are listed are sent, the others are as constructed", "[codec]") {
  Coordinates there;
  there.x = 1.5;
  there.y = -2;
  there.label = "home";
  there.not_sent = 8;
  const auto back = Codec<Coordinates>::decode(encoded(there));
  REQUIRE(back);
  CHECK(back->x == 1.5);
  CHECK(back->y == -2);
  CHECK(back->label == "home");
  CHECK(back->not_sent == 7);

  const Bytes whole = encoded(there);
  for (std::size_t size = 0; size < whole.size(); ++size)
    REQUIRE_FALSE(Codec<Coordinates>::decode(BytesView(whole).first(size)));
  refuses<Coordinates>(Bytes(100), "bytes are left over");
  refuses<Coordinates>(whole, "more than the limit of 4", {.max_bytes = 4});

  REQUIRE(encoded(Ping()).empty());
  REQUIRE(Codec<Ping>::decode({}));
  refuses<Ping>(bytes({0}), "left over");
}
