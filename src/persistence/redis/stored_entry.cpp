#include "persistence/redis/stored_entry.hpp"

#include <limits>

namespace coerce::detail::redis {

namespace {

constexpr char kLayout = 1;
constexpr std::size_t kMaxText = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t kMaxTags = std::numeric_limits<std::uint8_t>::max();

void add_text(std::string& bytes, std::string_view text) {
  bytes += static_cast<char>(text.size() & 0xff);
  bytes += static_cast<char>(text.size() >> 8);
  bytes += text;
}

std::optional<std::uint8_t> take_byte(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  const auto byte = static_cast<std::uint8_t>(rest.front());
  rest.remove_prefix(1);
  return byte;
}

std::optional<std::string> take_text(std::string_view& rest) {
  const auto low = take_byte(rest);
  const auto high = take_byte(rest);
  if (!low || !high) return std::nullopt;
  const std::size_t size = *low + (std::size_t{*high} << 8);
  if (size > rest.size()) return std::nullopt;
  std::string text(rest.substr(0, size));
  rest.remove_prefix(size);
  return text;
}

}  // namespace

std::string to_stored(const JournalEntry& entry) {
  std::string bytes(1, kLayout);
  bytes.reserve(entry.bytes.size() + entry.payload_type.size() + 64);
  add_text(bytes, entry.payload_type);
  bytes += static_cast<char>(entry.tags.size());
  for (const std::string& tag : entry.tags) add_text(bytes, tag);
  bytes += text_of(entry.bytes);
  return bytes;
}

std::optional<JournalEntry> from_stored(std::string_view stored, std::int64_t sequence) {
  const auto layout = take_byte(stored);
  if (!layout || *layout != kLayout) return std::nullopt;
  auto type = take_text(stored);
  const auto tags = take_byte(stored);
  if (!type || !tags) return std::nullopt;
  JournalEntry entry;
  entry.sequence = sequence;
  entry.payload_type = std::move(*type);
  for (std::size_t i = 0; i < *tags; ++i) {
    auto tag = take_text(stored);
    if (!tag) return std::nullopt;
    entry.tags.push_back(std::move(*tag));
  }
  entry.bytes = bytes_of(stored);
  return entry;
}

bool fits_layout(const JournalLimits& limits) noexcept {
  return limits.max_type_bytes <= kMaxText && limits.max_tag_bytes <= kMaxText &&
         limits.max_tags <= kMaxTags;
}

}  // namespace coerce::detail::redis
