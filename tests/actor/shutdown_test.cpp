#include <coerce/actor/shutdown.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace coerce::test;
using namespace std::chrono_literals;
using coerce::ActorContext;
using coerce::ActorSystem;
using coerce::ManualClock;
using coerce::ShutdownPhase;
using coerce::ShutdownReport;
using coerce::SystemExtension;
using coerce::Task;
using coerce::TimePoint;

namespace {

// ── Those that do not stop ──────────────────────────────────────────────────────────────────────

/// Suspends whoever waits, whatever he is asked, until it is opened; for one thread.
class Barrier {
 public:
  class Waiter : coerce::detail::WakeNode {
   public:
    explicit Waiter(Barrier& barrier) noexcept : barrier_(&barrier) {}
    bool await_ready() const noexcept { return barrier_->open_; }
    template <coerce::detail::UnitPromise P>
    void await_suspend(std::coroutine_handle<P> caller) {
      unit = caller.promise().unit;
      handle = caller;
      barrier_->waiting_.push_back(this);
    }
    void await_resume() const noexcept {}

   private:
    friend class Barrier;
    Barrier* barrier_;
  };

  Waiter wait() noexcept { return Waiter(*this); }
  void open() {
    open_ = true;
    for (Waiter* waiter : std::exchange(waiting_, {})) waiter->wake();
  }

 private:
  bool open_ = false;
  std::vector<Waiter*> waiting_;
};

struct Wait {
  static constexpr std::string_view type_name = "Wait";
};
struct SpawnWaiting {
  static constexpr std::string_view type_name = "SpawnWaiting";
};

/// Waits at the barrier in its handler.
class Waiting : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Waiting";
  explicit Waiting(Barrier& barrier) : barrier_(&barrier) {}

  Task<void> handle(Wait, ActorContext&) { co_await barrier_->wait(); }

  Task<void> handle(SpawnWaiting, ActorContext& ctx) {
    auto child = co_await ctx.spawn<Waiting>("child", *barrier_);
    (void)child->notify(Wait{});
  }

 private:
  Barrier* barrier_;
};

/// Waits at the barrier when it has been told to stop.
class SlowToStop : public coerce::Actor {
 public:
  explicit SlowToStop(Barrier& barrier) : barrier_(&barrier) {}
  Task<void> stopped(ActorContext&) { co_await barrier_->wait(); }

 private:
  Barrier* barrier_;
};

struct BlockChild {};

/// Has a child that keeps its worker.
class ParentOfBusy : public coerce::Actor {
 public:
  ParentOfBusy(Gate entered, Gate release)
      : entered_(std::move(entered)), release_(std::move(release)) {}

  Task<void> handle(BlockChild, ActorContext& ctx) {
    auto child = co_await ctx.spawn<HeldActor>("busy-child", entered_, release_);
    (void)child->notify(Block{});
  }

 private:
  Gate entered_;
  Gate release_;
};

struct ShutDown {
  static constexpr std::string_view type_name = "ShutDown";
};

/// Shuts down its own system from its handler.
class Suicidal : public coerce::Actor {
 public:
  explicit Suicidal(std::optional<ShutdownReport>& report) : report_(&report) {}
  Task<void> handle(ShutDown, ActorContext& ctx) {
    ShutdownReport report = co_await ctx.system().shutdown(10s);
    *report_ = std::move(report);
  }

 private:
  std::optional<ShutdownReport>* report_;
};

// ── Those that tell when they stop ──────────────────────────────────────────────────────────────

class StopLogger : public coerce::Actor {
 public:
  StopLogger(Log& log, std::string name) : log_(&log), name_(std::move(name)) {}
  void stopped(ActorContext&) { log_->add(name_ + " stopped"); }

 private:
  Log* log_;
  std::string name_;
};

/// Logs its hooks, and waits at its barrier in stop().
template <int I>
class Recorder : public SystemExtension {
 public:
  explicit Recorder(Log& log, Barrier* barrier = nullptr) : log_(&log), barrier_(barrier) {}

