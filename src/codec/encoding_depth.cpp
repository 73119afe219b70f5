#include <coerce/codec/detail/encoding_depth.hpp>

#include <algorithm>

namespace coerce::detail {

namespace {

struct Depth {
  std::size_t left = CodecLimits().max_depth;
  std::size_t open = 0;  ///< levels and grants that live; 0: nothing is being encoded
};

constinit thread_local Depth this_thread_depth;

/// Never inlined: compilers may otherwise keep the address of a thread_local where a coroutine
/// moves to another thread.
[[gnu::noinline]] Depth& depth() noexcept { return this_thread_depth; }

}  // namespace

EncodingLevel::EncodingLevel() noexcept {
  Depth& now = depth();
  fits_ = now.left > 0;
  if (!fits_) return;
  --now.left;
  ++now.open;
}

EncodingLevel::~EncodingLevel() {
  if (!fits_) return;
  Depth& now = depth();
  ++now.left;
  --now.open;
}

EncodingDepth::EncodingDepth(std::size_t max_depth) noexcept : before_(depth().left) {
  Depth& now = depth();
  now.left = now.open == 0 ? max_depth : std::min(now.left, max_depth);
  ++now.open;
}

EncodingDepth::~EncodingDepth() {
  Depth& now = depth();
  now.left = before_;
  --now.open;
}

std::size_t encoding_depth_left() noexcept { return depth().left; }

ActorRefErr too_deep_to_encode() {
  return ActorRefErr::Serialisation("nested deeper than the limit");
}

}  // namespace coerce::detail
