/// \file
/// Encoded values.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace coerce {

/// Bytes that are owned.
using Bytes = std::vector<std::uint8_t>;
/// Bytes that somebody else owns.
using BytesView = std::span<const std::uint8_t>;

/// The characters of `text` as bytes.
inline Bytes bytes_of(std::string_view text) { return Bytes(text.begin(), text.end()); }
/// Bytes as characters, for as long as their owner keeps them.
inline std::string_view text_of(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace coerce
