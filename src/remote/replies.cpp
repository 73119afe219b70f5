#include "remote/replies.hpp"

namespace coerce::detail {

namespace {

/// The message was handled; only its answer could not be sent.
ActorRefErr answer_lost(ActorRefErrKind kind, std::string_view why) {
  return ErrorAccess::restore(kind, ActorRefErrOutcome::Handled, {}, {}, {}, why, {});
}

}  // namespace

bool Replies::begin(std::size_t limit) noexcept {
  if (answering_->fetch_add(1, std::memory_order_relaxed) < limit) return true;
  end();
  return false;
}

void Replies::reply(std::uint64_t request, BytesView answer) noexcept {
  end();
  const Queued queued = outbox_->push_reply(link_, FrameKind::Reply, request, answer);
  if (queued == Queued::Full)
    refuse(request, answer_lost(ActorRefErrKind::Overloaded,
                                "too many answers wait for the link to the asker's node"));
  else if (queued == Queued::TooLarge)
    refuse(request, answer_lost(ActorRefErrKind::Serialisation,
                                "the answer is longer than the asker's node takes"));
}

void Replies::reply_error(std::uint64_t request, ActorRefErr error) noexcept {
  end();
  refuse(request, error);
}

void Replies::refuse(std::uint64_t request, const ActorRefErr& error) noexcept {
  Result<Bytes> bytes = encode_message(error);
  if (!bytes || outbox_->push_reply(link_, FrameKind::Error, request, *bytes) == Queued::TooLarge) {
    bytes = encode_message(ErrorAccess::restore(error.kind(), error.outcome(), {}, {}, {}, {}, {}));
    if (bytes) (void)outbox_->push_reply(link_, FrameKind::Error, request, *bytes);
  }
}

}  // namespace coerce::detail
