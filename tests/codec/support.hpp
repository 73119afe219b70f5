/// \file
/// What several tests of codecs use.

#pragma once

#include <catch2/catch.hpp>

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include <coerce/codec.hpp>

namespace codec_tests {

template <class T>
coerce::Bytes encoded(const T& value) {
  coerce::Bytes bytes;
  const auto done = coerce::Codec<T>::encode(value, bytes);
  REQUIRE(done);
  return bytes;
}

inline coerce::Bytes bytes(std::initializer_list<int> values) {
  coerce::Bytes made;
  for (const int value : values) made.push_back(static_cast<std::uint8_t>(value));
  return made;
}

/// Decoding gives an error whose text contains `why`.
template <class T>
void refuses(coerce::BytesView from, std::string_view why, coerce::CodecLimits limits = {}) {
  const auto value = coerce::decode_message<T>(from, limits);
  REQUIRE_FALSE(value);
  CHECK(value.error().kind() == coerce::ActorRefErr::Kind::Deserialisation);
  INFO(value.error().detail());
  CHECK(value.error().detail().find(why) != std::string_view::npos);
}

}  // namespace codec_tests
