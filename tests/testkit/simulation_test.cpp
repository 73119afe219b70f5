#include <coerce/testkit/simulation.hpp>

#include <coerce/runtime/blocking.hpp>
#include <coerce/testkit/catch2.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "testkit/network_support.hpp"
#include "testkit/support.hpp"

namespace coerce::test::simulation_cases {
namespace {

using namespace std::chrono_literals;

using Catch::Matchers::Contains;
using testkit::ExpectationFailed;
using testkit::SimulatedNode;
using testkit::Simulation;

using Trace = std::vector<std::string>;

struct Tick {
  static constexpr std::string_view type_name = "Tick";
};

/// Ticks a few times, after drawn sleeps, and tells somebody.
class Ticker : public Actor {
 public:
  static constexpr std::string_view type_name = "Ticker";
  explicit Ticker(Receiver<Tick> told) : told_(std::move(told)) {}
  Task<void> handle(Tick, ActorContext& ctx) {
    for (int i = 0; i < 5; ++i) {
      const auto wait = ctx.system().scheduler().rng().below(20);
      (void)co_await sleep_for(Duration(std::chrono::milliseconds(wait)));
      (void)told_.notify(Tick{});
    }
  }

 private:
  Receiver<Tick> told_;
};

/// Something of everything: actors, timers, blocking work, streams, and what befalls them.
Trace busy_run(std::uint64_t seed) {
  Simulation sim({.seed = seed, .nodes = 4, .trace_lines = 100'000});
  std::vector<Ends> streams;
  for (NodeId id = 1; id <= 4; ++id) {
    auto& node = sim.node(id);
    auto probe = node.probe<Tick>();
    auto ticker = node.start<Ticker>("", probe.ref());
    (void)ticker.notify(Tick{});
    streams.push_back(make_stream(sim, id, id % 4 + 1));
    node.system().spawn(write_all(streams.back().dialler, numbered(50'000)));
    sim.node(id % 4 + 1).system().spawn(read_all(streams.back().acceptor, &sim));
    const auto work = []() -> Task<void> { co_await blocking([] {}); };
    node.system().spawn(work());
    (void)probe.receive(1s);
  }
  sim.partition({1}, {2, 3});
  sim.run_for(10ms);
  sim.cut(3, 4);
  sim.run_for(Duration(static_cast<Duration::rep>(sim.draw(5'000'000))));
  sim.crash(4);
  sim.heal();
  sim.run_for(1s);
  sim.restart(4);
  sim.run_for(1s);
  return sim.trace();
}

TEST_CASE("two simulations of one seed are the same, step by step", "[simulation]") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Trace first = busy_run(seed);
    // Memory that is elsewhere, so that an order by addresses would show.
    const auto elsewhere = std::make_unique<char[]>(100'000);
    const Trace second = busy_run(seed);
    REQUIRE(first.size() > 100);
    CHECK(first == second);
  }
}

TEST_CASE("simulations of different seeds differ", "[simulation]") {
  CHECK(busy_run(1) != busy_run(2));
}

TEST_CASE("what is recorded is what happens without a record", "[simulation]") {
  const auto ends_at = [](std::size_t trace_lines) {
    Simulation sim({.seed = 5, .nodes = 2, .trace_lines = trace_lines});
    Ends ends = make_stream(sim, 1, 2);
    sim.node(1).system().spawn(write_all(ends.dialler, numbered(100'000)));
    sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
    (void)sim.run_until([&] { return ends.acceptor->bytes.size() == 100'000; }, 1min);
    return sim.now();
  };
  CHECK(ends_at(0) == ends_at(10'000));
}

TEST_CASE("which node runs first is drawn", "[simulation]") {
  bool first_was[4] = {};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Simulation sim({.seed = seed});
    std::vector<NodeId> order;
    for (NodeId id = 1; id <= 3; ++id)
      sim.node(id).system().spawn(sleep_then(5ms, [&order, id] { order.push_back(id); }));
    sim.run_for(10ms);
    REQUIRE(order.size() == 3);
    first_was[order.front()] = true;
  }
  CHECK(first_was[1]);
  CHECK(first_was[2]);
  CHECK(first_was[3]);
}

TEST_CASE("time passes for all nodes together, and only when none is ready", "[simulation]") {
  Simulation sim({.seed = 42});
  std::vector<Duration> woken;
  sim.node(1).system().spawn(sleep_each({1h, 2h}, [&] { woken.push_back(sim.now()); }));
  sim.node(3).system().spawn(sleep_each({2h}, [&] { woken.push_back(sim.now()); }));
  sim.run_for(4h + 1ns);
  CHECK(woken == std::vector<Duration>{1h, 2h, 3h});
  CHECK(sim.now() == 4h + 1ns);
}

TEST_CASE("run() gives the result of a task of a node, and lets the others run", "[simulation]") {
  Simulation sim({.seed = 42});
  bool other_ran = false;
  sim.node(2).system().spawn(sleep_then(1s, [&] { other_ran = true; }));
  const auto sleep = []() -> Task<int> {
    (void)co_await sleep_for(2s);
    co_return 7;
  };
  CHECK(sim.node(1).run(sleep()) == 7);
  CHECK(other_ran);
  CHECK(sim.now() == 2s);
}

TEST_CASE("run() of what can never be done says where it waits", "[simulation]") {
  Simulation sim({.seed = 42, .nodes = 2});
  auto waiter = sim.node(2).start<Waiter>("waiter");
  CHECK_THROWS_WITH(sim.node(2).run(waiter.send(WaitForEver{})),
                    Contains("node 2") && Contains("waiter") && Contains("seed 42"));
}

TEST_CASE("block_on() on one node fails where only the others could help", "[simulation]") {
  Simulation sim({.seed = 1, .nodes = 2});
  CHECK_THROWS_AS(sim.node(1).system().block_on(sleep_for(1s)), std::logic_error);
}

TEST_CASE("nodes that never become idle are named", "[simulation]") {
  Simulation sim({.seed = 9, .nodes = 2, .max_steps = 1000});
  auto runner = sim.node(2).start<Runner>("runner");
  (void)runner.notify(Run{});
  CHECK_THROWS_WITH(sim.run_for(1s),
                    Contains("not idle after 1000 steps") && Contains("2: runner"));
}

TEST_CASE("a check that fails tells the seed and the time", "[simulation]") {
  Simulation sim({.seed = 4711});
  sim.run_for(3s);
  CHECK_NOTHROW(sim.check(true, "well"));
  CHECK_THROWS_WITH(sim.check(false, "ill"),
                    Contains("ill") && Contains("seed 4711") && Contains("at 3 s"));
}

TEST_CASE("the environment's seed replaces the given one", "[simulation]") {
  const EnvironmentSeed seed("99");
  CHECK(Simulation({.seed = 1}).seed() == 99);
}

// ---- nodes --------------------------------------------------------------------------------------

TEST_CASE(
    "a node that crashes is gone, with all its actors, while time stands still for the others",
    "[simulation]") {
  Simulation sim({.seed = 2, .nodes = 2});
  auto waiter = sim.node(1).start<Waiter>("waiter");
  (void)waiter.notify(WaitForEver{});
  bool fired = false;
  sim.node(2).system().spawn(sleep_then(1ms, [&] { fired = true; }));
  sim.run_for(0s);
  sim.crash(1);
  CHECK_FALSE(fired);
  CHECK(sim.now() == 0s);
  CHECK_FALSE(sim.node(1).is_alive());
  CHECK_FALSE(waiter.is_valid());
  CHECK_THROWS_AS(sim.node(1).system(), std::logic_error);
  CHECK_THROWS_AS(sim.crash(1), std::logic_error);
  CHECK_THROWS_AS(sim.pause(1), std::logic_error);
  sim.run_for(1ms);
  CHECK(fired);
}

/// Says something when it is stopped.
class LastWords : public Actor {
 public:
  explicit LastWords(SeenPtr out) : out_(std::move(out)) {}
  Task<void> stopped(ActorContext&) {
    const Bytes words = numbered(100);
    (void)co_await sleep_for(1s);
    auto written = co_await out_->connection->write(words);
    if (!written) out_->error = written.error().kind();
  }

 private:
  SeenPtr out_;
};

TEST_CASE("nothing leaves a node that has crashed", "[simulation]") {
  Simulation sim({.seed = 2, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  sim.node(1).start<LastWords>("last", ends.dialler);
  const auto transport = sim.node(1).transport();
  sim.crash(1);
  CHECK(ends.dialler->error == TransportErrKind::Lost);
  sim.run_for(1min);
  CHECK(ends.acceptor->bytes.empty());
  CHECK(ends.acceptor->over_at);
  sim.restart(1);
  // The old life's way into the network stays closed.
  const auto connected = sim.node(2).run(transport->connect(ends.listener->local_address()));
  REQUIRE_FALSE(connected);
  CHECK(connected.error().kind() == TransportErrKind::Unreachable);
  CHECK_FALSE(sim.node(2).run(transport->listen("10.0.0.1:1")));
}

TEST_CASE("a node that starts again has a new life with the same id", "[simulation]") {
  std::vector<std::string> started;
  Simulation sim({.seed = 3, .nodes = 2});
  sim.on_start([&](SimulatedNode& node) {
    started.push_back(fmt::format("{}/{}", node.id(), node.life()));
  });
  const ActorId before = sim.node(2).system().system_id();
  CHECK_THROWS_AS(sim.restart(2), std::logic_error);
  sim.crash(2);
  sim.restart(2);
  CHECK(sim.node(2).is_alive());
  CHECK(sim.node(2).life() == 2);
  CHECK(sim.node(2).system().system_id() != before);
  CHECK(sim.node(2).system().system_name().view() == "node-2");
  CHECK(started == std::vector<std::string>{"1/1", "2/1", "2/2"});
  CHECK(sim.happened().crashes == 1);
  CHECK(sim.happened().restarts == 1);
  CHECK(sim.node(2).run(sleep_for(1s)));
}

TEST_CASE("systems get the settings of the test", "[simulation]") {
  Simulation sim({.seed = 3, .nodes = 2}, [](ActorSystemBuilder& builder, NodeId id) {
    builder.system_name(fmt::format("berth-{}", id)).max_actors(3);
  });
  CHECK(sim.node(2).system().system_name().view() == "berth-2");
}

TEST_CASE("a paused node does not run while time passes", "[simulation]") {
  Simulation sim({.seed = 3, .nodes = 2});
  std::vector<Duration> woken;
  sim.node(1).system().spawn(sleep_each({1s, 1s, 1s}, [&] { woken.push_back(sim.now()); }));
  sim.run_for(0s);
  sim.pause(1);
  CHECK(sim.is_paused(1));
  CHECK_THROWS_AS(sim.pause(1), std::logic_error);
  sim.run_for(10s);
  CHECK(woken.empty());
  sim.resume(1);
  CHECK_THROWS_AS(sim.resume(1), std::logic_error);
  sim.run_for(10s);
  CHECK(woken == std::vector<Duration>{10s, 11s, 12s});
}

TEST_CASE("a simulation shuts down with paused, parted and crashed nodes", "[simulation]") {
  Simulation sim({.seed = 3});
  sim.node(1).start<Waiter>("waiter");
  Ends ends = make_stream(sim, 1, 2);
  sim.node(1).system().spawn(read_all(ends.dialler, &sim));
  sim.node(2).system().spawn(write_all(ends.acceptor, numbered(1'000'000)));
  sim.partition({1}, {2});
  sim.pause(1);
  sim.crash(3);
  CHECK_NOTHROW(sim.shutdown());
}

TEST_CASE("an actor that does not stop is named with its node", "[simulation]") {
  Latch latch;
  Simulation sim({.seed = 3, .nodes = 2, .shutdown_deadline = 1s});
  auto stubborn = sim.node(2).start<StubbornWaiter>("stubborn", latch);
  (void)stubborn.notify(WaitForEver{});
  latch.open_at(sim.node(2).system(), 10s);
  CHECK_THROWS_WITH(sim.shutdown(), Contains("node 2") && Contains("stubborn"));
  sim.run_for(20s);
}

TEST_CASE("a probe of a node is shown what others of that node send", "[simulation]") {
  Simulation sim({.seed = 3, .nodes = 2});
  auto probe = sim.node(2).probe<Tick>();
  auto ticker = sim.node(2).start<Ticker>("ticker", probe.ref());
  (void)ticker.notify(Tick{});
  for (int i = 0; i < 5; ++i) (void)probe.receive();
  probe.expect_none(1s);
}

}  // namespace
}  // namespace coerce::test::simulation_cases
