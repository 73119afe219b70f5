#include <coerce/runtime/clock.hpp>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

namespace coerce::test::clock_cases {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a manual clock stands still until it is advanced", "[clock]") {
  ManualClock clock;
  const TimePoint start = clock.now();
  CHECK(clock.now() == start);
  clock.advance(3s + 1ns);
  CHECK(clock.now() == start + 3s + 1ns);
  clock.advance(0s);
  CHECK(clock.now() == start + 3s + 1ns);
}

TEST_CASE("the wall time of a manual clock advances with its steady time", "[clock]") {
  ManualClock clock;
  const WallTime start = clock.wall_now();
  clock.advance(90min);
  CHECK(clock.wall_now() == start + 90min);
}

TEST_CASE("steps that several threads advance a manual clock by all count", "[clock]") {
  ManualClock clock;
  const TimePoint start = clock.now();
  const auto advance = [&clock] {
    for (int i = 0; i < 10'000; ++i) clock.advance(1us);
  };
  std::thread thread(advance);
  advance();
  thread.join();
  CHECK(clock.now() == start + 20ms);
}

TEST_CASE("the system clock never goes back", "[clock]") {
  const SystemClock clock;
  TimePoint last = clock.now();
  bool went_back = false;
  for (int i = 0; i < 10'000; ++i) {
    const TimePoint now = clock.now();
    went_back = went_back || now < last;
    last = now;
  }
  CHECK_FALSE(went_back);
}

TEST_CASE("the system clock's wall time is the machine's", "[clock]") {
  const SystemClock clock;
  const auto before = std::chrono::system_clock::now();
  const WallTime wall = clock.wall_now();
  CHECK(wall >= before);
  CHECK(wall <= std::chrono::system_clock::now());
}

}  // namespace
}  // namespace coerce::test::clock_cases
