/// \file
/// The message that says that no message came.

#pragma once

#include <string_view>

#include <coerce/actor/detail/send.hpp>

namespace coerce {

/// See ActorContext::set_receive_timeout().
struct ReceiveTimeout {
  static constexpr std::string_view type_name = "ReceiveTimeout";
};

namespace detail {

/// Before a ReceiveTimeout is handled. False: a message was handled since it was queued, or it was
/// cancelled.
bool begin_receive_timeout(Cell& cell) noexcept;

template <class A>
bool receive_timeout_message(Envelope& envelope, Unit& unit, Op op, void* argument) {
  const bool unwanted =
      op == Op::Reject || (op == Op::Run && !begin_receive_timeout(cell_of(unit)));
  if (unwanted) return true;
  constexpr EnvelopeOp as_any_message = &message_op<A, ReceiveTimeout, false>;
  const bool done = as_any_message(envelope, unit, op, argument);
  if (op == Op::Identity) static_cast<MessageIdentity*>(argument)->op = as_any_message;
  return done;
}

template <class A>
constexpr EnvelopeOp receive_timeout_op() noexcept {
  if constexpr (Handler<A, ReceiveTimeout>)
    return &receive_timeout_message<A>;
  else
    return nullptr;
}

}  // namespace detail
}  // namespace coerce
