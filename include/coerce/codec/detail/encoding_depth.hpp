/// \file
/// How deep values may be nested that are being encoded.

#pragma once

#include <cstddef>

#include <coerce/codec/detail/primary.hpp>

namespace coerce::detail {

struct EncodingDepthLeft {
  std::size_t left = CodecLimits().max_depth;
  std::size_t open = 0;  ///< levels and grants that live; 0: nothing is being encoded
};
/// Of this thread.
EncodingDepthLeft& encoding_depth() noexcept;

/// One value deeper in the value that this thread is encoding, for as long as it lives. Counts as
/// Level does of a reader, so that what is written can be read under the same limit; it also counts
/// through codecs of users, which have no parameter for it. It ends in the thread that made it.
class EncodingLevel {
 public:
  EncodingLevel() noexcept : depth_(encoding_depth()), fits_(depth_.left > 0) {
    if (!fits_) return;
    --depth_.left;
    ++depth_.open;
  }
  ~EncodingLevel() {
    if (!fits_) return;
    ++depth_.left;
    --depth_.open;
  }
  EncodingLevel(const EncodingLevel&) = delete;
  EncodingLevel& operator=(const EncodingLevel&) = delete;
  bool fits() const noexcept { return fits_; }

 private:
  EncodingDepthLeft& depth_;
  const bool fits_;
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
inline std::size_t encoding_depth_left() noexcept { return encoding_depth().left; }

ActorRefErr too_deep_to_encode();

}  // namespace coerce::detail
