/// \file
/// What a message carries besides itself: its sender, its deadline.

#pragma once

#include <coerce/actor/detail/cell.hpp>

namespace coerce::detail {

/// The name of its type.
std::string_view name_of(const Envelope& envelope, Cell& cell) noexcept;
/// The end of time if the message has none.
TimePoint deadline_of(const Envelope& envelope) noexcept;
/// What is sent from the unit now inherits the deadline of the message that it is handling.
TimePoint inherited_deadline(Unit& sender) noexcept;
/// Says who sends the message and until when its answer is wanted; nothing if it is nobody and for
/// ever. The envelope keeps the sender in memory.
void set_facts(Envelope& envelope, Cell* sender, TimePoint deadline);
void copy_facts(const Envelope& from, Envelope& to);

}  // namespace coerce::detail
