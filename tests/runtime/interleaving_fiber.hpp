/// \file
/// The stacks on which the threads of interleaving.hpp take turns.

#pragma once

#include <ucontext.h>

#include <coerce/runtime/detail/atomics.hpp>
#include <cstddef>
#include <memory>

#if COERCE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if COERCE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace coerce::interleaving {

/// A stack of its own that control is switched to; sanitizers are told.
class Fiber {
 public:
  /// The caller's own stack.
  Fiber() {
#if COERCE_TSAN
    tsan_ = __tsan_get_current_fiber();
#endif
  }
  explicit Fiber(void (*entry)()) : stack_(new std::byte[kStackSize]) {
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = kStackSize;
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
#if COERCE_ASAN
    bottom_ = stack_.get();
    size_ = kStackSize;
#endif
#if COERCE_TSAN
    tsan_ = __tsan_create_fiber(0);
#endif
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber() {
#if COERCE_TSAN
    if (stack_) __tsan_destroy_fiber(tsan_);
#endif
  }

  /// From this fiber to another; returns when somebody switches back.
  void switch_to(Fiber& other) {
    last_left_ = this;
#if COERCE_ASAN
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, other.bottom_, other.size_);
#endif
#if COERCE_TSAN
    __tsan_switch_to_fiber(other.tsan_, 0);
#endif
    swapcontext(&context_, &other.context_);
#if COERCE_ASAN
    arrived(fake_stack);
#endif
  }

  /// To be called first in a fiber's entry function.
  static void arrived([[maybe_unused]] void* fake_stack = nullptr) {
#if COERCE_ASAN
    Fiber& left = *last_left_;
    __sanitizer_finish_switch_fiber(fake_stack, &left.bottom_, &left.size_);
#endif
  }

 private:
  static constexpr std::size_t kStackSize = 64 * 1024;
  static inline Fiber* last_left_ = nullptr;

  ucontext_t context_;
  std::unique_ptr<std::byte[]> stack_;
#if COERCE_ASAN
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
#endif
#if COERCE_TSAN
  void* tsan_ = nullptr;
#endif
};

}  // namespace coerce::interleaving
