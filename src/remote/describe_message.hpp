/// \file
/// InternalKind::Describe as bytes.

#pragma once

#include <coerce/actor/describe.hpp>
#include <coerce/codec/bytes.hpp>

namespace coerce::detail {

/// Levels of a description that travel; what is below is left out.
inline constexpr std::size_t kMostLevels = 64;

struct DescribeQuestion {
  ActorId id;
  DescribeOptions options;
};

Bytes encode_question(const DescribeQuestion& question);
/// Error: Deserialisation.
Result<DescribeQuestion> decode_question(BytesView bytes);

/// About `most` bytes at the most, level by level. Where they do not suffice, an error Overloaded
/// stands for the actors that are left out.
Bytes encode_description(const DescribeResult& result, std::size_t most);
/// Error: Deserialisation, also for more levels than kMostLevels.
Result<DescribeResult> decode_description(BytesView bytes);

}  // namespace coerce::detail
