#include <coerce/codec/detail/scalars.hpp>

namespace coerce {

namespace {

constexpr std::size_t kMaxId = 64u << 10;  // a longer id would be cut, and be that of another actor

void write_text(std::string_view text, Bytes& out) {
  detail::write_varint(text.size(), out);
  out.insert(out.end(), text.begin(), text.end());
}

Result<std::string_view> read_text(detail::Reader& reader) {
  const auto length = reader.length();
  if (!length) return unexpected(length.error());
  const auto bytes = reader.take(*length);
  if (!bytes) return unexpected(bytes.error());
  return text_of(*bytes);
}

}  // namespace

Result<void> Codec<std::string>::write(const std::string& value, Bytes& out) {
  write_text(value, out);
  return {};
}

Result<std::string> Codec<std::string>::read(detail::Reader& reader) {
  const auto text = read_text(reader);
  if (!text) return unexpected(text.error());
  return std::string(*text);
}

Result<void> Codec<ActorId>::write(const ActorId& value, Bytes& out) {
  write_text(value.view(), out);
  return {};
}

Result<ActorId> Codec<ActorId>::read(detail::Reader& reader) {
  const auto text = read_text(reader);
  if (!text) return unexpected(text.error());
  if (text->size() > kMaxId) return unexpected(detail::malformed("an id is longer than 64 KiB"));
  return ActorId(*text);
}

}  // namespace coerce
