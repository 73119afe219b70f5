#include <coerce/codec/detail/wire.hpp>

#include <algorithm>
#include <array>
#include <exception>

#include <fmt/format.h>

namespace coerce::detail {

namespace {

constexpr unsigned kMaxVarint = 10;  // bytes of 64 bits, seven at a time

}  // namespace

ActorRefErr malformed(std::string_view what) { return ActorRefErr::Deserialisation(what); }

ActorRefErr too_many_bytes(std::size_t size, std::size_t limit) {
  return malformed(fmt::format("{} bytes, more than the limit of {}", size, limit));
}

ActorRefErr too_deep() { return malformed("nested deeper than the limit"); }

ActorRefErr too_few_bytes() { return malformed("the bytes end too early"); }

ActorRefErr bytes_left_over(std::size_t count) {
  return malformed(fmt::format("{} bytes are left over", count));
}

Result<std::uint64_t> Reader::varint() {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kMaxVarint; ++i) {
    if (i == left_.size()) return unexpected(too_few_bytes());
    const std::uint8_t byte = left_[i];
    if (i == kMaxVarint - 1 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    if (byte == 0 && i > 0) return unexpected(malformed("a number is longer than it need be"));
    left_ = left_.subspan(i + 1);
    return value;
  }
  return unexpected(malformed("a number has more than 64 bits"));
}

Result<std::size_t> Reader::length() {
  const auto length = varint();
  if (!length) return unexpected(length.error());
  if (*length > left_.size()) return unexpected(malformed("a length is greater than what follows"));
  return static_cast<std::size_t>(*length);
}

Result<std::size_t> Reader::count() {
  const auto count = varint();
  if (!count) return unexpected(count.error());
  if (*count > limits_.max_elements)
    return unexpected(malformed(
        fmt::format("{} elements, more than the limit of {}", *count, limits_.max_elements)));
  if (*count > left_.size()) return unexpected(malformed("a count is greater than what follows"));
  return static_cast<std::size_t>(*count);
}

ActorRefErr thrown_while_encoding() {
  try {
    throw;
  } catch (const std::exception& error) {
    return ActorRefErr::Serialisation(error.what());
  } catch (...) {
    return ActorRefErr::Serialisation("the codec has thrown something unknown");
  }
}

ActorRefErr thrown_while_decoding() {
  try {
    throw;
  } catch (const std::exception& error) {
    return malformed(error.what());
  } catch (...) {
    return malformed("the codec has thrown something unknown");
  }
}

void append(BytesView bytes, Bytes& out) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void write_varint(std::uint64_t value, Bytes& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

void insert_length(std::size_t begin, Bytes& out) {
  const std::size_t end = out.size();
  write_varint(end - begin, out);
  const auto at = [&](std::size_t index) {
    return out.begin() + static_cast<std::ptrdiff_t>(index);
  };
  std::rotate(at(begin), at(end), out.end());
}

}  // namespace coerce::detail