  std::string_view name() const noexcept override { return name_; }
  void started(const ActorSystem&) override {
    (void)value_of(
        spawn_deferred(coerce::ActorId(name_ + "-actor"), StopLogger(*log_, "actor of " + name_)));
  }
  Task<void> stop_accepting(TimePoint) override {
    log_->add(name_ + " accepts no more");
    co_return;
  }
  Task<void> stop(TimePoint) override {
    (void)co_await coerce::yield();
    if (barrier_ != nullptr) co_await barrier_->wait();
    log_->add(name_ + " stopped");
  }

 private:
  Log* log_;
  Barrier* barrier_;
  const std::string name_ = "extension " + std::to_string(I);
};

class ThrowsAtStop : public SystemExtension {
 public:
  std::string_view name() const noexcept override { return "thrower"; }
  Task<void> stop(TimePoint) override {
    (void)co_await coerce::yield();
    throw std::runtime_error("cannot flush");
  }
};

// ── A system whose time the test moves ──────────────────────────────────────────────────────────

Task<void> report_to(ActorSystem system, coerce::Duration deadline,
                     std::optional<ShutdownReport>& report) {
  ShutdownReport got = co_await system.shutdown(deadline);
  report = std::move(got);
}

/// One thread and virtual time; opens the barrier at its end.
struct World {
  explicit World(coerce::ActorSystemBuilder builder = ActorSystem::builder())
      : system(builder.system_name("world").worker_threads(0).clock(clock).build()) {}
  ~World() {
    barrier.open();
    system.poll();
  }

  void shut_down(coerce::Duration deadline, std::optional<ShutdownReport>& into) {
    system.spawn(report_to(system, deadline, into));
    system.poll();
  }
  ShutdownReport shut_down(coerce::Duration deadline = 10s) {
    std::optional<ShutdownReport> report;
    shut_down(deadline, report);
    for (int i = 0; i < 20 && !report; ++i) {
      clock.advance(deadline / 10);
      system.poll();
    }
    REQUIRE(report.has_value());
    return *report;
  }

  ManualClock clock;
  Barrier barrier;
  Log log;
  ActorSystem system;
};

}  // namespace

// ── What is in the way ──────────────────────────────────────────────────────────────────────────

TEST_CASE("a shutdown names a suspended child, not the parent that only waits for it",
          "[shutdown][W-30]") {
  World world;
  auto parent = start_tracked<Waiting>(world.system, "parent", world.barrier);
  (void)parent.notify(SpawnWaiting{});
  world.system.poll();

  const auto report = world.shut_down();
  CHECK_FALSE(report.complete);
  CHECK(report.phase == ShutdownPhase::UserActors);
  REQUIRE(report.stuck.size() == 1);
  CHECK(report.stuck[0].path.view() == "world/parent/child");
  CHECK(report.stuck[0].actor_type == "Waiting");
  CHECK(report.stuck[0].message_type == "Wait");
  CHECK(report.stuck[0].handling_for >= 10s);
}

TEST_CASE("a shutdown names a parent that handles a message beside its child", "[shutdown][W-30]") {
  World world;
  auto parent = start_tracked<Waiting>(world.system, "parent", world.barrier);
  (void)parent.notify(SpawnWaiting{});
  (void)parent.notify(Wait{});
  world.system.poll();

  const auto report = world.shut_down();
  REQUIRE(report.stuck.size() == 2);
  CHECK(report.stuck[0].path.view() == "world/parent/child");
  CHECK(report.stuck[1].path.view() == "world/parent");
}

TEST_CASE("a shutdown says that an actor hangs in a hook", "[shutdown][W-30]") {
  World world;
  auto actor = start_tracked<SlowToStop>(world.system, "slow", world.barrier);
  const auto report = world.shut_down();
  REQUIRE(report.stuck.size() == 1);
  CHECK(report.stuck[0].message_type == "a hook");
}

