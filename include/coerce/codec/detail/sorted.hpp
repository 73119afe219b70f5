/// \file
/// Codecs of maps and sets, ordered or not.

#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <coerce/codec/detail/wire.hpp>

namespace coerce::detail {

inline bool precedes(BytesView a, BytesView b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

/// Where an encoded entry lies, and where its key ends.
struct EncodedEntry {
  std::size_t begin;
  std::size_t key_end;
  std::size_t end;
};

/// Appends the entries of `encoded` to `out` by the order of their keys' bytes. An error: two keys
/// have the same.
Result<void> append_sorted(std::vector<EncodedEntry>& entries, BytesView encoded, Bytes& out);

/// How many, then the entries in the order of their keys' bytes, each key once: equal maps give
/// equal bytes, be they ordered or not. A set is a map of keys to nothing.
template <class Container>
struct SortedEntries : SelfDelimiting<Container> {
  using Key = typename Container::key_type;
  static constexpr bool kMap = requires { typename Container::mapped_type; };

  static Result<void> write(const Container& value, Bytes& out) {
    Bytes encoded;
    std::vector<EncodedEntry> entries;
    entries.reserve(value.size());
    for (const auto& entry : value)
      if (auto done = write_entry(entry, encoded, entries); !done) return done;
    write_varint(entries.size(), out);
    return append_sorted(entries, encoded, out);
  }

  static Result<Container> read(Reader& reader) {
    const auto count = reader.count();
    if (!count) return unexpected(count.error());
    Container value;
    BytesView previous;
    for (std::size_t i = 0; i < *count; ++i) {
      const BytesView before = reader.left();
      auto key = read_field<Key>(reader);
      if (!key) return unexpected(std::move(key).error());
      const BytesView encoded = before.first(before.size() - reader.left().size());
      if (i > 0 && !precedes(previous, encoded))
        return unexpected(malformed("keys are not in their order"));
      previous = encoded;
      auto added = read_rest(reader, std::move(*key), value);
      if (!added) return unexpected(std::move(added).error());
    }
    return value;
  }

 private:
  template <class Entry>
  static Result<void> write_entry(const Entry& entry, Bytes& encoded,
                                  std::vector<EncodedEntry>& entries) {
    EncodedEntry where{encoded.size(), 0, 0};
    Result<void> done;
    if constexpr (kMap)
      done = write_field(entry.first, encoded);
    else
      done = write_field(entry, encoded);
    where.key_end = encoded.size();
    if constexpr (kMap) {
      if (done) done = write_field(entry.second, encoded);
    }
    where.end = encoded.size();
    entries.push_back(where);
    return done;
  }

  /// Two keys of different bytes may still be the same key.
  static Result<void> read_rest(Reader& reader, Key key, Container& to) {
    bool fresh = false;
    if constexpr (kMap) {
      auto mapped = read_field<typename Container::mapped_type>(reader);
      if (!mapped) return unexpected(std::move(mapped).error());
      fresh = to.emplace(std::move(key), std::move(*mapped)).second;
    } else {
      fresh = to.insert(std::move(key)).second;
    }
    if (!fresh) return unexpected(malformed("a key stands there twice"));
    return {};
  }
};

}  // namespace coerce::detail

namespace coerce {

template <Transmittable K, Transmittable V, class Compare, class Allocator>
  requires(std::is_object_v<K> && std::is_object_v<V>)
struct Codec<std::map<K, V, Compare, Allocator>>
    : detail::SortedEntries<std::map<K, V, Compare, Allocator>> {};

template <Transmittable K, Transmittable V, class Hash, class Equal, class Allocator>
  requires(std::is_object_v<K> && std::is_object_v<V>)
struct Codec<std::unordered_map<K, V, Hash, Equal, Allocator>>
    : detail::SortedEntries<std::unordered_map<K, V, Hash, Equal, Allocator>> {};

template <Transmittable K, class Compare, class Allocator>
  requires std::is_object_v<K>
struct Codec<std::set<K, Compare, Allocator>>
    : detail::SortedEntries<std::set<K, Compare, Allocator>> {};

template <Transmittable K, class Hash, class Equal, class Allocator>
  requires std::is_object_v<K>
struct Codec<std::unordered_set<K, Hash, Equal, Allocator>>
    : detail::SortedEntries<std::unordered_set<K, Hash, Equal, Allocator>> {};

}  // namespace coerce
