/// \file
/// Judges the history of writers that raced for one journal. Knows nothing of journals but what
/// was asked, what was answered, and what is stored at the end.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coerce::testkit::conformance::detail {

/// Moments are counted over all calls and answers of one history.
using Moment = std::uint64_t;

struct AppendRecord {
  enum class Outcome : std::uint8_t { Acknowledged, NotWritten, Unknown };

  std::uint64_t opening = 0;         ///< of its token
  std::vector<std::string> texts{};  ///< of its events; no two of a history are the same
  Moment called = 0;
  Moment answered = 0;
  Outcome outcome = Outcome::Unknown;
  std::int64_t head = 0;  ///< that was acknowledged
};

struct OpeningRecord {
  std::uint64_t opening = 0;
  std::int64_t head = 0;  ///< that was given
  Moment called = 0;
  Moment answered = 0;
};

struct JournalHistory {
  std::vector<AppendRecord> appends;
  std::vector<OpeningRecord> openings;
  std::vector<std::string> stored;  ///< events by their sequence, which begins at 1
};

/// Says what is wrong, if anything:
/// an acknowledged append is there exactly once, where it was said to be, in one piece; one with an
/// unknown outcome at most once, in one piece; one that was refused not at all, and nothing else;
/// who began after another was acknowledged comes behind it; and behind the head that an opening
/// was given nothing of an earlier opening comes, before it nothing of itself or a later one.
std::optional<std::string> judge(const JournalHistory& history);

}  // namespace coerce::testkit::conformance::detail
