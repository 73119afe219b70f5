/// \file
/// What the server does for a journal: one script, one atomic step.

#pragma once

#include <array>
#include <cstddef>

#include "coordination/redis/client.hpp"

namespace coerce::detail::redis {

/// Places in kJournalScripts.
enum class JournalScript : std::size_t {
  Open,
  Reopen,
  Append,
  Read,
  Head,
  WriteSnapshot,
  ReadLatestSnapshot,
  DeleteEvents,
  DeleteSnapshots,
  DeleteAll,
  ReadByTag,
};

extern const std::array<Script, 11> kJournalScripts;

}  // namespace coerce::detail::redis
