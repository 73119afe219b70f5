/// \file
/// The atomics that the lock-free parts are written against, so that a test can replace them by
/// ones that enumerate interleavings.

#pragma once

#include <atomic>

namespace coerce::detail {

#if defined(__SANITIZE_THREAD__)
#define COERCE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COERCE_TSAN 1
#endif
#endif
#ifndef COERCE_TSAN
#define COERCE_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define COERCE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COERCE_ASAN 1
#endif
#endif
#ifndef COERCE_ASAN
#define COERCE_ASAN 0
#endif

inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for another thread that is between two of its instructions: spins, then yields.
void back_off(unsigned& spins) noexcept;

struct StdAtomics {
  template <class T>
  using Atomic = std::atomic<T>;
  /// Called again and again while another thread is about to publish something.
  static void wait_step(unsigned& spins) noexcept { back_off(spins); }
};

}  // namespace coerce::detail
