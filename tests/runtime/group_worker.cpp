#include <coerce/runtime/group_worker.hpp>

#include <atomic>
#include <numeric>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

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
