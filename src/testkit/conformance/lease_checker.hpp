/// \file
/// Judges the history of owners that tried for one lease. Knows nothing of leases but what was
/// asked and answered, and when.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <coerce/actor/epoch.hpp>
#include <coerce/runtime/clock.hpp>

namespace coerce::testkit::conformance::detail {

struct LeaseRecord {
  enum class Call : std::uint8_t { Acquire, Renew, Release };
  enum class Answer : std::uint8_t {
    Yes,     ///< granted, renewed, released
    No,      ///< somebody else's, lost
    Unknown  ///< an error
  };

  Call call = Call::Acquire;
  Answer answer = Answer::Unknown;
  std::string owner{};
  Epoch epoch{};   ///< granted, or that the call named
  Duration ttl{};  ///< of the acquisition that the call is about
  TimePoint asked{};
  TimePoint answered{};
  /// Counted over all calls and answers of a history: in virtual time many share one moment.
  std::uint64_t asked_as = 0;
  std::uint64_t answered_as = 0;
};

/// Says what is wrong, if anything. `slack`: how far the store's time may be from that of the
/// records. Owners name in renew() and release() what they were granted, and nobody else's.
std::optional<std::string> judge(const std::vector<LeaseRecord>& history, Duration slack);

}  // namespace coerce::testkit::conformance::detail
