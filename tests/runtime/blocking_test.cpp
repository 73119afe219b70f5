#include <coerce/runtime/blocking.hpp>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace coerce::test::blocking_cases {
namespace {

/// Where threads meet: opens when `count` of them have come.
class Meeting {
 public:
  explicit Meeting(int count) : missing_(count) {}
  /// False: the others did not come within the patience of a test.
  bool come() {
    std::unique_lock guard(mutex_);
    if (--missing_ <= 0) complete_.notify_all();
    return complete_.wait_for(guard, std::chrono::seconds(10), [this] { return missing_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable complete_;
  int missing_;
};

Task<bool> come_blocking(Meeting& meeting) {
  const auto come = [&meeting] { return meeting.come(); };
  co_return co_await blocking(come);
}

TEST_CASE("blocking work gives its result to the one who awaits it", "[blocking]") {
  for (const unsigned workers : {0U, 1U, 2U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    const auto work = [] { return 6 * 7; };
    CHECK(scheduler.block_on(blocking(work)) == 42);
  }
}

TEST_CASE("blocking work without a result is awaited too", "[blocking]") {
  const Scheduler scheduler{{.workers = 1}};
  bool done = false;
  const auto work = [&done] { done = true; };
  scheduler.block_on(blocking(work));
  CHECK(done);
}

TEST_CASE("blocking work may give and hold what can only be moved", "[blocking]") {
  struct Make {
    explicit Make(int value) : held(std::make_unique<int>(value)) {}
    std::unique_ptr<int> operator()() { return std::move(held); }
    std::unique_ptr<int> held;
  };
  const Scheduler scheduler{{.workers = 1}};
  const auto result = scheduler.block_on(blocking(Make(5)));
  REQUIRE(result != nullptr);
  CHECK(*result == 5);
}

TEST_CASE("what blocking work throws is thrown at the await", "[blocking]") {
  for (const unsigned workers : {0U, 1U}) {
    CAPTURE(workers);
    const Scheduler scheduler{{.workers = workers}};
    const auto work = []() -> int { throw std::runtime_error("disk is full"); };
    CHECK_THROWS_WITH(scheduler.block_on(blocking(work)), "disk is full");
  }
}

Task<std::pair<std::thread::id, std::thread::id>> where() {
  const auto ask = [] { return std::this_thread::get_id(); };
  const std::thread::id worker = std::this_thread::get_id();
  const std::thread::id blocked = co_await blocking(ask);
  const std::pair<std::thread::id, std::thread::id> result(worker, blocked);
  co_return result;
}

TEST_CASE("blocking work runs on no worker", "[blocking]") {
  const Scheduler scheduler{{.workers = 1}};
  const auto [worker, blocked] = scheduler.block_on(where());
  CHECK(worker != blocked);
  CHECK(blocked != std::this_thread::get_id());
}

TEST_CASE("a task is back on a worker after its blocking work", "[blocking]") {
  const auto back = [](const Scheduler& scheduler) -> Task<std::pair<bool, bool>> {
    const auto ask = [&scheduler] { return scheduler.on_worker(); };
    const bool during = co_await blocking(ask);
    const std::pair<bool, bool> result(during, scheduler.on_worker());
    co_return result;
  };
  const Scheduler scheduler{{.workers = 1}};
  CHECK(scheduler.block_on(back(scheduler)) == std::pair(false, true));
}

TEST_CASE("on a scheduler driven by its caller blocking work runs on the driving thread",
          "[blocking]") {
  const Scheduler scheduler{{.workers = 0}};
  const auto [worker, blocked] = scheduler.block_on(where());
  CHECK(worker == std::this_thread::get_id());
  CHECK(blocked == std::this_thread::get_id());
}

TEST_CASE("a worker runs other tasks while blocking work goes on", "[blocking]") {
  const auto come_later = [](Meeting& meeting) -> Task<bool> {
    co_await yield();
    co_return meeting.come();
  };
  const Scheduler scheduler{{.workers = 1}};
  Meeting meeting(2);
  CHECK(scheduler.block_on(when_all(come_blocking(meeting), come_later(meeting))) ==
        std::tuple(true, true));
}

TEST_CASE("as much blocking work as there are threads goes on at once", "[blocking]") {
  const Scheduler scheduler{{.workers = 1, .blocking_threads = 4}};
  Meeting meeting(4);
  std::vector<Task<bool>> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(come_blocking(meeting));
  CHECK(scheduler.block_on(when_all(std::move(jobs))) == std::vector<bool>(4, true));
}

TEST_CASE("two pieces of blocking work go on at once also when only one thread is idle",
          "[blocking]") {
  const auto warm_up_then_meet = [](Meeting& meeting) -> Task<bool> {
    const auto nothing = [] {};
    co_await blocking(nothing);
    for (int i = 0; i < 2000; ++i) co_await yield();  // the thread lies down meanwhile
    const auto [first, second] = co_await when_all(come_blocking(meeting), come_blocking(meeting));
    co_return first&& second;
  };
  for (int round = 0; round < 20; ++round) {
    const Scheduler scheduler{{.workers = 1}};
    Meeting meeting(2);
    REQUIRE(scheduler.block_on(warm_up_then_meet(meeting)));
  }
}

struct Occupancy {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
};

Task<void> occupy(Occupancy& occupancy) {
  const auto work = [&occupancy] {
    const int now = ++occupancy.now;
    for (int most = occupancy.most;
         most < now && !occupancy.most.compare_exchange_weak(most, now);) {
    }
    std::this_thread::yield();
    --occupancy.now;
    ++occupancy.done;
  };
  co_await blocking(work);
}

TEST_CASE("more blocking work than threads waits for its turn", "[blocking]") {
  const Scheduler scheduler{{.workers = 2, .blocking_threads = 3}};
  Occupancy occupancy;
  std::vector<Task<void>> jobs;
  for (int i = 0; i < 500; ++i) jobs.push_back(occupy(occupancy));
  (void)scheduler.block_on(when_all(std::move(jobs)));
  CHECK(occupancy.done == 500);
  CHECK(occupancy.most <= 3);
}

TEST_CASE("blocking work that waits is run in the order in which it was awaited", "[blocking]") {
  const auto note = [](int number, std::vector<int>& order) -> Task<void> {
    const auto work = [number, &order] { order.push_back(number); };
    co_await blocking(work);
  };
  const Scheduler scheduler{{.workers = 1, .blocking_threads = 1}};
  std::vector<int> order;
  std::vector<int> expected;
  std::vector<Task<void>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(note(i, order));
    expected.push_back(i);
  }
  (void)scheduler.block_on(when_all(std::move(jobs)));
  CHECK(order == expected);
}

TEST_CASE("a scheduler's end waits for blocking work that has begun", "[blocking]") {
  const auto work_long = [](Meeting& begun, std::atomic<bool>& ended) -> Task<void> {
    const auto work = [&begun, &ended] {
      (void)begun.come();
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      ended = true;
    };
    co_await blocking(work);
  };
  Meeting begun(2);
  std::atomic<bool> ended{false};
  {
    const Scheduler scheduler{{.workers = 1}};
    scheduler.spawn(work_long(begun, ended));
    CHECK(begun.come());
    while (scheduler.spawned_count() != 0 && !ended) std::this_thread::yield();
    while (scheduler.spawned_count() != 0) std::this_thread::yield();  // else its frame would leak
  }
  CHECK(ended);
}

}  // namespace
}  // namespace coerce::test::blocking_cases
