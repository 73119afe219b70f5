/// \file
/// The figures of all rounds, as a table.

#pragma once

#include "job.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace remote_bench {

/// What one contender did of one job, round after round; nothing in a round that failed.
struct Row {
  std::string job;
  std::string contender;
  Kind kind;
  bool single;          ///< one request in flight: judged by its round trip
  std::size_t payload;  ///< bytes
  std::vector<std::optional<Outcome>> rounds;
};

/// Prints `rows` in Markdown. Ratios are to the row of the same job whose contender is
/// `compared_to`, taken in each round, above 1: better than it.
void print(const std::vector<Row>& rows, const std::string& compared_to);

}  // namespace remote_bench
