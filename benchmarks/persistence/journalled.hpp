/// \file
/// What is measured of coerce's journals in SQLite.

#pragma once

#include <cstddef>
#include <string>

namespace persistence_bench {

inline constexpr std::size_t event_bytes = 64;

struct Work {
  std::size_t actors = 1;
  std::size_t events = 1;  ///< of all actors together; a multiple of their number
  bool sync = true;
};

struct Written {
  double seconds = 0;
  std::size_t commits = 0;
};
/// Every actor persists its events one after the other, all actors at the same time. Their start is
/// not included. Throws std::runtime_error.
Written write_events(const std::string& path, const Work& work);

struct Recovered {
  double seconds = 0;
  double most_mib = 0;  ///< resident memory at its highest, beyond that before the first start
};
/// Fills the journals, each with its share of the events.
void fill(const std::string& path, const Work& work);
/// Starts all actors at the same time and waits for them, in a new system.
Recovered recover(const std::string& path, const Work& work);

}  // namespace persistence_bench
