#include <coerce/codec/json.hpp>

#include <catch2/catch.hpp>

#include <limits>

#include "codec/support.hpp"

namespace json_tests {

enum class Colour : std::uint8_t { Red, Blue };
NLOHMANN_JSON_SERIALIZE_ENUM(Colour, {{Colour::Red, "red"}, {Colour::Blue, "blue"}})

// region: json-type
struct Joined {
  std::string name;
  int age = 0;
  std::vector<double> scores;
  friend bool operator==(const Joined&, const Joined&) = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Joined, name, age, scores)
// endregion

/// No default constructor.
struct Tag {
  explicit Tag(std::string t) : text(std::move(t)) {}
  std::string text;
};

/// Can be written only.
struct Report {};
void to_json(nlohmann::json& json, const Report&) { json = 1; }

/// Has a codec of its own besides.
struct Both {};
void to_json(nlohmann::json& json, const Both&) { json = 1; }
void from_json(const nlohmann::json&, Both&) {}

}  // namespace json_tests

template <>
struct nlohmann::adl_serializer<json_tests::Tag> {
  static void to_json(nlohmann::json& json, const json_tests::Tag& tag) { json = tag.text; }
  static json_tests::Tag from_json(const nlohmann::json& json) {
    return json_tests::Tag(json.get<std::string>());
  }
};

template <>
struct coerce::Codec<json_tests::Both> {
  static Result<void> encode(const json_tests::Both&, Bytes& out) {
    out.push_back(7);
    return {};
  }
  static Result<json_tests::Both> decode(BytesView) { return json_tests::Both(); }
};

using namespace coerce;
using namespace codec_tests;
using json_tests::Joined;

TEST_CASE("a class with to_json and from_json is sent as JSON", "[codec][json][B-012]") {
  // region: json-use
  const Joined joined{"Leon", 42, {1.5}};
  const auto there = encode_message(joined);
  REQUIRE(there);
  CHECK(text_of(*there) == R"({"age":42,"name":"Leon","scores":[1.5]})");
  const auto back = decode_message<Joined>(*there);
  REQUIRE(back);
  // endregion
  CHECK(*back == joined);

  const auto tag = decode_message<json_tests::Tag>(bytes_of("\"x\""));
  REQUIRE(tag);
  CHECK(tag->text == "x");
  CHECK(text_of(encoded(*tag)) == "\"x\"");

  const auto any = decode_message<nlohmann::json>(bytes_of(R"({"a": [1, null]})"));
  REQUIRE(any);
  CHECK(text_of(encoded(*any)) == R"({"a":[1,null]})");

  const auto nested = Codec<std::vector<Joined>>::decode(encoded(std::vector<Joined>{joined}));
  REQUIRE(nested);
  CHECK(nested->front() == joined);
}

TEST_CASE("JSON changes nothing for what has another codec", "[codec][json]") {
  CHECK(encoded(std::string("a")) == bytes({1, 'a'}));
  CHECK(encoded(std::vector<std::uint8_t>{1}) == bytes({1, 1}));
  CHECK(encoded(std::map<std::string, bool>()) == bytes({0}));
  CHECK(encoded(json_tests::Colour::Blue) == bytes({1}));
  CHECK(encoded(json_tests::Both()) == bytes({7}));
  STATIC_REQUIRE_FALSE(Transmittable<json_tests::Report>);
}

TEST_CASE("text that is no such JSON is refused", "[codec][json]") {
  refuses<Joined>(bytes_of(""), "parse");
  refuses<Joined>(bytes_of("{"), "parse");
  refuses<Joined>(bytes_of(R"({"age":42,"name":"Leon","scores":[]}x)"), "parse");
  refuses<Joined>(bytes_of(R"({"name":"Leon"})"), "age");
  refuses<Joined>(bytes_of(R"({"age":"x","name":"Leon","scores":[]})"), "type must be number");
  refuses<Joined>(bytes_of(R"({"age":1e999,"name":"Leon","scores":[]})"), "number overflow");
  refuses<Joined>(bytes_of("{\"age\":1,\"name\":\"\xff\",\"scores\":[]}"), "UTF-8");

  const Bytes whole = encoded(Joined{"Le\"on\\", 42, {1, 2}});
  for (std::size_t size = 0; size < whole.size(); ++size)
    REQUIRE_FALSE(decode_message<Joined>(BytesView(whole).first(size)));
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto other = decode_message<Joined>(flipped);
    if (other) REQUIRE(decode_message<Joined>(encoded(*other)));
  }
}

TEST_CASE("the limits hold for JSON", "[codec][json]") {
  using Json = nlohmann::json;
  const auto deep = [](std::size_t depth) {
    return bytes_of(std::string(depth, '[') + std::string(depth, ']'));
  };
  REQUIRE(decode_message<Json>(deep(64)));
  refuses<Json>(deep(65), "nested deeper than the limit");
  refuses<Json>(bytes_of(std::string(1u << 20, '[')), "nested deeper than the limit");
  REQUIRE(decode_message<Json>(bytes_of(R"(["[[[[", "]", "\"[[[["])"), {.max_depth = 1}));

  REQUIRE(decode_message<Json>(bytes_of("[1,2,[3,4]]"), {.max_elements = 3}));
  refuses<Json>(bytes_of("[1,2,3]"), "more elements than the limit of 2", {.max_elements = 2});
  refuses<Json>(bytes_of(R"({"a":1,"b":[]})"), "more elements than the limit of 1",
                {.max_elements = 1});
  const auto nested = [](std::size_t depth) {
    Json json = 1;
    for (std::size_t i = 0; i < depth; ++i) json = Json::array({std::move(json)});
    return json;
  };
  REQUIRE(decode_message<Json>(encoded(nested(64))));
  const auto refused = encode_message(nested(65));
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == ActorRefErr::Serialisation("nested deeper than the limit"));
  CHECK(encode_message(nested(65), 65).has_value());
  // In another value less is left.
  CHECK(encode_message(std::vector<Json>{nested(63)}).has_value());
  CHECK_FALSE(encode_message(std::vector<Json>{nested(64)}).has_value());

  refuses<Json>(bytes_of("[1,2,3]"), "7 bytes, more than the limit of 6", {.max_bytes = 6});
}

TEST_CASE("what JSON cannot say is an error", "[codec][json]") {
  Bytes out = bytes({1});
  REQUIRE_FALSE(Codec<Joined>::encode(Joined{"\xff", 1, {}}, out));
  CHECK(out == bytes({1}));
  const auto why_not = [](const auto& value) {
    const auto done = encode_message(value);
    return done ? std::string() : std::string(done.error().detail());
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string not_finite = "JSON has no infinities and no NaN";
  CHECK(why_not(Joined{"a", 1, {1, kNan}}) == not_finite);
  CHECK(why_not(Joined{"a", 1, {kInfinity}}) == not_finite);
  CHECK(why_not(std::vector<Joined>{{"a", 1, {-kInfinity}}}) == not_finite);
  CHECK(why_not(nlohmann::json{{"a", {1, {{"b", kNan}}}}}) == not_finite);
  CHECK(why_not(nlohmann::json(std::numeric_limits<double>::max())).empty());
  CHECK(why_not(nlohmann::json::binary({1, 2})) == "JSON has no such value");
  CHECK(why_not(nlohmann::json::parse("{", nullptr, false)) == "JSON has no such value");
}
