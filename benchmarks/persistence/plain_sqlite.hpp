/// \file
/// The same rows without a library: what a journal in SQLite costs at least.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace persistence_bench {

struct PlainWork {
  std::size_t journals = 1;
  std::size_t events = 1;
  std::size_t group = 1;  ///< events of a transaction
  std::size_t event_bytes = 0;
  bool sync = true;
};

/// Writes the events round the journals, an insert and the journal's new head for each, and gives
/// the seconds that it took, the making of the file not included. Throws std::runtime_error.
double write_plainly(const std::string& path, const PlainWork& work);

}  // namespace persistence_bench
