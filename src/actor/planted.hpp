/// \file
/// Errors that are planted on purpose, to see whether the tests would find them. Only a program of
/// the tests has any: elsewhere the question is answered when the code is compiled.

#pragma once

#include <cstdint>

namespace coerce::detail {

enum class Bug : std::uint8_t {
  None,
  FinaliserSkipsWatchers,  ///< the watchers of an actor that ends are not told
  RestartDropsMessage,     ///< a restart loses the message that waits first
  StopOvertakes,           ///< stop_after_drain() does not wait for what was accepted before
  RecoveryBeforeOpen,      ///< a recovery reads its journal, and opens it then
  DeletionNotFenced,       ///< a journal lets whoever had it once delete
  RetryAfterUnknown,       ///< an append of unknown outcome is done again, whatever became of it
};

#ifdef COERCE_PLANTED_BUGS
extern Bug planted_bug;
inline bool planted(Bug bug) noexcept { return planted_bug == bug; }
#else
constexpr bool planted(Bug) noexcept { return false; }
#endif

}  // namespace coerce::detail
