#include <coerce/actor/task_context.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
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
using coerce::StopToken;
using coerce::Task;
using coerce::TaskContext;
using coerce::TaskOptions;
using Kind = ActorRefErr::Kind;
using Lines = std::vector<std::string>;
using Work = std::function<Task<void>(TaskContext)>;

namespace {

class Begin {
 public:
  using Result = void;
  explicit Begin(Work work, TaskOptions options = {}) : work_(std::move(work)), options_(options) {}
  const Work& work() const { return work_; }
  TaskOptions options() const { return options_; }

 private:
  Work work_;
  TaskOptions options_;
};

struct Ping {
  using Result = int;
};
struct Crash {};
struct Wait {};

class Host : public coerce::Actor {
 public:
  explicit Host(Log& log) : log_(&log) {}

  Result<void> handle(const Begin& begin, ActorContext& ctx) {
    return ctx.spawn_task(begin.work(), begin.options());
  }
  int handle(Ping, ActorContext&) { return ++pings_; }
  void handle(Crash, ActorContext&) { throw std::runtime_error("crash"); }
  Task<void> handle(Wait, ActorContext&) {
    const bool slept = co_await coerce::sleep_for(1h);
    log_->add(slept ? "waited" : "wait cancelled");
  }
  void stopped(ActorContext& ctx) {
    log_->add("stopped");
    const Work nothing = [](TaskContext) -> Task<void> { co_return; };
    if (kind_of(ctx.spawn_task(nothing)) == Kind::ActorUnavailable) log_->add("refused");
  }
  void post_restart(ActorContext&) { log_->add("restarted"); }

 private:
  Log* log_;
  int pings_ = 0;
};

struct Bench {
  Bench() {
    const auto make = [this] { return Host(log); };
    host = value_of(system.block_on(system.new_actor("host", make)));
  }
  Result<void> begin(Work work, TaskOptions options = {}) {
    auto result = system.block_on(host->send(Begin(std::move(work), options)));
    system.poll();
    return result;
  }
  void pass(coerce::Duration time) {
    clock.advance(time);
    system.poll();
  }

  coerce::ManualClock clock;
  Log log;
  ActorSystem system = ActorSystem::builder()
                           .worker_threads(0)
                           .clock(clock)
                           .top_level_strategy(coerce::SupervisorStrategy::restart())
                           .build();
  std::optional<LocalActorRef<Host>> host;
};

/// Sleeps for an hour and says how that ended.
Work sleeper(Log& log, std::string name) {
  return [&log, name](TaskContext) -> Task<void> {
    const bool slept = co_await coerce::sleep_for(1h);
    log.add(name + (slept ? " slept" : " cancelled"));
  };
}

}  // namespace

TEST_CASE("a task runs beside its actor, which handles messages meanwhile", "[spawn_task]") {
  Bench bench;
  value_of(bench.begin(sleeper(bench.log, "task")));
  CHECK(value_of(bench.system.block_on(bench.host->send(Ping{}))) == 1);
  CHECK(bench.log.lines().empty());
  bench.pass(1h);
  CHECK(bench.log.lines() == Lines{"task slept"});
  CHECK(bench.host->is_valid());
}

TEST_CASE("a task sends to its actor and awaits the answer", "[spawn_task]") {
  Bench bench;
  std::optional<int> answer;
  value_of(bench.begin([&](TaskContext context) -> Task<void> {
    auto host = context.weak_ref<Host>().lock();
    auto pinged = co_await host->send(Ping{});
    answer = pinged.value();
  }));
  CHECK(answer == 1);
}

TEST_CASE("a stopping actor cancels its tasks and awaits them before its stopped hook",
          "[spawn_task]") {
  Bench bench;
  value_of(bench.begin(sleeper(bench.log, "first")));
  value_of(bench.begin(sleeper(bench.log, "second")));
  join(bench.system, *bench.host);
  auto lines = bench.log.lines();
  REQUIRE(lines.size() == 4);
  CHECK(std::count(lines.begin(), lines.begin() + 2, "first cancelled") == 1);
  CHECK(std::count(lines.begin(), lines.begin() + 2, "second cancelled") == 1);
  CHECK(lines[2] == "stopped");
}

TEST_CASE("a stopping actor starts no further task", "[spawn_task]") {
  Bench bench;
  join(bench.system, *bench.host);
  CHECK(bench.log.lines() == Lines{"stopped", "refused"});
}

TEST_CASE("a task that cleans up after the request to stop is waited for", "[spawn_task]") {
  Bench bench;
  value_of(bench.begin([&](TaskContext context) -> Task<void> {
    (void)co_await coerce::sleep_for(1h);
    for (int i = 0; i < 3; ++i) (void)co_await coerce::yield();
    bench.log.add(context.stop_token().stop_requested() ? "asked" : "not asked");
  }));
  join(bench.system, *bench.host);
  CHECK(bench.log.lines() == Lines{"asked", "stopped", "refused"});
}

