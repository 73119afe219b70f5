/// \file
/// Messages that an actor has put aside.

#pragma once

#include <cstddef>

#include <coerce/actor/options.hpp>
#include <coerce/runtime/detail/envelope.hpp>

namespace coerce::detail {

/// A list of envelopes, oldest first. Owner of the cell only.
struct Stash {
  Envelope* first = nullptr;
  Envelope* last = nullptr;
  std::size_t count = 0;
  std::size_t limit = MailboxOptions().stash;
};

/// Is the envelope a question that was put aside while `front` was handled?
bool answers_for(const Envelope& envelope, const Envelope& front) noexcept;

}  // namespace coerce::detail
