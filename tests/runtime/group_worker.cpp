#include <coerce/runtime/group_worker.hpp>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

#include <coerce/runtime/blocking.hpp>
#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/when.hpp>

namespace {

using namespace coerce;
using Doubler = GroupWorker<int, int>;

void double_all(Doubler::Group group) {
  for (Doubler::Item* item : group) item->answer = 2 * item->request;
}

Task<int> ask_all(Doubler& worker, int count) {
  std::vector<Task<tl::expected<int, GroupWorkerErr>>> asked;
  for (int i = 0; i < count; ++i) asked.push_back(worker.ask(i));
  const auto answers = co_await when_all(std::move(asked));
  int sum = 0;
  for (const auto& answer : answers) sum += answer ? *answer : 0;
  co_return sum;
}

}  // namespace

TEST_CASE("every request of a group worker gets its own answer", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 2});
  Doubler worker(&double_all, GroupWorkerOptions{.max_group = 7});
  REQUIRE(scheduler.block_on(ask_all(worker, 100)) == 9900);
}

TEST_CASE("requests that come while a group is served make the next group", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  std::atomic<bool> first_runs{false};
  std::atomic<bool> go_on{false};
  std::vector<std::size_t> sizes;
  Doubler worker([&](Doubler::Group group) {
    sizes.push_back(group.size());
    first_runs = true;
    first_runs.notify_all();
    go_on.wait(false);
    double_all(group);
  });
  std::atomic<int> ended{0};
  const auto ask = [&](int i) -> Task<void> {
    co_await worker.ask(i);
    ++ended;
    ended.notify_all();
  };
  scheduler.spawn(ask(0));
  first_runs.wait(false);
  for (int i = 1; i <= 5; ++i) scheduler.spawn(ask(i));
  // All of them wait once a task behind them has run on the only worker.
  const auto nothing = []() -> Task<void> { co_return; };
  scheduler.block_on(nothing());
  go_on = true;
  go_on.notify_all();
  for (int done = ended; done != 6; done = ended) ended.wait(done);
  REQUIRE(sizes == std::vector<std::size_t>{1, 5});
}

TEST_CASE("a request beyond those that may wait is refused", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 0, .seed = 1, .shuffled = true});
  Doubler worker(&double_all, GroupWorkerOptions{.max_waiting = 3});
  REQUIRE(scheduler.block_on(ask_all(worker, 5)) == 2 * (0 + 1 + 2));
}

TEST_CASE("a server that throws fails the requests of its group", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  Doubler worker([](Doubler::Group) { throw std::runtime_error("disk on fire"); });
  const auto answer = scheduler.block_on(worker.ask(1));
  REQUIRE(!answer);
  REQUIRE(answer.error() == GroupWorkerErr::Failed);
}

TEST_CASE("who is served first of a group goes on before the rest is served", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  std::atomic<int> answered{0};
  std::vector<int> served;
  Doubler worker([&](Doubler::Group group) -> std::size_t {
    // The last one first: the order is what is left.
    std::ranges::reverse(group);
    for (int before = answered; before != static_cast<int>(served.size()); before = answered)
      answered.wait(before);
    served.push_back(group.front()->request);
    group.front()->answer = 2 * group.front()->request;
    return 1;
  });
  const auto ask = [&](int i) -> Task<void> {
    const auto answer = co_await worker.ask(i);
    if (answer && *answer == 2 * i) ++answered;
    answered.notify_all();
  };
  constexpr int count = 20;
  for (int i = 0; i < count; ++i) scheduler.spawn(ask(i));
  for (int done = answered; done != count; done = answered) answered.wait(done);
  std::ranges::sort(served);
  std::vector<int> all(count);
  std::iota(all.begin(), all.end(), 0);
  REQUIRE(served == all);
}

