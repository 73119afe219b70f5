/// \file
/// A check sum that is stored with a row.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coerce::detail {

/// Tells a row from a damaged one; SQLite has no check sum of its own for what lies in the
/// database. Any change within one field of up to eight bytes, or within eight bytes that are
/// aligned to eight in a longer field, is certainly seen: every step is a bijection of the sum, and
/// of the word.
class RowSum {
 public:
  RowSum& add(std::uint64_t word) noexcept {
    // The odd factor and the shifts are those of SplitMix64's finaliser.
    sum_ = (sum_ ^ word) * 0xbf58476d1ce4e5b9;
    sum_ ^= sum_ >> 31;
    return *this;
  }
  RowSum& add(std::int64_t word) noexcept { return add(static_cast<std::uint64_t>(word)); }
  RowSum& add(std::span<const std::uint8_t> bytes) noexcept {
    add(std::uint64_t{bytes.size()});
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) add(word_at(bytes.subspan(at).first<8>()));
    if (at < bytes.size()) add(word_at(bytes.subspan(at)));
    return *this;
  }
  RowSum& add(std::string_view text) noexcept {
    return add(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  }

  std::int64_t value() const noexcept { return static_cast<std::int64_t>(sum_); }

 private:
  /// Little-endian, on every machine.
  template <std::size_t Size>
  static std::uint64_t word_at(std::span<const std::uint8_t, Size> bytes) noexcept {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
    return word;
  }

  std::uint64_t sum_ = 0x9e3779b97f4a7c15;
};

}  // namespace coerce::detail
