#include "remote/requests.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <vector>

#include <coerce/testkit/test_system.hpp>

namespace coerce::test::requests_cases {
namespace {

using namespace std::chrono_literals;
using detail::Requests;
using detail::WaitingRequest;

constexpr TimePoint kStart{Duration(1h)};

WaitingRequest until(TimePoint deadline, std::uint32_t link = 1) {
  return {.sent = kStart, .deadline = deadline, .link = link};
}

std::size_t sweep(Requests& requests, TimePoint now) {
  WaitingRequest batch[7];
  std::size_t sum = 0;
  while (const std::size_t count = requests.take_expired(now, batch)) {
    for (std::size_t i = 0; i < count; ++i) REQUIRE(batch[i].deadline <= now);
    sum += count;
  }
  return sum;
}

}  // namespace

TEST_CASE("a request is taken once, and its number never stands for another", "[requests]") {
  Requests requests(10);
  const auto first = requests.add(until(kStart + 1s));
  REQUIRE(requests.take(first));
  CHECK_FALSE(requests.take(first));
  const auto second = requests.add(until(kStart + 1s));
  CHECK(second != first);
  CHECK_FALSE(requests.take(first));
  CHECK_FALSE(requests.take(0));
  CHECK_FALSE(requests.take(~std::uint64_t{0}));
  CHECK(requests.take(second));
  CHECK(requests.size() == 0);
}

TEST_CASE("no more requests wait than may", "[requests]") {
  Requests requests(300);
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 300; ++i) numbers.push_back(requests.add(until(kStart + 1s)));
  CHECK(requests.add(until(kStart + 1s)) == 0);
  REQUIRE(requests.take(numbers[123]));
  CHECK(requests.add(until(kStart + 1s)) != 0);
  CHECK(requests.add(until(kStart + 1s)) == 0);
}

TEST_CASE("the requests of one link end, those of another go on", "[requests]") {
  Requests requests(1'000);
  for (int i = 0; i < 100; ++i) {
    requests.add(until(kStart + 1s, 1));
    requests.add(until(kStart + 1s, 2));
  }
  WaitingRequest batch[16];
  std::uint32_t from = 0;
  std::size_t sum = 0;
  while (const std::size_t count = requests.take_of_link(1, batch, from)) {
    for (std::size_t i = 0; i < count; ++i) CHECK(batch[i].link == 1);
    sum += count;
  }
  CHECK(sum == 100);
  CHECK(requests.size() == 100);
}

TEST_CASE("whoever looks when he is told to finds each request soon after its deadline",
          "[requests]") {
  testkit::TestSystem random;  // prints its seed when this fails
  auto& rng = random.system().scheduler().rng();
  Requests requests(100'000);
  std::multimap<TimePoint, std::uint64_t> open;
  TimePoint now = kStart;
  for (int step = 0; step < 3'000; ++step) {
    for (auto count = rng.below(20); count > 0; --count) {
      const Duration limit = std::chrono::milliseconds(rng.below(rng.below(2) == 0 ? 50 : 60'000));
      open.emplace(now + limit, requests.add(until(now + limit)));
    }
    if (!open.empty() && rng.below(2) == 0) {  // an answer
      const auto answered =
          std::next(open.begin(),
                    static_cast<std::ptrdiff_t>(rng.below(std::min<std::size_t>(open.size(), 5))));
      REQUIRE(requests.take(answered->second));
      open.erase(answered);
    }
    std::size_t due = 0;
    while (!open.empty() && open.begin()->first <= now) {
      open.erase(open.begin());
      ++due;
    }
    REQUIRE(sweep(requests, now) == due);
    REQUIRE(requests.size() == open.size());
    const TimePoint next = requests.look_again();
    if (open.empty()) {
      REQUIRE(next == TimePoint::max());
      now += 10ms;
    } else {
      REQUIRE(next > now);
      REQUIRE(next <= open.begin()->first + 64ms);
      now = rng.below(2) == 0 ? next : now + (next - now) / 2;
    }
  }
}

}  // namespace coerce::test::requests_cases
