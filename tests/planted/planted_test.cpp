// Would the scenarios find an error? A few are planted, one at a time, in this program's own build
// of the parts of the library that are concerned.

#include "planted/planted.hpp"

#include <catch2/catch.hpp>

#include "testkit/scenarios.hpp"

namespace coerce::detail {
Bug planted_bug = Bug::None;
}

namespace {

using coerce::detail::Bug;
using coerce::test::found_within;
using coerce::test::Planted;
using coerce::test::scenarios::kAll;

}  // namespace

TEST_CASE("a finaliser that skips watchers is found", "[planted]") {
  const Planted bug(Bug::FinaliserSkipsWatchers);
  const std::string found = found_within(kAll, 200);
  INFO(found);
  CHECK(found.find("watchers_are_told_exactly_once") != std::string::npos);
}

TEST_CASE("a restart that drops a message is found", "[planted]") {
  const Planted bug(Bug::RestartDropsMessage);
  const std::string found = found_within(kAll, 200);
  INFO(found);
  CHECK(found.find("restarts_lose_no_message") != std::string::npos);
}

TEST_CASE("a stop that overtakes a message accepted before it is found", "[planted]") {
  const Planted bug(Bug::StopOvertakes);
  const std::string found = found_within(kAll, 200);
  INFO(found);
  CHECK(found.find("drain_handles_what_was_accepted") != std::string::npos);
}

TEST_CASE("without a planted error nothing is found", "[planted]") {
  CHECK(found_within(kAll, 20) == "");
}