TEST_CASE("a shutdown names a child that keeps its worker", "[shutdown][W-30]") {
  Gate entered;
  Gate release;
  auto system = make_system();
  const OpenAtEnd opener(release);
  auto parent = start_tracked<ParentOfBusy>(system, "parent", entered, release);
  (void)parent.notify(BlockChild{});
  REQUIRE(entered.wait());

  const auto report = system.shutdown_blocking(50ms);
  CHECK_FALSE(report.complete);
  REQUIRE(report.stuck.size() == 1);
  CHECK_THAT(std::string(report.stuck[0].path.view()), Catch::EndsWith("/parent/busy-child"));
  CHECK(report.stuck[0].message_type == "Block");
}

TEST_CASE("a shutdown names a thousand actors at most", "[shutdown][W-30]") {
  World world;
  for (int i = 0; i < 1001; ++i) {
    auto actor = start<Waiting>(world.system, world.barrier);
    (void)actor.notify(Wait{});
  }
  CHECK(world.shut_down().stuck.size() == 1000);
}

TEST_CASE("a shutdown counts a task that does not stop", "[shutdown][W-30]") {
  World world;
  world.system.spawn(
      [](Barrier& barrier) -> Task<void> { co_await barrier.wait(); }(world.barrier));
  const auto report = world.shut_down();
  CHECK_FALSE(report.complete);
  CHECK(report.phase == ShutdownPhase::Tasks);
  CHECK(report.stuck_tasks == 1);
}

TEST_CASE("a shutdown ends a tenth of a second after its deadline at the latest",
          "[shutdown][W-30]") {
  World world;
  auto actor = start<Waiting>(world.system, world.barrier);
  (void)actor.notify(Wait{});
  world.system.spawn(
      [](Barrier& barrier) -> Task<void> { co_await barrier.wait(); }(world.barrier));
  std::optional<ShutdownReport> report;
  world.shut_down(10s, report);
  world.clock.advance(10s);
  world.system.poll();
  world.clock.advance(100ms);
  world.system.poll();
  CHECK(report.has_value());
}

TEST_CASE("a shutdown with nothing in its way takes no time", "[shutdown][W-30]") {
  World world;
  auto actor = start<StopLogger>(world.system, world.log, "actor");
  world.system.spawn([]() -> Task<void> { (void)co_await coerce::sleep_for(1h); }());
  std::optional<ShutdownReport> report;
  world.shut_down(10s, report);
  REQUIRE(report.has_value());
  CHECK(report->complete);
  CHECK(report->phase == ShutdownPhase::Done);
  CHECK(report->took == 0s);
}

// ── Phases ──────────────────────────────────────────────────────────────────────────────────────

TEST_CASE("a shutdown takes its phases in order, extensions in reverse", "[shutdown][W-30]") {
  World world;
  value_of(world.system.extend(std::make_shared<Recorder<1>>(world.log)));
  value_of(world.system.extend(std::make_shared<Recorder<2>>(world.log)));
  auto user = start<StopLogger>(world.system, world.log, "user");
  world.system.spawn([](Log& log) -> Task<void> {
    (void)co_await coerce::sleep_for(1h);
    log.add("task stopped");
  }(world.log));
  CHECK(world.shut_down().complete);
  std::vector<std::string> lines = world.log.lines();
  std::sort(lines.begin(), lines.begin() + 2);  // both at the same time
  CHECK(lines == std::vector<std::string>{
                     "extension 1 accepts no more", "extension 2 accepts no more", "user stopped",
                     "extension 2 stopped", "actor of extension 2 stopped", "extension 1 stopped",
                     "actor of extension 1 stopped", "task stopped"});
}

TEST_CASE("an extension that never stops is named, and the rest goes on", "[shutdown][W-30]") {
  World world;
  value_of(world.system.extend(std::make_shared<Recorder<1>>(world.log)));
  value_of(world.system.extend(std::make_shared<Recorder<2>>(world.log, &world.barrier)));
  const auto report = world.shut_down();
  CHECK_FALSE(report.complete);
  CHECK(report.phase == ShutdownPhase::Extensions);
  CHECK(report.stuck_extensions == std::vector<std::string>{"extension 2"});
  CHECK(report.stuck.empty());
  CHECK(world.log.lines().back() == "actor of extension 1 stopped");
}

