/// \file
/// Envelopes that somebody waits for.

#pragma once

#include <coroutine>

#include <coerce/runtime/detail/worker.hpp>

namespace coerce::detail {

/// Completion::Wake: lies in a coroutine frame, which is resumed. Completion::Custom: `complete`
/// decides.
struct ReplyEnvelope : Envelope {
  ReplyEnvelope(EnvelopeOp operation, Completion completion_kind) noexcept
      : Envelope(operation, completion_kind) {}

  static bool resume(Envelope& envelope, Unit&, Op, void*) {
    static_cast<ReplyEnvelope&>(envelope).handle.resume();
    return true;
  }
  /// Any thread, once.
  void wake(ThreadState& thread) noexcept {
    op = &resume;
    waiter->wake(thread, *this);
  }
  void wake() noexcept { wake(thread_state()); }

  Unit* waiter = nullptr;
  std::coroutine_handle<> handle;
  void (*complete)(ReplyEnvelope&) noexcept = nullptr;
  /// Of a question that was put aside: the envelope that its sender waits for. Of one that nobody
  /// waits for: itself.
  ReplyEnvelope* answers_for = nullptr;
};

}  // namespace coerce::detail