TEST_CASE("an awaited send of a cancelled task ends with Cancelled", "[spawn_task]") {
  Bench bench;
  Gate entered;
  Gate release;
  auto system = make_system();  // of the one that does not answer
  const OpenAtEnd opener(release);
  auto other = start<HeldActor>(system, entered, release);
  std::optional<Kind> kind;
  value_of(bench.begin([&](TaskContext) -> Task<void> {
    auto answer = co_await other.send(Block{});
    kind = kind_of(answer);
  }));
  join(bench.system, *bench.host);
  CHECK(kind == Kind::Cancelled);
}

TEST_CASE("an actor that is stopped while its handler waits cancels its tasks at once",
          "[spawn_task]") {
  Bench bench;
  value_of(bench.begin(sleeper(bench.log, "task")));
  bench.host->notify(Wait{});
  bench.system.poll();
  join(bench.system, *bench.host);
  CHECK(bench.log.lines() == Lines{"wait cancelled", "task cancelled", "stopped", "refused"});
}

TEST_CASE("a restart cancels and awaits the tasks of the old instance", "[spawn_task]") {
  Bench bench;
  value_of(bench.begin(sleeper(bench.log, "task")));
  bench.host->notify(Crash{});
  bench.system.poll();
  CHECK(bench.log.lines() == Lines{"task cancelled", "restarted"});
  value_of(bench.begin(sleeper(bench.log, "new task")));
  bench.pass(1h);
  CHECK(bench.log.lines().back() == "new task slept");
}

TEST_CASE("what a task throws is published as a failure and leaves its actor alone",
          "[spawn_task]") {
  Bench bench;
  std::optional<coerce::HandlerFailure> failure;
  const auto subscription = bench.system.events().subscribe<coerce::HandlerFailure>(
      [&](const coerce::HandlerFailure& published) { failure = published; });
  value_of(bench.begin([](TaskContext) -> Task<void> {
    (void)co_await coerce::yield();
    throw std::runtime_error("beside");
  }));
  REQUIRE(failure.has_value());
  CHECK(failure->text == "beside");
  CHECK(failure->message_type == "spawned task");
  CHECK(failure->path.str() == bench.host->actor_path().str() + "/host");
  CHECK(bench.system.failure_count() == 1);
  CHECK(bench.log.lines().empty());
  CHECK(bench.host->is_valid());
}

TEST_CASE("tasks beyond the limit of an actor are refused with Overloaded", "[spawn_task]") {
  Bench bench;
  value_of(bench.begin(sleeper(bench.log, "task"), {.limit = 2}));
  value_of(bench.begin(sleeper(bench.log, "task"), {.limit = 2}));
  CHECK(error_of(bench.begin(sleeper(bench.log, "task"), {.limit = 2})).kind() == Kind::Overloaded);
  bench.pass(1h);
  value_of(bench.begin(sleeper(bench.log, "task"), {.limit = 2}));
}

TEST_CASE("what a task holds is gone when its actor has ended", "[spawn_task]") {
  Bench bench;
  const auto life = std::make_shared<int>();
  value_of(bench.begin([life](TaskContext context) -> Task<void> {
    auto mine = life;
    while (!context.stop_token().stop_requested()) (void)co_await coerce::sleep_for(1h);
  }));
  CHECK(life.use_count() == 3);
  join(bench.system, *bench.host);
  CHECK(life.use_count() == 1);
}

TEST_CASE("a stop token outlives its task", "[spawn_task]") {
  Bench bench;
  std::optional<TaskContext> kept;
  value_of(bench.begin([&](TaskContext context) -> Task<void> {
    kept = context;
    (void)co_await coerce::sleep_for(1h);
  }));
  CHECK_FALSE(kept->stop_token().stop_requested());
  join(bench.system, *bench.host);
  CHECK(kept->stop_token().stop_requested());
  CHECK_FALSE(kept->weak_ref<Host>().lock().has_value());
}

TEST_CASE("a task does not keep an anonymous actor from ending", "[spawn_task]") {
  Bench bench;
  {
    const auto anonymous = start<Host>(bench.system, bench.log);
    value_of(bench.system.block_on(anonymous.send(Begin(sleeper(bench.log, "task")))));
  }
  bench.system.poll();
  CHECK(bench.log.lines() == Lines{"task cancelled", "stopped", "refused"});
  CHECK(bench.system.live_actor_count() == 1);
}

TEST_CASE("a shutdown stops actors with their tasks", "[spawn_task]") {
  Bench bench;
  value_of(bench.begin(sleeper(bench.log, "task")));
  CHECK(bench.system.shutdown_blocking().complete);
  CHECK(bench.log.lines() == Lines{"task cancelled", "stopped", "refused"});
}

TEST_CASE("tasks that end while their actor stops on another thread are awaited", "[spawn_task]") {
  for (int round = 0; round < 50; ++round) {
    Log log;
    auto system = make_system();
    auto host = start<Host>(system, log);
    for (int i = 0; i < 8; ++i) {
      value_of(system.block_on(host.send(Begin([&log, i](TaskContext) -> Task<void> {
        for (int n = 0; n < i; ++n) (void)co_await coerce::yield();
        log.add("ended");
      }))));
    }
    join(system, host);
    const auto lines = log.lines();
    REQUIRE(lines.size() == 10);
    CHECK(lines[8] == "stopped");
  }
}
