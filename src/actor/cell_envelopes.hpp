/// \file
/// The envelopes that cells send to themselves.

#pragma once

#include <coerce/actor/detail/cell.hpp>

namespace coerce::detail {

/// Does nothing: keeps a lane from being empty, or marks a place in it.
bool noop_op(Envelope& envelope, Unit& unit, Op op, void* argument);
/// Brings an owner to look at the system lane.
bool kick_op(Envelope& envelope, Unit& unit, Op op, void* argument);

inline Envelope& make_pooled(EnvelopeOp op) {
  return *new (pool_allocate(sizeof(Envelope)))
      Envelope(op, Completion::Pooled, pool_class(sizeof(Envelope)));
}

}  // namespace coerce::detail
