#include <coerce/actor/worker.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorRefErr;
using coerce::ActorSystem;
using coerce::LocalActorRef;
using coerce::Result;
using coerce::Task;
using coerce::WorkerOptions;
using coerce::WorkerRef;
using coerce::WorkerStrategy;
using Kind = ActorRefErr::Kind;
using Names = std::vector<std::string>;

namespace {

class HeavyTask {
 public:
  using Result = std::string;
  explicit HeavyTask(coerce::Duration takes = {}, std::string payload = {})
      : takes_(takes), payload_(std::move(payload)) {}
  coerce::Duration takes() const { return takes_; }

 private:
  coerce::Duration takes_;
  std::string payload_;
};

struct Leave {};
struct Fall {};

/// Answers with its name.
class Hand : public coerce::Actor {
 public:
  Task<std::string> handle(HeavyTask task, ActorContext& ctx) {
    bool slept = true;
    if (task.takes() > 0s) slept = co_await coerce::sleep_for(task.takes());
    co_return slept ? std::string(ctx.id().view()) : "cancelled";
  }
  void handle(Leave, ActorContext& ctx) { ctx.stop(); }
  void handle(Fall, ActorContext&) { throw std::runtime_error("fell"); }
};

struct Bench {
  Bench() = default;
  explicit Bench(std::size_t count, WorkerOptions options = {}) { make(count, options); }
  void make(std::size_t count, WorkerOptions options = {}) {
    pool = value_of(system.block_on(coerce::into_worker(Hand(), count, "worker", system, options)));
  }
  Result<std::string> work() { return system.block_on(pool->dispatch(HeavyTask())); }
  Names work(int times) {
    Names names;
    for (int i = 0; i < times; ++i) names.push_back(value_of(work()));
    return names;
  }
  /// Gives a member something to do that takes a while; its answer will be in the list.
  void begin(coerce::Duration takes) {
    system.spawn(note(pool->dispatch<HeavyTask>(takes)));
    system.poll();
  }
  Task<void> note(Task<Result<std::string>> task) {
    auto answer = co_await std::move(task);
    answers.push_back(answer ? *answer : std::string(to_string(answer.error().kind())));
  }
  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }

  coerce::ManualClock clock;
  Names answers;
  ActorSystem system = ActorSystem::builder().worker_threads(0).clock(clock).seed(3).build();
  std::optional<WorkerRef<Hand>> pool;
};

}  // namespace

TEST_CASE("a pool answers what is dispatched to it", "[worker][B-021]") {
  Bench bench(4);
  CHECK(bench.pool->size() == 4);
  CHECK(value_of(bench.work()) == "worker-0");
  CHECK(value_of(bench.system.block_on(bench.pool->dispatch<HeavyTask>(0s, "in place"))) ==
        "worker-1");
  CHECK(bench.pool->outstanding() == 0);
}

TEST_CASE("dispatch goes round: 8 on 4 workers are 2 each", "[worker][B-112]") {
  Bench bench(4);
  std::map<std::string, int> count;
  for (const auto& name : bench.work(8)) ++count[name];
  CHECK(count == std::map<std::string, int>{
                     {"worker-0", 2}, {"worker-1", 2}, {"worker-2", 2}, {"worker-3", 2}});
}

TEST_CASE("the least loaded worker gets the next message", "[worker]") {
  Bench bench(3, {.strategy = WorkerStrategy::LeastLoaded});
  bench.begin(10s);  // worker-0
  bench.begin(10s);  // worker-1
  for (const auto& name : bench.work(3)) CHECK(name == "worker-2");
  bench.begin(1s);  // worker-2
  bench.pool->strategy(WorkerStrategy::RoundRobin);
  CHECK(bench.pool->strategy() == WorkerStrategy::RoundRobin);
  bench.begin(1s);  // worker-0 again
  bench.pass(20s);
  bench.pass(20s);
  CHECK(std::multiset<std::string>(bench.answers.begin(), bench.answers.end()) ==
        std::multiset<std::string>{"worker-0", "worker-0", "worker-1", "worker-2"});
}

