// What the library's own parts say to those of another node.

#include <fmt/format.h>

#include "remote/errors.hpp"
#include "remote/peer.hpp"

namespace coerce::detail {

namespace {

struct AskEnvelope : ReplyEnvelope {
  AskEnvelope() noexcept : ReplyEnvelope(&ReplyEnvelope::resume, Completion::Wake) {}
  std::optional<Result<Bytes>> answer;
};

/// How an ask gets its answer.
const RemoteHandler& ask_handler() {
  static const RemoteHandler handler = [] {
    RemoteHandler made{};
    made.take_reply = [](ReplyEnvelope& asker, BytesView reply) noexcept {
      static_cast<AskEnvelope&>(asker).answer.emplace(Bytes(reply.begin(), reply.end()));
    };
    made.take_error = [](ReplyEnvelope& asker, ActorRefErr error) noexcept {
      static_cast<AskEnvelope&>(asker).answer.emplace(coerce::unexpected(std::move(error)));
    };
    return made;
  }();
  return handler;
}

}  // namespace

class Peer::AskAwaiter : AskEnvelope, CancelNode {
 public:
  AskAwaiter(Peer& peer, InternalKind kind, BytesView payload, Duration timeout) noexcept
      : CancelNode(&cancelled), peer_(peer), kind_(kind), payload_(payload), timeout_(timeout) {}

  bool await_ready() const noexcept { return false; }
  template <UnitPromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    waiter = caller.promise().unit;
    handle = caller;
    CancelScope& scope = *caller.promise().scope;
    if (scope.requested()) {
      answer.emplace(coerce::unexpected(ActorRefErr::Cancelled()));
      return false;
    }
    scope.add(*this);
    return send();
  }
  Result<Bytes> await_resume() {
    CancelNode::unlink();
    return std::move(*answer);
  }

 private:
  // False: refused, and that is the answer. True: it may have been resumed elsewhere already.
  bool send() {
    Peer& peer = peer_;
    const std::uint32_t link = peer.outbox_->link();
    const TimePoint now = peer.system_.clock().now();
    const std::uint64_t number = peer.add_request({.asker = this,
                                                   .handler = &ask_handler(),
                                                   .sent = now,
                                                   .deadline = later(now, timeout_),
                                                   .link = link});
    number_ = number;
    if (number == 0) {
      answer.emplace(coerce::unexpected(ActorRefErr::Overloaded("too many requests")));
      return false;
    }
    const Queued queued = peer.outbox_->push_control(link,
                                                     {.kind = FrameKind::Ask,
                                                      .type_id = static_cast<std::uint16_t>(kind_),
                                                      .request_id = number},
                                                     payload_);
    if (queued == Queued::Taken || !peer.requests_.take(number)) return true;
    answer.emplace(coerce::unexpected(peer.refusal_of(queued)));
    return false;
  }

  // What was sent stays sent; its answer will find nobody.
  static void cancelled(CancelNode& node) noexcept {
    auto& self = static_cast<AskAwaiter&>(node);
    if (!self.peer_.requests_.take(self.number_)) return;  // somebody wakes it
    self.answer.emplace(coerce::unexpected(ActorRefErr::Cancelled()));
    self.wake();
  }

  Peer& peer_;
  const InternalKind kind_;
  const BytesView payload_;
  const Duration timeout_;
  std::uint64_t number_ = 0;
};

Task<Result<Bytes>> Peer::ask(InternalKind kind, Bytes payload, Duration timeout) {
  AskAwaiter awaiter(*this, kind, payload, timeout);
  auto answer = co_await awaiter;
  co_return answer;
}

Result<void> Peer::tell(InternalKind kind, BytesView payload, Outbox::Importance importance) {
  const FrameHeader header{.kind = FrameKind::Tell, .type_id = static_cast<std::uint16_t>(kind)};
  const Queued queued = outbox_->push_control(outbox_->link(), header, payload, importance);
  if (queued == Queued::Taken) return {};
  return coerce::unexpected(refusal_of(queued));
}

Result<void> Peer::tell_in_order(InternalKind kind, std::uint64_t number, BytesView payload) {
  const FrameHeader header{.kind = FrameKind::InOrder,
                           .type_id = static_cast<std::uint16_t>(kind),
                           .request_id = number};
  const Queued queued = outbox_->push_in_order(outbox_->link(), header, payload);
  if (queued == Queued::Taken) return {};
  return coerce::unexpected(refusal_of(queued));
}

void Peer::answer(std::uint64_t ask, Result<Bytes> answer) noexcept {
  asks_.fetch_sub(1, std::memory_order_relaxed);
  if (answer) {
    const Queued queued = outbox_->push_control(
        outbox_->link(), {.kind = FrameKind::Answer, .request_id = ask}, *answer);
    if (queued == Queued::Taken || queued == Queued::NoLink) return;
    answer = coerce::unexpected(refusal_of(queued));
  }
  if (const auto bytes = encode_message(answer.error()))
    (void)outbox_->push_control(outbox_->link(), {.kind = FrameKind::AskFailed, .request_id = ask},
                                *bytes, Outbox::Importance::Vital);
}

}  // namespace coerce::detail
