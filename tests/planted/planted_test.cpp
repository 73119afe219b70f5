// Would the scenarios find an error? A few are planted, one at a time, in this program's own build
// of the parts of the library that are concerned.

#include "actor/planted.hpp"

#include "testkit/scenarios.hpp"

#include <coerce/testkit.hpp>

#include <catch2/catch.hpp>
#include <string>

namespace coerce::detail {
Bug planted_bug = Bug::None;
}

namespace {

using coerce::detail::Bug;
using coerce::detail::planted_bug;
using coerce::test::scenarios::kAll;

class Planted {
 public:
  explicit Planted(Bug bug) { planted_bug = bug; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
  ~Planted() { planted_bug = Bug::None; }
};

/// The scenarios that fail within so many seeds, each with its seed.
std::string found_within(std::uint64_t seeds) {
  std::string found;
  for (const auto& scenario : kAll) {
    const auto report = coerce::testkit::explore(scenario.run, {.seeds = seeds});
    if (!report.passed)
      found +=
          std::string(scenario.name) + " with seed " + std::to_string(report.failing_seed) + "; ";
  }
  return found;
}

}  // namespace

TEST_CASE("a finaliser that skips watchers is found", "[planted]") {
  const Planted bug(Bug::FinaliserSkipsWatchers);
  const std::string found = found_within(200);
  INFO(found);
  CHECK(found.find("watchers_are_told_exactly_once") != std::string::npos);
}

TEST_CASE("a restart that drops a message is found", "[planted]") {
  const Planted bug(Bug::RestartDropsMessage);
  const std::string found = found_within(200);
  INFO(found);
  CHECK(found.find("restarts_lose_no_message") != std::string::npos);
}

TEST_CASE("a stop that overtakes a message accepted before it is found", "[planted]") {
  const Planted bug(Bug::StopOvertakes);
  const std::string found = found_within(200);
  INFO(found);
  CHECK(found.find("drain_handles_what_was_accepted") != std::string::npos);
}

TEST_CASE("without a planted error nothing is found", "[planted]") {
  CHECK(found_within(20) == "");
}
