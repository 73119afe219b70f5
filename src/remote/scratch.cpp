#include "remote/scratch.hpp"

namespace coerce::detail {

// Never inlined, as whoever sends may be a coroutine that goes on in another thread.
[[gnu::noinline]] Scratch::ThreadBytes& Scratch::thread_bytes() noexcept {
  static thread_local ThreadBytes mine;
  return mine;
}

}  // namespace coerce::detail
