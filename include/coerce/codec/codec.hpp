/// \file
/// How a type becomes bytes, and bytes become a value of it.

#pragma once

#include <coerce/actor/error.hpp>
#include <coerce/codec/bytes.hpp>

namespace coerce {

/// Specialise it for a type of yours:
/// `static Result<void> encode(const T&, Bytes& out)` appends to `out`,
/// `static Result<T> decode(BytesView)` takes all of the bytes.
template <class T>
struct Codec;

}  // namespace coerce
