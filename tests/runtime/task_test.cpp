#include <coerce/runtime/task.hpp>

#include <coerce/runtime/scheduler.hpp>
#include <coerce/runtime/sleep.hpp>

#include <catch2/catch.hpp>
#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coerce::test::task_cases {
namespace {

Task<int> answer(int value) { co_return value; }

Task<int> late_answer(int value) {
  co_await yield();
  co_return value;
}

Task<void> mark(bool& done) {
  done = true;
  co_return;
}

struct Failure : std::runtime_error {
  explicit Failure(int number) : std::runtime_error("failure"), code(number) {}
  int code;
};

Task<int> fail(int code) {
  throw Failure(code);
  co_return 0;
}

Task<void> fail_late(int code) {
  co_await yield();
  throw Failure(code);
}

Task<int> code_of_failure(Task<int> child) {
  try {
    co_return co_await std::move(child);
  } catch (const Failure& failure) {
    co_return failure.code;
  }
}

Task<void> pass_through(Task<void> child) { co_await std::move(child); }

Task<void> hold(std::shared_ptr<int> held) {
  (void)held;
  co_return;
}

Scheduler caller_driven() { return Scheduler{{.workers = 0}}; }

TEST_CASE("a task does not begin before it is awaited", "[task]") {
  const Scheduler scheduler = caller_driven();
  bool done = false;
  Task<void> task = mark(done);
  CHECK_FALSE(done);
  scheduler.block_on(std::move(task));
  CHECK(done);
}

TEST_CASE("a task gives its value to the one who awaits it", "[task]") {
  const Scheduler scheduler = caller_driven();
  CHECK(scheduler.block_on(answer(7)) == 7);
  CHECK(scheduler.block_on(late_answer(8)) == 8);
}

TEST_CASE("a task may be named and awaited without std::move", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto parent = []() -> Task<int> {
    Task<int> at_once = answer(1);
    Task<int> late = late_answer(2);
    const int first = co_await at_once;
    const int second = co_await late;
    co_return first * 10 + second;
  };
  CHECK(scheduler.block_on(parent()) == 12);
}

TEST_CASE("a result that can only be moved is handed on through several tasks", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto make = []() -> Task<std::unique_ptr<int>> {
    co_await yield();
    co_return std::make_unique<int>(5);
  };
  const auto pass = [](Task<std::unique_ptr<int>> child) -> Task<std::unique_ptr<int>> {
    auto result = co_await std::move(child);
    co_return result;
  };
  auto result = scheduler.block_on(pass(make()));
  REQUIRE(result != nullptr);
  CHECK(*result == 5);
}

class CountsCopies {
 public:
  explicit CountsCopies(int& copies) : copies_(&copies) {}
  CountsCopies(const CountsCopies& other) : copies_(other.copies_) { ++*copies_; }
  CountsCopies(CountsCopies&&) = default;

