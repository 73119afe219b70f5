/// \file
/// One of the processes that share a file.

#pragma once

#include <cstdint>
#include <string>

namespace coerce::test {

struct WorkerReport {
  std::uint64_t appended = 0;     ///< events, until the time was over
  std::uint64_t lost_leases = 0;  ///< renewals that failed or came too late
  std::uint64_t renewals = 0;
  std::uint64_t failed = 0;      ///< operations on the journal
  std::uint64_t slowest_ms = 0;  ///< append
};

/// Appends to its own journals in `directory` with many tasks for so many seconds, and keeps a
/// lease meanwhile.
WorkerReport work(const std::string& directory, const std::string& name, int seconds);

}  // namespace coerce::test
