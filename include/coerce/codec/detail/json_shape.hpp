/// \file
/// The limits of JSON, before it is parsed.

#pragma once

#include <coerce/codec/detail/primary.hpp>

namespace coerce::detail {

/// An error if the text is too long, too deep, or has a container of too many elements. Says
/// nothing about texts that are no JSON, but that a parser which stops at their first mistake has
/// met no more than the limits until then.
Result<void> check_json_shape(BytesView text, const CodecLimits& limits);

}  // namespace coerce::detail