 private:
  int* copies_;
};

TEST_CASE("a result needs no default constructor and is never copied", "[task]") {
  const Scheduler scheduler = caller_driven();
  int copies = 0;
  const auto make = [](int& count) -> Task<CountsCopies> {
    CountsCopies result(count);
    co_return result;
  };
  (void)scheduler.block_on(make(copies));
  CHECK(copies == 0);
}

TEST_CASE("what a task throws arrives unchanged at the await of its parent", "[task]") {
  const Scheduler scheduler = caller_driven();
  CHECK(scheduler.block_on(code_of_failure(fail(3))) == 3);
}

TEST_CASE("what a task throws passes through tasks that do not catch it", "[task]") {
  const Scheduler scheduler = caller_driven();
  CHECK_THROWS_AS(scheduler.block_on(pass_through(pass_through(fail_late(4)))), Failure);
}

TEST_CASE("a task goes on after it has caught what its child threw", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto parent = []() -> Task<int> {
    const int code = co_await code_of_failure(fail(5));
    co_return code + co_await late_answer(10);
  };
  CHECK(scheduler.block_on(parent()) == 15);
}

TEST_CASE("a million children that complete at once do not grow the stack", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto sum = []() -> Task<long> {
    long total = 0;
    for (int i = 0; i < 1'000'000; ++i) total += co_await answer(1);
    co_return total;
  };
  CHECK(scheduler.block_on(sum()) == 1'000'000);
}

TEST_CASE("children that complete after a suspension do not grow the stack", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto sum = []() -> Task<long> {
    long total = 0;
    for (int i = 0; i < 200'000; ++i) total += co_await late_answer(1);
    co_return total;
  };
  CHECK(scheduler.block_on(sum()) == 200'000);
}

Task<int> depth(int left) {
  if (left == 0) co_return co_await late_answer(0);
  co_return 1 + co_await depth(left - 1);
}

TEST_CASE("a chain of a thousand suspended tasks unwinds to its first", "[task]") {
  const Scheduler scheduler = caller_driven();
  CHECK(scheduler.block_on(depth(1000)) == 1000);
}

TEST_CASE("destroying a task that was not awaited destroys its parameters", "[task]") {
  const auto held = std::make_shared<int>(1);
  {
    const Task<void> task = hold(held);
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("assigning to a task that was not awaited destroys its parameters", "[task]") {
  const auto overwritten = std::make_shared<int>(1);
  const auto kept = std::make_shared<int>(2);
  Task<void> task = hold(overwritten);
  task = hold(kept);
  CHECK(overwritten.use_count() == 1);
  CHECK(kept.use_count() == 2);
}

TEST_CASE("moving a task moves nothing that it refers to", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto held = std::make_shared<int>(1);
  Task<void> first = hold(held);
  Task<void> second = std::move(first);
  CHECK(held.use_count() == 2);
  scheduler.block_on(std::move(second));
  CHECK(held.use_count() == 1);
}

TEST_CASE("an awaited task has destroyed its parameters when its parent goes on", "[task]") {
  const Scheduler scheduler = caller_driven();
  const auto count_after = [](const std::shared_ptr<int>& held) -> Task<long> {
    co_await hold(held);
    co_return held.use_count();
  };
  const auto held = std::make_shared<int>(1);
  CHECK(scheduler.block_on(count_after(held)) == 1);
}

struct WithOperator {
  struct Awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    std::string await_resume() const { return "from the operator"; }
  };
  Awaiter operator co_await() const noexcept { return {}; }
};

TEST_CASE("as_task gives a task itself", "[task]") {
  const Scheduler scheduler = caller_driven();
  static_assert(std::is_same_v<decltype(as_task(answer(1))), Task<int>>);
  CHECK(scheduler.block_on(as_task(answer(9))) == 9);
}

TEST_CASE("as_task makes a task of every awaitable", "[task]") {
  const Scheduler scheduler = caller_driven();
  static_assert(std::is_same_v<decltype(as_task(std::suspend_never{})), Task<void>>);
  static_assert(std::is_same_v<decltype(as_task(sleep_for(Duration(1)))), Task<bool>>);
  static_assert(std::is_same_v<decltype(as_task(WithOperator{})), Task<std::string>>);
  scheduler.block_on(as_task(std::suspend_never{}));
  scheduler.block_on(as_task(yield()));
  CHECK(scheduler.block_on(as_task(WithOperator{})) == "from the operator");
}

TEST_CASE("what is no awaitable is not taken for one", "[task]") {
  static_assert(Awaitable<Task<int>>);
  static_assert(Awaitable<std::suspend_always>);
  static_assert(Awaitable<WithOperator>);
  static_assert(!Awaitable<int>);
  static_assert(!Awaitable<std::string>);
  static_assert(!std::is_copy_constructible_v<Task<int>>);
  SUCCEED("checked by the compiler");
}

}  // namespace
}  // namespace coerce::test::task_cases
