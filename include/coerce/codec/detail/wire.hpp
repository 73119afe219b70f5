/// \file
/// Reading and writing the built-in format: lengths, nested values, limits.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <coerce/codec/detail/encoding_depth.hpp>
#include <coerce/codec/detail/primary.hpp>

namespace coerce::detail {

ActorRefErr too_few_bytes();
ActorRefErr bytes_left_over(std::size_t count);

/// Bytes that are being decoded. Nothing in them is trusted; no call reads past their end.
class Reader {
 public:
  /// Refers to both.
  Reader(BytesView bytes, const CodecLimits& limits) noexcept : left_(bytes), limits_(limits) {}

  BytesView left() const noexcept { return left_; }
  /// The next `size` bytes.
  Result<BytesView> take(std::size_t size) {
    if (size > left_.size()) [[unlikely]]
      return unexpected(too_few_bytes());
    const BytesView taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  /// A LEB128 number in its shortest form.
  Result<std::uint64_t> varint();
  /// A varint that is no more than the number of bytes after it.
  Result<std::size_t> length();
  /// A varint that may be a number of elements: each takes a byte at least.
  Result<std::size_t> count();
  /// An error if bytes are left.
  Result<void> finish() const {
    if (!left_.empty()) [[unlikely]]
      return unexpected(bytes_left_over(left_.size()));
    return {};
  }

  /// What is left of the limits for a value in here.
  CodecLimits limits() const noexcept {
    CodecLimits below = limits_;
    below.max_depth -= depth_;
    return below;
  }

 private:
  friend class Level;

  BytesView left_;
  const CodecLimits& limits_;
  std::size_t depth_ = 0;
};

/// One value deeper, for as long as it lives.
class Level {
 public:
  explicit Level(Reader& reader) noexcept
      : reader_(reader), fits_(reader.depth_ < reader.limits_.max_depth) {
    if (fits_) ++reader_.depth_;
  }
  ~Level() {
    if (fits_) --reader_.depth_;
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  bool fits() const noexcept { return fits_; }

 private:
  Reader& reader_;
  const bool fits_;
};

ActorRefErr malformed(std::string_view what);
ActorRefErr too_many_bytes(std::size_t size, std::size_t limit);
ActorRefErr too_deep();

void write_varint(std::uint64_t value, Bytes& out);
/// Puts the number of bytes after `begin` in front of them.
void insert_length(std::size_t begin, Bytes& out);
/// A call, not a part of its callers: std::vector makes a lot of code of it, and GCC 12 warns
/// without a reason (-Wstringop-overflow) where it sees that `out` was empty.
void append(BytesView bytes, Bytes& out);

// For a catch block: what was thrown, as an error.
ActorRefErr thrown_while_encoding();
ActorRefErr thrown_while_decoding();

// Around every codec, so nothing of the guards may be left where nothing is thrown: both are a part
// of the function that calls them.

/// What a codec throws becomes an error, and `out` what it was.
template <class Write>
[[gnu::always_inline]] inline Result<void> guarded_write(Bytes& out, const Write& write) {
  const std::size_t before = out.size();
  try {
    Result<void> done = write();
    if (!done) [[unlikely]]
      out.resize(before);
    return done;
  } catch (...) {
    out.resize(before);
    return unexpected(thrown_while_encoding());
  }
}

template <class T, class Read>
[[gnu::always_inline]] inline Result<T> guarded_read(const Read& read) {
  try {
    return read();
  } catch (...) {
    return unexpected(thrown_while_decoding());
  }
}

/// A codec made of `write(value, out)` and `read(reader)`. The end of its values can be told from
/// their bytes, so that nested ones need no length before them; they take a byte at least.
template <class T>
struct SelfDelimiting {
  static Result<void> encode(const T& value, Bytes& out) {
    return guarded_write(out, [&] { return Codec<T>::write(value, out); });
  }
  static Result<T> decode(BytesView bytes, const CodecLimits& limits = {}) {
    if (bytes.size() > limits.max_bytes)
      return unexpected(too_many_bytes(bytes.size(), limits.max_bytes));
    return guarded_read<T>([&]() -> Result<T> {
      Reader reader(bytes, limits);
      Result<T> value = Codec<T>::read(reader);
      if (!value) return value;
      if (auto finished = reader.finish(); !finished)
        return unexpected(std::move(finished).error());
      return value;
    });
  }
};

template <class T>
concept SelfDelimited = std::derived_from<Codec<T>, SelfDelimiting<T>>;

/// Decodes with whatever parameters the codec has.
template <class T>
Result<T> decode_whole(BytesView bytes, const CodecLimits& limits) {
  if (bytes.size() > limits.max_bytes)
    return unexpected(too_many_bytes(bytes.size(), limits.max_bytes));
  if constexpr (requires { Codec<T>::decode(bytes, limits); })
    return Codec<T>::decode(bytes, limits);
  else
    return Codec<T>::decode(bytes);
}

/// A value in another one: as it is if its end can be told, else its length before it.
template <class T>
Result<void> write_field(const T& value, Bytes& out) {
  const EncodingLevel level;
  if (!level.fits()) return unexpected(too_deep_to_encode());
  if constexpr (SelfDelimited<T>) {
    return Codec<T>::write(value, out);
  } else {
    const std::size_t begin = out.size();
    Result<void> done = Codec<T>::encode(value, out);
    if (done) insert_length(begin, out);
    return done;
  }
}

template <class T>
Result<T> read_field(Reader& reader) {
  const Level level(reader);
  if (!level.fits()) return unexpected(too_deep());
  if constexpr (SelfDelimited<T>) {
    return Codec<T>::read(reader);
  } else {
    const auto length = reader.length();
    if (!length) return unexpected(length.error());
    const auto bytes = reader.take(*length);
    if (!bytes) return unexpected(bytes.error());
    return decode_whole<T>(*bytes, reader.limits());
  }
}

}  // namespace coerce::detail
