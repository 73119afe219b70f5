/// \file
/// How one message type of one actor type goes from node to node.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <coerce/actor/detail/foreign.hpp>
#include <coerce/actor/detail/ownership.hpp>
#include <coerce/codec/codec.hpp>
#include <coerce/remote/node.hpp>

namespace coerce {

/// May this node do it? What it says of itself (roles, attributes) is as true as its proof: see
/// Authenticator. Called on any thread, also by several at once; must not block.
using RemotePermission = std::function<bool(const NodeDescription& node)>;

}  // namespace coerce

namespace coerce::detail {

/// Without a permission everybody may; one that throws says no.
bool is_allowed(const RemotePermission& permission, const NodeDescription& node) noexcept;

/// Where the answer to a request of another node goes; thread-safe, never waits. What it is given
/// after its link has ended is dropped: the asker has been told Unreachable.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void reply(std::uint64_t request, BytesView answer) noexcept = 0;
  virtual void reply_error(std::uint64_t request, ActorRefErr error) noexcept = 0;
};

/// A request of another node.
struct InboundRequest {
  std::shared_ptr<ReplySink> sink;
  std::uint64_t id;
  TimePoint deadline;
};

/// Functions for one pair of an actor type and a message type.
struct RemoteHandler {
  std::string name;  ///< the same on all nodes
  const void* actor_key;
  const void* message_key;
  const CellType* cell_type;
  std::string_view actor_type;
  std::string_view message_type;

  // ---- on the sender's node
  /// Appends to `out`. Error: Serialisation.
  std::optional<ActorRefErr> (*encode)(const void* message, Bytes& out);
  /// Set the answer of an asker, which the caller completes then. A reply that cannot be decoded
  /// becomes Deserialisation.
  void (*take_reply)(ReplyEnvelope& asker, BytesView reply) noexcept;
  void (*take_error)(ReplyEnvelope& asker, ActorRefErr error) noexcept;

  // ---- on the receiver's node; `target` is a cell of cell_type
  /// Errors: Deserialisation, MailboxFull, InvalidRef.
  std::optional<ActorRefErr> (*notify)(Cell& target, BytesView message);
  /// The same; without an error `request` is answered exactly once, perhaps before this returns.
  std::optional<ActorRefErr> (*request)(Cell& target, BytesView message, InboundRequest request);

  std::size_t index = 0;  ///< in its table
  RemotePermission allowed{};
};

/// Timeout, certainly not handled.
ActorRefErr expired();
ActorRefErr fenced();

/// A message of another node that waits for its answer here.
template <class A, class M>
struct InboundCall : SendEnvelope<M> {
  InboundCall(M&& message, InboundRequest from)
      : SendEnvelope<M>(&handle_in_time, Completion::Custom, std::move(message)),
        request(std::move(from)) {
    this->complete = &completed;
  }

  /// What has waited beyond its deadline is not handled.
  static bool handle_in_time(Envelope& envelope, Unit& unit, Op op, void* argument) {
    auto& self = static_cast<InboundCall&>(envelope);
    if (op == Op::Run && now(*unit.scheduler) >= self.request.deadline) {
      self.answer.emplace(coerce::unexpected(expired()));
      return true;
    }
    const bool done = kSendOp<A, M>(envelope, unit, op, argument);
    // A newer owner may not know what this one has done.
    if (done && op <= Op::Collect && !may_act(cell_of(unit)))
      self.answer.emplace(coerce::unexpected(fenced()));
    // Put aside, the message is in another envelope, whose function is the plain one.
    if (op == Op::Identity) static_cast<MessageIdentity*>(argument)->op = kSendOp<A, M>;
    return done;
  }

  static void completed(ReplyEnvelope& envelope) noexcept {
    auto& self = static_cast<InboundCall&>(envelope);
    send_back(self.request, *self.answer);
    self.drop_metadata();
    self.~InboundCall();
    pool_free(&self, sizeof(InboundCall));
  }

  static void send_back(const InboundRequest& request, Result<MessageResult<M>>& outcome) noexcept {
    if (!outcome) {
      request.sink->reply_error(request.id, std::move(outcome).error());
      return;
    }
    using R = MessageResult<M>;
    Bytes bytes;
    Result<void> encoded;
    if constexpr (std::is_void_v<R>)
      encoded = {};
    else if constexpr (Transmittable<R>)
      encoded = guarded_write(bytes, [&] { return Codec<R>::encode(*outcome, bytes); });
    else
      encoded =
          coerce::unexpected(not_transmittable(ActorRefErrKind::Serialisation, type_name_of<R>()));
    if (encoded)
      request.sink->reply(request.id, bytes);
    else
      request.sink->reply_error(request.id, std::move(encoded).error());
  }

  InboundRequest request;
};

/// How long a message may be is the link's matter.
inline CodecLimits limits_of(BytesView bytes) noexcept { return {.max_bytes = bytes.size()}; }

template <class A, class M>
struct RemoteHandlerOf {
  static std::optional<ActorRefErr> encode(const void* message, Bytes& out) {
    if constexpr (Transmittable<M>) {
      auto done = guarded_write(
          out, [&] { return Codec<M>::encode(*static_cast<const M*>(message), out); });
      if (!done) return std::move(done).error();
      return std::nullopt;
    } else {
      (void)message, (void)out;
      return not_transmittable(ActorRefErrKind::Serialisation, type_name_of<M>());
    }
  }

  static void take_reply(ReplyEnvelope& asker, BytesView reply) noexcept {
    static_cast<SendEnvelope<M>&>(asker).answer.emplace(
        decode_message<MessageResult<M>>(reply, limits_of(reply)));
  }
  static void take_error(ReplyEnvelope& asker, ActorRefErr error) noexcept {
    static_cast<SendEnvelope<M>&>(asker).answer.emplace(coerce::unexpected(std::move(error)));
  }

  static std::optional<ActorRefErr> notify(Cell& target, BytesView bytes) {
    auto message = decode_message<M>(bytes, limits_of(bytes));
    if (!message) return std::move(message).error();
    auto pushed = notify_cell<M>(target, kNotifyOp<A, M>, std::move(*message));
    if (!pushed) return std::move(pushed).error();
    return std::nullopt;
  }

  static std::optional<ActorRefErr> request(Cell& target, BytesView bytes, InboundRequest from) {
    auto message = decode_message<M>(bytes, limits_of(bytes));
    if (!message) return std::move(message).error();
    using Call = InboundCall<A, M>;
    const TimePoint deadline = from.deadline;
    auto* call = new (pool_allocate(sizeof(Call))) Call(std::move(*message), std::move(from));
    set_deadline(*call, deadline);
    const Pushed pushed = target.push(thread_state(), *call);
    if (pushed == Pushed::Taken) return std::nullopt;
    call->drop_metadata();
    call->~Call();
    pool_free(call, sizeof(Call));
    return refusal(target, pushed);
  }

  static RemoteHandler make(std::string name) {
    return {.name = std::move(name),
            .actor_key = &kActorKey<A>,
            .message_key = &kMessageKey<M>,
            .cell_type = &ActorCell<A>::kType,
            .actor_type = type_name_of<A>(),
            .message_type = type_name_of<M>(),
            .encode = &encode,
            .take_reply = &take_reply,
            .take_error = &take_error,
            .notify = &notify,
            .request = &request};
  }
};

}  // namespace coerce::detail
