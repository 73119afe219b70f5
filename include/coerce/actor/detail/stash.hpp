/// \file
/// How a message is put aside.

#pragma once

#include <utility>

#include <coerce/actor/detail/send.hpp>

namespace coerce::detail {

/// Where a message that is put aside came from.
struct StashOrigin {
  Envelope* envelope = nullptr;  ///< null: it cannot be put aside, `error` says why
  EnvelopeOp op = nullptr;       ///< handles it again
  ActorRefErr error = ActorRefErr::NotSupported();
};

StashOrigin stash_origin(Cell& cell, const void* message_key, std::string_view message_type);
/// Takes the metadata of the origin along.
void put_aside(Cell& cell, Envelope& origin, Envelope& stashed) noexcept;

/// Whose sender waits: its answer is passed on to the envelope that the sender waits for.
template <class M>
struct StashedQuestion : SendEnvelope<M> {
  template <class T>
  StashedQuestion(EnvelopeOp operation, T&& message, SendEnvelope<M>& asked)
      : SendEnvelope<M>(operation, Completion::Custom, std::forward<T>(message)),
        origin_completion(asked.completion) {
    this->complete = &completed;
    this->answers_for = &asked;
  }

  static void completed(ReplyEnvelope& envelope) noexcept {
    auto* self = static_cast<StashedQuestion*>(&envelope);
    auto& origin = static_cast<SendEnvelope<M>&>(*self->answers_for);
    origin.answer = std::move(self->answer);
    origin.completion = self->origin_completion;
    self->drop_metadata();
    self->~StashedQuestion();
    pool_free(self, sizeof(StashedQuestion));
    complete_slow(thread_state(), origin);
  }

  Completion origin_completion;
};

template <class M, class T>
Result<void> stash_message(Cell& cell, T&& message) {
  const StashOrigin from = stash_origin(cell, &kMessageKey<M>, type_name_of<M>());
  if (from.envelope == nullptr) return coerce::unexpected(from.error);
  Envelope& origin = *from.envelope;
  if (origin.completion == Completion::Pooled) {
    auto* stashed = new (pool_allocate(sizeof(NotifyEnvelope<M>)))
        NotifyEnvelope<M>(from.op, std::forward<T>(message));
    put_aside(cell, origin, *stashed);
  } else {
    auto& question = static_cast<SendEnvelope<M>&>(origin);
    auto* stashed = new (pool_allocate(sizeof(StashedQuestion<M>)))
        StashedQuestion<M>(from.op, std::forward<T>(message), question);
    put_aside(cell, origin, *stashed);
    question.completion = Completion::Static;  // its answer comes later
  }
  return {};
}

}  // namespace coerce::detail

namespace coerce {

template <class M>
Result<void> ActorContext::stash(M&& message) {
  detail::refuse_awaited_temporary<M>();
  return detail::stash_message<std::remove_cvref_t<M>>(cell(), std::forward<M>(message));
}

}  // namespace coerce
