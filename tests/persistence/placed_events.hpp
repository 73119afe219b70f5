/// \file
/// Events that say where in their journal they belong, to find what was lost, doubled or torn.

#pragma once

#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "persistence/redis_fixture.hpp"

namespace coerce::test {

/// A batch for behind `head`.
inline std::vector<JournalEntry> placed_batch(std::int64_t head, std::uint64_t size) {
  std::vector<JournalEntry> batch;
  for (std::uint64_t i = 1; i <= size; ++i) {
    std::ostringstream text;
    text << head + static_cast<std::int64_t>(i) << ' ' << head + 1 << ' ' << size;
    batch.push_back(event(text.str()));
  }
  return batch;
}

/// Each event is where it says that it belongs, each batch is whole, and what was acknowledged is
/// there.
inline void check_placed(RedisJournals& journals, const std::string& id,
                         std::int64_t acknowledged) {
  const auto opened = journals.run(journals->open(id));
  REQUIRE(opened);
  REQUIRE(opened->head >= acknowledged);
  const auto read = journals.run(journals->read(id, 1, std::numeric_limits<std::int64_t>::max(),
                                                std::numeric_limits<std::size_t>::max()));
  REQUIRE(read);
  REQUIRE(static_cast<std::int64_t>(read->size()) == opened->head);
  std::int64_t expected = 0;
  std::int64_t batch_end = 0;
  for (const JournalEntry& entry : *read) {
    std::istringstream text{std::string(text_of(entry.bytes))};
    std::int64_t sequence = 0, begin = 0, size = 0;
    text >> sequence >> begin >> size;
    ++expected;
    if (expected > batch_end) batch_end = begin + size - 1;
    const bool is_in_place = entry.sequence == expected && sequence == expected &&
                             begin <= sequence && begin + size - 1 == batch_end;
    REQUIRE(is_in_place);
  }
  REQUIRE(batch_end == opened->head);
}

}  // namespace coerce::test
