/// \file
/// System messages that nobody waits for.

#pragma once

#include <coerce/actor/detail/cell.hpp>

namespace coerce::detail {

/// Asks an actor to stop; does nothing if it has ended. The caller holds the cell in memory.
void post_stop(Cell& cell, StopReasonKind kind) noexcept;

/// Tells an actor that a child, its own or an attached one, has ended; hands over one count of the
/// child's memory.
void tell_child_ended(Cell& parent, Cell& ended) noexcept;

}  // namespace coerce::detail
