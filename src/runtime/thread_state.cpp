#include <coerce/runtime/detail/thread_state.hpp>

#include <sched.h>

namespace coerce::detail {

constinit thread_local ThreadState this_thread_state;

ThreadState& thread_state() noexcept {
  asm volatile("");  // keeps the call from being treated as pure, and so from being merged
  return this_thread_state;
}

void back_off(unsigned& spins) noexcept {
  if (++spins < 200)
    cpu_relax();
  else
    ::sched_yield();
}

}  // namespace coerce::detail