TEST_CASE("a worker that stops is replaced, and nothing is given to it meanwhile",
          "[worker][W-32]") {
  Bench bench(2);
  value_of(bench.system.block_on(bench.pool->dispatch(Leave{})));
  bench.system.poll();
  CHECK(bench.pool->size() == 2);
  const auto names = bench.work(4);
  CHECK(std::set<std::string>(names.begin(), names.end()) ==
        std::set<std::string>{"worker-0", "worker-1"});
}

TEST_CASE("a worker that throws is restarted in its place", "[worker][W-32]") {
  Bench bench(1);
  for (int i = 0; i < 30; ++i)  // more than restarts are allowed: then it is replaced
    CHECK(error_of(bench.system.block_on(bench.pool->dispatch(Fall{}))).kind() ==
          Kind::HandlerFailed);
  bench.system.poll();
  CHECK(value_of(bench.work()) == "worker-0");
}

TEST_CASE("an empty pool answers with an error and loses nothing", "[worker][W-32]") {
  Bench bench(0);
  CHECK(error_of(bench.work()).kind() == Kind::ActorUnavailable);
  value_of(bench.system.block_on(bench.pool->resize(1)));
  CHECK(value_of(bench.work()) == "worker-0");
  CHECK(bench.system.dead_letter_count() == 0);
}

TEST_CASE("dispatches beyond the limit of the pool are refused with Overloaded", "[worker]") {
  Bench bench(2, {.limit = 3});
  for (int i = 0; i < 3; ++i) bench.begin(1s);
  CHECK(bench.pool->outstanding() == 3);
  CHECK(error_of(bench.work()).kind() == Kind::Overloaded);
  bench.pass(1s);
  bench.pass(1s);
  CHECK(bench.answers.size() == 3);
  CHECK(bench.work().has_value());
}

TEST_CASE("a dispatch that is never awaited gives its place back", "[worker]") {
  Bench bench(1, {.limit = 1});
  {
    const auto unused = bench.pool->dispatch(HeavyTask());
    CHECK(bench.pool->outstanding() == 1);
  }
  CHECK(bench.pool->outstanding() == 0);
  CHECK(bench.work().has_value());
}

TEST_CASE("a pool grows and shrinks", "[worker][W-32]") {
  Bench bench(1);
  value_of(bench.system.block_on(bench.pool->resize(3)));
  CHECK(bench.pool->size() == 3);
  const auto names = bench.work(3);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 3);
  value_of(bench.system.block_on(bench.pool->resize(1)));
  bench.system.poll();
  CHECK(bench.pool->size() == 1);
  CHECK(bench.work(2) == Names{"worker-0", "worker-0"});
  CHECK(bench.system.live_actor_count() == 2);  // the pool and its worker
}

TEST_CASE("a worker that is removed answers what it was given first", "[worker]") {
  Bench bench(2);
  bench.begin(1s);
  bench.begin(1s);
  bench.begin(1s);
  bench.begin(1s);
  value_of(bench.system.block_on(bench.pool->resize(1)));
  value_of(bench.system.block_on(bench.pool->resize(2)));  // the name is still in use
  for (int i = 0; i < 4; ++i) bench.pass(1s);
  CHECK(std::multiset<std::string>(bench.answers.begin(), bench.answers.end()) ==
        std::multiset<std::string>{"worker-0", "worker-0", "worker-1", "worker-1"});
  const auto names = bench.work(2);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 2);
}

TEST_CASE("a pool of more than 4096 workers is refused", "[worker]") {
  Bench bench(1);
  CHECK(error_of(bench.system.block_on(bench.pool->resize(4097))).kind() == Kind::Overloaded);
  CHECK(bench.pool->size() == 1);
}