TEST_CASE("an actor that does not stop leaves half of the time to the extensions",
          "[shutdown][W-30]") {
  World world;
  value_of(world.system.extend(std::make_shared<Recorder<1>>(world.log)));
  auto actor = start<Waiting>(world.system, world.barrier);
  (void)actor.notify(Wait{});
  std::optional<ShutdownReport> report;
  world.shut_down(10s, report);
  CHECK(world.log.lines() == std::vector<std::string>{"extension 1 accepts no more"});
  world.clock.advance(5s);
  world.system.poll();
  CHECK(world.log.lines().back() == "actor of extension 1 stopped");
  CHECK_FALSE(report.has_value());

  world.barrier.open();  // late, but before the deadline
  world.system.poll();
  REQUIRE(report.has_value());
  CHECK(report->complete);
}

TEST_CASE("an extension that throws when it stops is named", "[shutdown][W-30]") {
  World world;
  value_of(world.system.extend(std::make_shared<ThrowsAtStop>()));
  const auto report = world.shut_down();
  CHECK_FALSE(report.complete);
  CHECK(report.phase == ShutdownPhase::Done);
  CHECK(report.stuck_extensions == std::vector<std::string>{"thrower"});
}

// ── Several shutdowns, and those who ask for one ────────────────────────────────────────────────

TEST_CASE("a second shutdown waits for the first", "[shutdown][W-30]") {
  World world;
  auto actor = start<Waiting>(world.system, world.barrier);
  (void)actor.notify(Wait{});
  std::optional<ShutdownReport> first;
  std::optional<ShutdownReport> second;
  world.shut_down(10s, first);
  world.shut_down(20s, second);
  CHECK_FALSE(second.has_value());
  world.barrier.open();
  world.system.poll();
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(first->complete);
  CHECK(second->complete);
}

TEST_CASE("a second shutdown ends by its own deadline", "[shutdown][W-30]") {
  World world;
  auto actor = start<Waiting>(world.system, world.barrier);
  (void)actor.notify(Wait{});
  std::optional<ShutdownReport> first;
  std::optional<ShutdownReport> second;
  world.shut_down(10s, first);
  world.shut_down(1s, second);
  world.clock.advance(1s);
  world.system.poll();
  CHECK_FALSE(first.has_value());
  REQUIRE(second.has_value());
  CHECK_FALSE(second->complete);
  CHECK(second->stuck.size() == 1);
}

TEST_CASE("a shutdown after an incomplete one finds what has ended since", "[shutdown][W-30]") {
  World world;
  auto actor = start<Waiting>(world.system, world.barrier);
  (void)actor.notify(Wait{});
  CHECK_FALSE(world.shut_down(1s).complete);
  world.barrier.open();
  world.system.poll();
  CHECK(world.shut_down(1s).complete);
}

TEST_CASE("a handler that shuts its system down gets a report that names it, and all ends",
          "[shutdown][W-30]") {
  World world;
  std::optional<ShutdownReport> report;
  auto actor = start_tracked<Suicidal>(world.system, "suicidal", report);
  (void)actor.notify(ShutDown{});
  world.system.poll();
  REQUIRE(report.has_value());
  CHECK_FALSE(report->complete);
  REQUIRE(report->stuck.size() == 1);
  CHECK(report->stuck[0].path.view() == "world/suicidal");
  CHECK(report->stuck[0].message_type == "ShutDown");
  CHECK(world.system.live_actor_count() == 0);
  CHECK(world.shut_down().complete);
}

TEST_CASE("everybody who waits for a shutdown is told of its end, whoever came first",
          "[shutdown]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    ActorSystem system = ActorSystem::builder().shuffled(true).seed(seed).build();
    std::vector<bool> complete;
    const auto shut_down = [&complete](ActorSystem shared) -> coerce::Task<void> {
      const coerce::ShutdownReport report = co_await shared.shutdown();
      complete.push_back(report.complete);
    };
    for (int i = 0; i < 4; ++i) system.spawn(shut_down(system));
    system.run();
    CHECK(complete == std::vector<bool>(4, true));
  }
}
