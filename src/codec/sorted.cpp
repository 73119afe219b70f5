#include <coerce/codec/detail/sorted.hpp>

namespace coerce::detail {

Result<void> append_sorted(std::vector<EncodedEntry>& entries, BytesView encoded, Bytes& out) {
  const auto key = [&](const EncodedEntry& entry) {
    return encoded.subspan(entry.begin, entry.key_end - entry.begin);
  };
  std::sort(entries.begin(), entries.end(),
            [&](const EncodedEntry& a, const EncodedEntry& b) { return precedes(key(a), key(b)); });
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(),
      [&](const EncodedEntry& a, const EncodedEntry& b) { return !precedes(key(a), key(b)); });
  if (twice != entries.end())  // two NaN for instance
    return unexpected(ActorRefErr::Serialisation("two keys have the same bytes"));
  for (const EncodedEntry& entry : entries) {
    const BytesView bytes = encoded.subspan(entry.begin, entry.end - entry.begin);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return {};
}

}  // namespace coerce::detail
