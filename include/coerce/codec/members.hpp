/// \file
/// A codec of a struct, from a list of its members.

#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include <coerce/codec/codec.hpp>

namespace coerce {

/// The members of T one after the other, in the order of the list and in the built-in format. What
/// is not listed is not sent; decoding leaves it as T's default constructor made it:
///
///     template <>
///     struct coerce::Codec<Deposited>
///         : coerce::MemberCodec<Deposited, &Deposited::account, &Deposited::amount> {};
///
/// Adding, removing or reordering members changes the format: keep the old struct, and upgrade from
/// it (coerce/codec/type_table.hpp).
template <class T, auto... Members>
struct MemberCodec {
  static Result<void> encode(const T& value, Bytes& out) {
    static_assert((Transmittable<Member<Members>> && ...),
                  "coerce: MemberCodec lists a member whose type has no codec");
    return detail::guarded_write(out, [&] { return detail::write_parts(out, value.*Members...); });
  }

  static Result<T> decode(BytesView bytes, const CodecLimits& limits = {}) {
    static_assert(std::default_initializable<T>,
                  "coerce: MemberCodec needs a default constructor of the struct");
    if (bytes.size() > limits.max_bytes)
      return unexpected(detail::too_many_bytes(bytes.size(), limits.max_bytes));
    return detail::guarded_read<T>([&]() -> Result<T> {
      detail::Reader reader(bytes, limits);
      Result<T> value(tl::in_place);
      Result<void> done;
      (void)((done = read_into(reader, (*value).*Members)) && ...);
      if (done) done = reader.finish();
      if (!done) value = unexpected(std::move(done).error());
      return value;
    });
  }

 private:
  template <auto M>
  using Member = std::remove_cvref_t<decltype(std::declval<T&>().*M)>;

  template <class V>
  static Result<void> read_into(detail::Reader& reader, V& member) {
    auto read = detail::read_field<V>(reader);
    if (!read) return unexpected(std::move(read).error());
    member = std::move(*read);
    return {};
  }
};

}  // namespace coerce