TEST_CASE("a shuffled scheduler serves groups on its own thread", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 0, .seed = 7, .shuffled = true});
  std::set<std::thread::id> threads;
  Doubler worker(
      [&](Doubler::Group group) {
        threads.insert(std::this_thread::get_id());
        double_all(group);
      },
      GroupWorkerOptions{.max_group = 3});
  REQUIRE(scheduler.block_on(ask_all(worker, 10)) == 90);
  REQUIRE(threads == std::set{std::this_thread::get_id()});
}

TEST_CASE("a request that no thread can be made for is refused, and the next one may be served",
          "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 1});
  Doubler worker(&double_all);
  pthread_attr_t usual;
  REQUIRE(pthread_getattr_default_np(&usual) == 0);
  pthread_attr_t monstrous = usual;
  REQUIRE(pthread_attr_setstacksize(&monstrous, std::size_t{1} << 46) == 0);
  REQUIRE(pthread_setattr_default_np(&monstrous) == 0);
  const auto refused = scheduler.block_on(worker.ask(1));
  REQUIRE(pthread_setattr_default_np(&usual) == 0);
  REQUIRE(!refused);
  REQUIRE(refused.error() == GroupWorkerErr::NoThread);
  const auto served = scheduler.block_on(worker.ask(1));
  REQUIRE(served);
  REQUIRE(*served == 2);
}

TEST_CASE("a group worker serves shuffled schedulers and one with threads beside each other",
          "[group_worker]") {
  std::atomic<int> serving{0};
  std::atomic<bool> together{false};
  std::atomic<bool> mixed{false};
  Doubler worker([&](Doubler::Group group) {
    if (++serving != 1) together = true;
    for (const Doubler::Item* item : group)
      if (item->unit->scheduler != group.front()->unit->scheduler) mixed = true;
    double_all(group);
    --serving;
  });
  const Scheduler threads(SchedulerOptions{.workers = 2});
  const auto drive_shuffled = [&](std::uint64_t seed, int& sum) {
    const Scheduler shuffled(SchedulerOptions{.workers = 0, .seed = seed, .shuffled = true});
    for (int i = 0; i < 50; ++i) sum += shuffled.block_on(ask_all(worker, 20));
  };
  int first = 0;
  int second = 0;
  int real = 0;
  std::thread one([&] { drive_shuffled(1, first); });
  std::thread two([&] { drive_shuffled(2, second); });
  for (int i = 0; i < 50; ++i) real += threads.block_on(ask_all(worker, 20));
  one.join();
  two.join();
  CHECK(first == 50 * 380);
  CHECK(second == 50 * 380);
  CHECK(real == 50 * 380);
  CHECK(!together);
  CHECK(!mixed);
}

TEST_CASE("a shuffled scheduler that has yet to draw its step holds up no other one",
          "[group_worker]") {
  int waited = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Doubler worker(&double_all);
    const Scheduler idle(SchedulerOptions{.workers = 0, .seed = seed, .shuffled = true});
    int answered = 0;
    bool asked = false;
    const auto ask = [&]() -> Task<void> {
      asked = true;
      const auto got = co_await worker.ask(1);
      answered = got.value_or(0);
    };
    // Work that blocks is a step as well, and may be drawn before that of the worker.
    int sum = 0;
    const auto drive_another = [&]() {
      if (asked && answered == 0) ++waited;
      const Scheduler busy(SchedulerOptions{.workers = 0, .seed = 2, .shuffled = true});
      sum = busy.block_on(ask_all(worker, 3));
    };
    const auto block = [&]() -> Task<void> { co_await blocking(drive_another); };
    idle.spawn(ask());
    idle.spawn(block());
    idle.run();
    REQUIRE(sum == 6);
    REQUIRE(answered == 2);
  }
  REQUIRE(waited > 0);
}

TEST_CASE("a loop that is driven by its caller waits for a group worker", "[group_worker]") {
  const Scheduler scheduler(SchedulerOptions{.workers = 0});
  Doubler worker(&double_all);
  int answer = 0;
  const auto ask = [&]() -> Task<void> {
    const auto got = co_await worker.ask(21);
    answer = got.value_or(0);
  };
  scheduler.spawn(ask());
  scheduler.run();
  REQUIRE(answer == 42);
}
