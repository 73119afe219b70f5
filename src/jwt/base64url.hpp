/// \file
/// Bytes as the text of a token (RFC 4648 §5, without padding).

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

std::string to_base64url(BytesView bytes);
/// None unless `text` is the one text of its bytes: no padding, no other characters, no bits left
/// over that are set.
std::optional<Bytes> from_base64url(std::string_view text);

}  // namespace coerce::detail
