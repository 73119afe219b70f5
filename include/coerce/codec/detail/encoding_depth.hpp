/// \file
/// How deep values may be nested that are being encoded.

#pragma once

#include <cstddef>

#include <coerce/codec/detail/primary.hpp>

namespace coerce::detail {

/// One value deeper in the value that this thread is encoding, for as long as it lives. Counts as
/// Level does of a reader, so that what is written can be read under the same limit; it also counts
/// through codecs of users, which have no parameter for it.
class EncodingLevel {
 public:
  EncodingLevel() noexcept;
  ~EncodingLevel();
  EncodingLevel(const EncodingLevel&) = delete;
  EncodingLevel& operator=(const EncodingLevel&) = delete;
  bool fits() const noexcept { return fits_; }

 private:
  bool fits_;
};

/// While it lives, values may be nested `max_depth` deep from here on, however deep they are by
/// default. It does not widen what was granted further out.
class EncodingDepth {
 public:
  explicit EncodingDepth(std::size_t max_depth) noexcept;
  ~EncodingDepth();
  EncodingDepth(const EncodingDepth&) = delete;
  EncodingDepth& operator=(const EncodingDepth&) = delete;

 private:
  const std::size_t before_;
};

/// What is left of the depth for the value that is being encoded.
std::size_t encoding_depth_left() noexcept;

ActorRefErr too_deep_to_encode();

}  // namespace coerce::detail
