#include <coerce/codec/detail/encoding_depth.hpp>

#include <algorithm>

namespace coerce::detail {

namespace {
constinit thread_local EncodingDepthLeft this_thread_depth;
}  // namespace

// Never inlined: compilers may otherwise keep the address of a thread_local where a coroutine moves
// to another thread.
[[gnu::noinline]] EncodingDepthLeft& encoding_depth() noexcept { return this_thread_depth; }

EncodingDepth::EncodingDepth(std::size_t max_depth) noexcept : before_(encoding_depth().left) {
  EncodingDepthLeft& now = encoding_depth();
  now.left = now.open == 0 ? max_depth : std::min(now.left, max_depth);
  ++now.open;
}

EncodingDepth::~EncodingDepth() {
  EncodingDepthLeft& now = encoding_depth();
  now.left = before_;
  --now.open;
}

ActorRefErr too_deep_to_encode() {
  return ActorRefErr::Serialisation("nested deeper than the limit");
}

}  // namespace coerce::detail
