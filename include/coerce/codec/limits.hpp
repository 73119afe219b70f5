/// \file
/// How much a decoder takes.

#pragma once

#include <cstddef>
#include <type_traits>

namespace coerce {

/// Bounds of one decoding. What goes over one is an error and decodes nothing.
///
/// Whatever the limits, a decoder takes no more memory than a multiple of the bytes that are there:
/// lengths and counts that were read are compared with what is left before anything is made for
/// them.
struct CodecLimits {
  std::size_t max_bytes = 4u << 20;     ///< of the whole value
  std::size_t max_elements = 1u << 20;  ///< of any one container
  std::size_t max_depth = 64;           ///< values in values in values
};
static_assert(std::is_trivially_destructible_v<CodecLimits> && std::is_aggregate_v<CodecLimits>);

}  // namespace coerce
