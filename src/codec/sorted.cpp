#include <coerce/codec/detail/sorted.hpp>

namespace coerce::detail {

void append_sorted(std::vector<EncodedEntry>& entries, BytesView encoded, Bytes& out) {
  const auto key = [&](const EncodedEntry& entry) {
    return encoded.subspan(entry.begin, entry.key_end - entry.begin);
  };
  std::sort(entries.begin(), entries.end(),
            [&](const EncodedEntry& a, const EncodedEntry& b) { return precedes(key(a), key(b)); });
  for (const EncodedEntry& entry : entries) {
    const BytesView bytes = encoded.subspan(entry.begin, entry.end - entry.begin);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
}

}  // namespace coerce::detail
