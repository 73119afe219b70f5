#include <coerce/codec/protobuf.hpp>

#include <catch2/catch.hpp>

#include <coerce/codec/json.hpp>

#include "codec/support.hpp"
#include "messages.pb.h"
#include "required.pb.h"

namespace {

using namespace coerce;
using namespace codec_tests;

Nested nested(int depth) {
  Nested outermost;
  Nested* at = &outermost;
  for (int i = 0; i < depth; ++i) at = at->mutable_inside();
  at->set_number(1);
  return outermost;
}

}  // namespace

namespace codec_tests {

// Also serialisable as JSON, which it must not be sent as.
void to_json(nlohmann::json& json, const Transfer&) { json = "JSON"; }
void from_json(const nlohmann::json&, Transfer&) {}

}  // namespace codec_tests

TEST_CASE("protobuf messages are sent as their own bytes", "[codec][protobuf]") {
  STATIC_REQUIRE(Transmittable<Transfer>);
  STATIC_REQUIRE_FALSE(Transmittable<google::protobuf::MessageLite>);

  // region: protobuf-use
  Transfer transfer;
  transfer.set_from("a");
  transfer.set_to("b");
  transfer.set_cents(150);
  const Bytes there = encoded(transfer);
  // endregion
  CHECK(there == bytes({0x0a, 1, 'a', 0x12, 1, 'b', 0x18, 0x96, 0x01}));
  const auto back = decode_message<Transfer>(there);
  REQUIRE(back);
  CHECK(back->from() == "a");
  CHECK(back->cents() == 150);

  // In other types too, and appended to what is there.
  const auto twice =
      Codec<std::vector<Transfer>>::decode(encoded(std::vector<Transfer>{transfer, transfer}));
  REQUIRE(twice);
  CHECK(twice->size() == 2);
  CHECK((*twice)[1].to() == "b");
}

TEST_CASE("equal protobuf messages give equal bytes", "[codec][protobuf]") {
  Transfer up;
  Transfer down;
  for (int i = 0; i < 100; ++i) {
    (*up.mutable_notes())[std::to_string(i)] = "x";
    (*down.mutable_notes())[std::to_string(99 - i)] = "x";
  }
  REQUIRE(encoded(up) == encoded(down));
}

TEST_CASE("bytes that are no protobuf message are refused", "[codec][protobuf]") {
  Transfer transfer;
  transfer.set_from("somebody");
  transfer.set_cents(-1);
  (*transfer.mutable_notes())["k"] = "v";
  const Bytes whole = encoded(transfer);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto other = decode_message<Transfer>(flipped);
    if (other) REQUIRE(encode_message(*other));
  }
  refuses<Transfer>(BytesView(whole).first(whole.size() - 1), "protobuf: no such message");
  refuses<Transfer>(bytes({0x0a, 0xff, 0xff, 0xff, 0xff, 0x07}), "protobuf: no such message");
  refuses<Transfer>(bytes({0x0c}), "protobuf: no such message");
}

TEST_CASE("the limits hold for protobuf messages", "[codec][protobuf]") {
  REQUIRE(decode_message<Nested>(encoded(nested(64))));
  const auto deeper = encode_message(nested(65), 65);
  REQUIRE(deeper);
  refuses<Nested>(*deeper, "nested deeper than the limit");
  REQUIRE(decode_message<Nested>(encoded(nested(2)), {.max_depth = 2}));
  refuses<Nested>(encoded(nested(2)), "nested deeper than the limit", {.max_depth = 1});
  refuses<Nested>(encoded(nested(2)), "more than the limit of 3", {.max_bytes = 3});
}

TEST_CASE("protobuf messages that could not be decoded are not encoded", "[codec][protobuf]") {
  const ActorRefErr why =
      ActorRefErr::Serialisation("protobuf: a text is not UTF-8, or nested deeper than the limit");
  const auto deeper = encode_message(nested(65));
  REQUIRE_FALSE(deeper);
  CHECK(deeper.error() == why);
  CHECK_FALSE(encode_message(std::vector<Nested>{nested(64)}).has_value());
  CHECK(encode_message(std::vector<Nested>{nested(63)}).has_value());

  Transfer transfer;
  transfer.set_from("\xff");
  Bytes out = bytes({1});
  const auto done = Codec<Transfer>::encode(transfer, out);
  REQUIRE_FALSE(done);
  CHECK(done.error() == why);
  CHECK(out == bytes({1}));
}

TEST_CASE("a protobuf message lacks no required field", "[codec][protobuf]") {
  Bytes out = bytes({1});
  const auto done = Codec<Required>::encode(Required(), out);
  REQUIRE_FALSE(done);
  CHECK(done.error() == ActorRefErr::Serialisation("protobuf: a required field is missing"));
  CHECK(out == bytes({1}));
  refuses<Required>({}, "a required field is missing");
  REQUIRE(decode_message<Required>(bytes({0x08, 1})));
}
