#include <coerce/runtime/rng.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

namespace coerce::test::rng_cases {
namespace {

TEST_CASE("a generator gives the published sequence of SplitMix64", "[rng]") {
  Rng rng(1234567);
  CHECK(rng.next() == 6457827717110365317U);
  CHECK(rng.next() == 3203168211198807973U);
  CHECK(rng.next() == 9817491932198370423U);
  CHECK(rng.next() == 4593380528125082431U);
  CHECK(rng.next() == 16408922859458223821U);
}

TEST_CASE("the same seed gives the same sequence, another seed another", "[rng]") {
  Rng one(5);
  Rng same(5);
  Rng other(6);
  std::size_t differing = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t number = one.next();
    CHECK(number == same.next());
    if (number != other.next()) ++differing;
  }
  CHECK(differing == 100);
}

TEST_CASE("below() stays below its bound and comes to every number there", "[rng]") {
  Rng rng(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.below(7));
  CHECK(seen == std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6});
  CHECK(rng.below(1) == 0);
}

TEST_CASE("below() is uniform over a bound that is no power of two", "[rng]") {
  Rng rng(2);
  std::vector<int> counts(3);
  for (int i = 0; i < 30'000; ++i) ++counts[rng.below(3)];
  for (const int count : counts) CHECK(std::abs(count - 10'000) < 500);  // six standard deviations
}

TEST_CASE("threads that share a generator share out its one sequence", "[rng]") {
  constexpr std::size_t each = 10'000;
  Rng shared(3);
  std::vector<std::uint64_t> mine(each);
  std::vector<std::uint64_t> theirs(each);
  std::thread thread([&] {
    for (auto& number : theirs) number = shared.next();
  });
  for (auto& number : mine) number = shared.next();
  thread.join();
  mine.insert(mine.end(), theirs.begin(), theirs.end());

  Rng alone(3);
  std::vector<std::uint64_t> expected(2 * each);
  for (auto& number : expected) number = alone.next();
  std::sort(mine.begin(), mine.end());
  std::sort(expected.begin(), expected.end());
  CHECK(mine == expected);
}

TEST_CASE("random seeds differ", "[rng]") { CHECK(Rng::random_seed() != Rng::random_seed()); }

}  // namespace
}  // namespace coerce::test::rng_cases
