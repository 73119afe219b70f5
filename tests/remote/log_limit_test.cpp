#include <catch2/catch.hpp>

#include "remote/node_world.hpp"

using namespace std::chrono_literals;
using coerce::TimePoint;
using coerce::detail::LogLimit;

TEST_CASE("So many lines pass at once, then so many a second, and the others are counted",
          "[log_limit]") {
  LogLimit limit(5, 50);
  TimePoint now{1h};
  for (int i = 0; i < 50; ++i) REQUIRE(limit.pass(now) == 0u);
  for (int i = 0; i < 1'000; ++i) REQUIRE_FALSE(limit.pass(now));
  now += 1s;
  REQUIRE(limit.pass(now) == 1'000u);
  for (int i = 0; i < 4; ++i) REQUIRE(limit.pass(now) == 0u);
  REQUIRE_FALSE(limit.pass(now));
  now += 1h;  // not more at once than the burst, however long it was silent
  REQUIRE(limit.pass(now) == 1u);
  for (int i = 0; i < 49; ++i) REQUIRE(limit.pass(now) == 0u);
  REQUIRE_FALSE(limit.pass(now));
}
