#include "remote/log_limit.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using coerce::TimePoint;
using coerce::detail::LogLimit;
using coerce::detail::SourceLimits;

TEST_CASE("So many lines pass at once, then so many a second", "[log_limit]") {
  LogLimit limit(5, 50);
  TimePoint now{1h};
  for (int i = 0; i < 50; ++i) REQUIRE(limit.pass(now));
  for (int i = 0; i < 1'000; ++i) REQUIRE_FALSE(limit.pass(now));
  now += 1s;
  for (int i = 0; i < 5; ++i) REQUIRE(limit.pass(now));
  REQUIRE_FALSE(limit.pass(now));
  now += 1h;  // not more at once than the burst, however long it was silent
  for (int i = 0; i < 50; ++i) REQUIRE(limit.pass(now));
  REQUIRE_FALSE(limit.pass(now));
}

TEST_CASE("A source that causes many lines silences no other one, and its own are counted",
          "[log_limit]") {
  SourceLimits limits;
  TimePoint now{1h};
  int passed = 0;
  for (int i = 0; i < 1'000; ++i) passed += limits.pass("noisy", now) ? 1 : 0;
  REQUIRE(passed == 50);
  REQUIRE(limits.pass("quiet", now) == 950u);
  REQUIRE(limits.pass("other", now) == 0u);
}

TEST_CASE("Many sources together cause no more lines than all may", "[log_limit]") {
  SourceLimits limits;
  TimePoint now{1h};
  int passed = 0;
  for (int i = 0; i < 10'000; ++i)
    passed += limits.pass("stranger " + std::to_string(i), now) ? 1 : 0;
  REQUIRE(passed == 500);
  REQUIRE_FALSE(limits.pass("quiet", now));
  now += 1s;
  REQUIRE(limits.pass("quiet", now) == 10'001u - 500);
}

TEST_CASE("Of more sources than are remembered the one last heard of longest ago begins anew",
          "[log_limit]") {
  SourceLimits limits;
  TimePoint now{1h};
  for (int i = 0; i < 60; ++i) (void)limits.pass("noisy", now);
  REQUIRE_FALSE(limits.pass("noisy", now));
  for (std::size_t i = 1; i < SourceLimits::kMostSources; ++i)
    REQUIRE(limits.pass(std::to_string(i), now + 1ms));
  REQUIRE_FALSE(limits.pass("noisy", now + 2ms));  // still known, and now the latest
  REQUIRE(limits.pass("one more", now + 2ms));     // in the place of another
  REQUIRE_FALSE(limits.pass("noisy", now + 2ms));
  for (std::size_t i = 0; i < SourceLimits::kMostSources; ++i)
    (void)limits.pass("later " + std::to_string(i), now + 3ms);
  REQUIRE(limits.pass("noisy", now + 20s));
}