TEST_CASE("workers come from a factory, and one that does not start is tried again", "[worker]") {
  Bench bench;
  bool broken = false;
  int made = 0;
  const auto factory = [&]() -> Task<Result<Hand>> {
    if (broken) co_return coerce::unexpected(ActorRefErr::NotFound("tools"));
    ++made;
    co_return Hand();
  };
  bench.pool = value_of(bench.system.block_on(coerce::into_worker(factory, 2, "w", bench.system)));
  CHECK(made == 2);
  broken = true;
  value_of(bench.system.block_on(bench.pool->dispatch(Leave{})));
  bench.system.poll();
  CHECK(bench.work(2) == Names{"w-1", "w-1"});
  broken = false;
  bench.pass(1s);
  const auto names = bench.work(2);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 2);
}

TEST_CASE("a pool tries again also in a system that has no timer left", "[worker][limits]") {
  Bench bench;
  bench.system = ActorSystem::builder().worker_threads(0).clock(bench.clock).max_timers(1).build();
  auto listener = start<Hand>(bench.system);
  (void)listener.scheduled_notify(Leave{}, 1h);
  bool broken = false;
  const auto factory = [&]() -> Result<Hand> {
    if (broken) return coerce::unexpected(ActorRefErr::NotFound("tools"));
    return Hand();
  };
  bench.pool = value_of(bench.system.block_on(coerce::into_worker(factory, 1, "w", bench.system)));
  broken = true;
  value_of(bench.system.block_on(bench.pool->dispatch(Leave{})));
  bench.system.poll();
  CHECK(error_of(bench.work()).kind() == Kind::ActorUnavailable);
  bench.pass(1s);  // one try in vain
  broken = false;
  bench.pass(1s);
  CHECK(bench.work(1) == Names{"w-0"});
}

TEST_CASE("a pool whose first workers do not start is not there", "[worker]") {
  Bench bench;
  const auto factory = []() -> Hand { throw std::runtime_error("no hands"); };
  const auto error =
      error_of(bench.system.block_on(coerce::into_worker(factory, 2, "w", bench.system)));
  CHECK(error.kind() == Kind::ActorStartFailed);
  CHECK(bench.system.live_actor_count() == 0);
}

TEST_CASE("a pool ends with its last reference", "[worker]") {
  Bench bench(3);
  auto copy = bench.pool;
  bench.pool.reset();
  bench.system.poll();
  CHECK(bench.system.live_actor_count() == 4);
  copy.reset();
  bench.system.poll();
  CHECK(bench.system.live_actor_count() == 0);
}

TEST_CASE("a pool that has been stopped answers with an error", "[worker]") {
  Bench bench(2);
  bench.begin(1h);
  value_of(bench.system.block_on(bench.pool->stop()));
  bench.system.poll();
  CHECK(bench.answers == Names{"cancelled"});
  CHECK(error_of(bench.work()).kind() == Kind::ActorUnavailable);
  CHECK(kind_of(bench.system.block_on(bench.pool->resize(3))) == Kind::InvalidRef);
}

TEST_CASE("several threads dispatch while workers come and go", "[worker]") {
  auto system = make_system();
  auto pool = value_of(system.block_on(coerce::into_worker(Hand(), 4, "worker", system)));
  const auto client = [](WorkerRef<Hand> to) -> Task<int> {
    int answered = 0;
    for (int i = 0; i < 300; ++i) {
      if (i % 50 == 7) {
        (void)co_await to.dispatch(Leave{});
      } else {
        auto answer = co_await to.dispatch(HeavyTask());
        answered += answer ? 1 : 0;
      }
    }
    co_return answered;
  };
  auto counts = system.block_on(coerce::when_all(client(pool), client(pool), pool.resize(6)));
  CHECK(std::get<0>(counts) > 0);
  CHECK(std::get<1>(counts) > 0);
  CHECK(pool.outstanding() == 0);
}
