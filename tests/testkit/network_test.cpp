#include <coerce/testkit/simulation.hpp>

#include <coerce/actor/timeout.hpp>
#include <coerce/testkit/catch2.hpp>
#include <coerce/testkit/simulation_batch.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "testkit/network_support.hpp"

namespace coerce::test::network_cases {
namespace {

using namespace std::chrono_literals;

using testkit::CrashKind;
using testkit::Notice;
using testkit::PartitionKind;
using testkit::Simulation;

constexpr testkit::Shares kNothingNeedBefall{};

TEST_CASE("a stream brings all bytes in their order, cut wherever the network likes", "[network]") {
  std::size_t most_reads = 0;
  const auto scenario = [&](Simulation& sim) {
    Ends ends = make_stream(sim, 1, 2);
    const Bytes sent = numbered(5000 + sim.draw(200'000));
    sim.node(1).system().spawn(write_all(ends.dialler, sent));
    sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
    sim.check(sim.run_until([&] { return ends.dialler->all_written; }, 60s), "it is written");
    ends.dialler->connection->close();
    sim.check(sim.run_until([&] { return ends.acceptor->ended; }, 60s), "its end is read");
    sim.check(ends.acceptor->bytes == sent, "what was read is what was written");
    most_reads = std::max(most_reads, ends.acceptor->reads);
  };
  CHECK_EXPLORED(scenario, {.seeds = 100, .at_least_percent = kNothingNeedBefall});
  CHECK(most_reads > 50);
}

TEST_CASE("both directions of a stream are independent", "[network]") {
  Simulation sim({.seed = 7, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  const Bytes sent = numbered(300'000);
  for (const SeenPtr& end : {ends.dialler, ends.acceptor}) {
    auto& system = sim.node(end == ends.dialler ? 1 : 2).system();
    system.spawn(write_all(end, sent));
    system.spawn(read_all(end, &sim));
  }
  REQUIRE(sim.run_until(
      [&] {
        return ends.dialler->bytes.size() == sent.size() &&
               ends.acceptor->bytes.size() == sent.size();
      },
      60s));
  CHECK(ends.dialler->bytes == sent);
  CHECK(ends.acceptor->bytes == sent);
}

TEST_CASE("who connects to where nobody listens is refused", "[network]") {
  Simulation sim({.seed = 1});
  CHECK(connect_error(sim, 1, "10.0.0.2:99") == TransportErrKind::Refused);
  CHECK(connect_error(sim, 1, "node-3:99") == TransportErrKind::Refused);
  CHECK(connect_error(sim, 1, "10.0.0.77:99") == TransportErrKind::Refused);
  CHECK(connect_error(sim, 1, "example.org:99") == TransportErrKind::BadAddress);
  CHECK(connect_error(sim, 1, "10.0.0.2") == TransportErrKind::BadAddress);
  CHECK(sim.now() < 100ms);
  CHECK(sim.happened().refused_connects == 3);
}

TEST_CASE("a node listens at its own addresses only, at each once", "[network]") {
  Simulation sim({.seed = 1});
  const auto listener = listen_at(sim.node(1), "30101");
  CHECK(listener->local_address() == "10.0.0.1:30101");
  const auto other = listen_at(sim.node(1));
  CHECK(other->local_address() != listener->local_address());
  auto again = sim.node(1).run(sim.node(1).transport()->listen("0.0.0.0:30101"));
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == TransportErrKind::AddressInUse);
  auto foreign = sim.node(1).run(sim.node(1).transport()->listen("10.0.0.2:30101"));
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().kind() == TransportErrKind::BadAddress);
  listener->close();
  CHECK(listen_at(sim.node(1), "30101")->local_address() == "10.0.0.1:30101");
}

TEST_CASE("names are resolved to addresses", "[network]") {
  Simulation sim({.seed = 1});
  const auto found = sim.run(sim.node(1).transport()->resolve("node-3:17"));
  REQUIRE(found);
  CHECK(*found == std::vector<std::string>{"10.0.0.3:17"});
  CHECK_FALSE(sim.run(sim.node(1).transport()->resolve("node-4:17")));
}

TEST_CASE("random bytes differ from node to node and from life to life", "[network]") {
  Simulation sim({.seed = 1, .nodes = 2});
  std::vector<Bytes> drawn(3, Bytes(32));
  sim.node(1).transport()->random_bytes(drawn[0]);
  sim.node(2).transport()->random_bytes(drawn[1]);
  sim.crash(1);
  sim.restart(1);
  sim.node(1).transport()->random_bytes(drawn[2]);
  CHECK(drawn[0] != drawn[1]);
  CHECK(drawn[0] != drawn[2]);
}

// ---- room ---------------------------------------------------------------------------------------

TEST_CASE("a write waits while the other side does not read", "[network]") {
  Simulation sim({.seed = 3, .nodes = 2, .network = {.window = 10'000}});
  Ends ends = make_stream(sim, 1, 2);
  const Bytes sent = numbered(100'000);
  sim.node(1).system().spawn(write_all(ends.dialler, sent));
  sim.run_for(1h);
  CHECK_FALSE(ends.dialler->all_written);
  CHECK(ends.dialler->connection->written() == 10'000);
  CHECK(sim.bytes_in_network() == 10'000);

  std::size_t most = 0;
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim, 100));
  REQUIRE(sim.run_until(
      [&] {
        most = std::max(most, sim.bytes_in_network());
        return ends.dialler->all_written;
      },
      60s));
  CHECK(most <= 10'000);
  sim.run_for(1s);
  CHECK(ends.acceptor->bytes == sent);
}

TEST_CASE("a slow path brings its bytes in their time", "[network]") {
  Simulation sim({.seed = 4, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  sim.slow(1, 2, 1000);
  sim.node(1).system().spawn(write_all(ends.dialler, numbered(10'000)));
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  sim.run_for(5s);
  CHECK(ends.acceptor->bytes.size() <= 5'000);
  sim.run_for(6s);
  CHECK(ends.acceptor->bytes.size() == 10'000);
}

TEST_CASE("who connects to a listener that does not accept hears nothing when its row is full",
          "[network]") {
  Simulation sim({.seed = 5, .nodes = 2, .network = {.backlog = 2}});
  const auto listener = listen_at(sim.node(2), "1");
  const auto connect = [&] {
    return sim.node(1).run(sim.node(1).transport()->connect("10.0.0.2:1"));
  };
  const auto first = connect();
  const auto second = connect();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(connect_error(sim, 1, "10.0.0.2:1") == TransportErrKind::Timeout);
  CHECK(sim.now() > 2min);
  const auto accepted = sim.node(2).run(listener->accept());
  REQUIRE(accepted);
  CHECK(connect());
}

// ---- ends ---------------------------------------------------------------------------------------

TEST_CASE("what was written before close() arrives, and then nothing can be written back",
          "[network]") {
  Simulation sim({.seed = 6, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  const Bytes sent = numbered(20'000);
  sim.node(1).run(write_all(ends.dialler, sent));
  ends.dialler->connection->close();
  sim.node(2).run(read_all(ends.acceptor, &sim));
  CHECK(ends.acceptor->ended);
  CHECK(ends.acceptor->bytes == sent);
  sim.node(2).system().spawn(write_all(ends.acceptor, numbered(1'000'000)));
  sim.run_for(1s);
  CHECK(ends.acceptor->error == TransportErrKind::Lost);
}

TEST_CASE("close() ends what waits on its own side", "[network]") {
  Simulation sim({.seed = 6, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  sim.node(1).system().spawn(read_all(ends.dialler, &sim));
  SeenPtr next;
  sim.node(2).system().spawn(accept_into(ends.listener, &next));
  sim.run_for(1s);
  CHECK_FALSE(ends.dialler->over_at);
  ends.dialler->connection->close();
  ends.listener->close();
  sim.run_for(1s);
  CHECK(ends.dialler->error == TransportErrKind::Closed);
  CHECK_FALSE(next);
  CHECK(connect_error(sim, 1, ends.listener->local_address()) == TransportErrKind::Refused);
}

TEST_CASE("a task that is asked to stop does not wait for the network any more", "[network]") {
  Simulation sim({.seed = 6, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  sim.partition({1}, {2});
  const auto stops = [&](auto task) {
    const Duration before = sim.now();
    const auto result = sim.node(1).run(with_timeout(std::move(task), 10s));
    return !result && sim.now() - before < 10s + 2ms;  // a tick is a millisecond
  };
  Bytes buffer(10);
  const Bytes much = numbered(1'000'000);
  const auto listener = listen_at(sim.node(1));
  CHECK(stops(ends.dialler->connection->read_some(buffer)));
  CHECK(stops(ends.dialler->connection->write(much)));
  CHECK(stops(listener->accept()));
  CHECK(stops(sim.node(1).transport()->connect("10.0.0.2:1")));
}

TEST_CASE("of a stream that is cut a prefix arrives, and who is told learns it after that",
          "[network]") {
  std::size_t cut_short = 0;
  std::size_t told_sides[3] = {};
  const auto scenario = [&](Simulation& sim) {
    Ends ends = make_stream(sim, 1, 2);
    const Bytes sent = numbered(30'000);
    sim.node(1).run(write_all(ends.dialler, sent));
    sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
    sim.node(1).system().spawn(read_all(ends.dialler, &sim));
    sim.run_for(Duration(static_cast<Duration::rep>(sim.draw(4'000'000))));
    sim.cut(1, 2);
    sim.run_for(2min);
    sim.check(is_prefix_of(ends.acceptor->bytes, sent), "what arrives is a prefix");
    if (ends.acceptor->bytes.size() < sent.size()) ++cut_short;
    std::size_t told = 0;
    for (const SeenPtr& end : {ends.dialler, ends.acceptor}) {
      sim.check(!end->over_at || end->error == TransportErrKind::Lost, "it is lost, not ended");
      if (end->over_at) ++told;
    }
    sim.check(told != 0, "somebody is told");
    ++told_sides[told];
  };
  CHECK_EXPLORED(scenario, {.seeds = 200, .at_least_percent = {.cut = 100}});
  CHECK(cut_short > 20);
  CHECK(told_sides[1] > 20);
  CHECK(told_sides[2] > 20);
}

TEST_CASE("who is told of a cut follows the notice", "[network]") {
  const auto told = [](Notice notice) {
    Simulation sim({.seed = 11, .nodes = 2});
    Ends ends = make_stream(sim, 1, 2);
    sim.node(1).system().spawn(read_all(ends.dialler, &sim));
    sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
    sim.cut(1, 2, notice);
    const Duration cut_at = sim.now();
    sim.run_for(2min);
    std::vector<Duration> after;
    for (const SeenPtr& end : {ends.dialler, ends.acceptor})
      if (end->over_at) after.push_back(*end->over_at - cut_at);
    return after;
  };
  const auto at_once = told(Notice::AtOnce);
  REQUIRE(at_once.size() == 2);
  CHECK(std::max(at_once[0], at_once[1]) < 10ms);
  const auto late = told(Notice::Late);
  REQUIRE(late.size() == 2);
  CHECK(std::max(late[0], late[1]) < 61s);
  CHECK(std::max(late[0], late[1]) > 10ms);
  const auto one_side = told(Notice::OneSide);
  REQUIRE(one_side.size() == 1);
  CHECK(one_side[0] < 10ms);
}

// ---- paths --------------------------------------------------------------------------------------

TEST_CASE("a partition holds what is sent until it is healed", "[network]") {
  Simulation sim({.seed = 8});
  Ends parted = make_stream(sim, 1, 2);
  Ends together = make_stream(sim, 3, 2);
  sim.partition({1}, {2});
  const Bytes sent = numbered(20'000);
  for (const Ends& ends : {parted, together}) {
    sim.node(&ends == &parted ? 1 : 3).system().spawn(write_all(ends.dialler, sent));
    sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  }
  sim.run_for(2min);
  CHECK(parted.acceptor->bytes.empty());
  CHECK(together.acceptor->bytes == sent);
  sim.heal();
  sim.run_for(1s);
  CHECK(parted.acceptor->bytes == sent);
  CHECK_FALSE(parted.acceptor->error);
  CHECK(sim.happened().held >= 1);
}

TEST_CASE("who connects across a partition hears nothing until it gives up or is healed",
          "[network]") {
  Simulation sim({.seed = 9});
  const auto listener = listen_at(sim.node(2), "1");
  sim.partition({1}, {2, 3});
  CHECK(connect_error(sim, 1, "10.0.0.2:1") == TransportErrKind::Timeout);
  CHECK(sim.now() >= 127s);
  CHECK(sim.now() < 128s);
  bool connected = false;
  const auto dial = [&]() -> Task<void> {
    auto stream = co_await sim.node(1).transport()->connect("10.0.0.2:1");
    connected = stream.has_value();
  };
  sim.node(1).system().spawn(dial());
  sim.run_for(10s);
  CHECK_FALSE(connected);
  sim.heal();
  sim.run_for(10s);
  CHECK(connected);
}

TEST_CASE("a partition that refuses breaks streams for the side that sends", "[network]") {
  Simulation sim({.seed = 10, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  sim.partition({1}, {2}, PartitionKind::Refused);
  CHECK(connect_error(sim, 1, ends.listener->local_address()) == TransportErrKind::Refused);
  sim.node(1).system().spawn(read_all(ends.dialler, &sim));
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  sim.node(1).run(write_all(ends.dialler, numbered(10)));
  sim.run_for(1min);
  CHECK(ends.dialler->error == TransportErrKind::Lost);
  CHECK_FALSE(ends.acceptor->over_at);
}

TEST_CASE("a stall holds one direction", "[network]") {
  Simulation sim({.seed = 10, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  sim.stall(1, 2);
  sim.node(1).system().spawn(read_all(ends.dialler, &sim));
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  sim.node(1).run(write_all(ends.dialler, numbered(10)));
  sim.node(2).run(write_all(ends.acceptor, numbered(20)));
  sim.run_for(1min);
  CHECK(ends.dialler->bytes == numbered(20));
  CHECK(ends.acceptor->bytes.empty());
  sim.heal();
  sim.run_for(1s);
  CHECK(ends.acceptor->bytes == numbered(10));
}

// ---- nodes --------------------------------------------------------------------------------------

TEST_CASE("a process that crashes ends or resets its streams, after a part of what it sent",
          "[network]") {
  std::size_t ended = 0;
  std::size_t reset = 0;
  const auto scenario = [&](Simulation& sim) {
    Ends ends = make_stream(sim, 1, 2);
    const Bytes sent = numbered(30'000);
    sim.node(1).run(write_all(ends.dialler, sent));
    sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
    sim.crash(1);
    sim.check(sim.run_until([&] { return ends.acceptor->over_at.has_value(); }, 1s), "it is told");
    sim.check(is_prefix_of(ends.acceptor->bytes, sent), "what arrives is a prefix");
    ++(ends.acceptor->ended ? ended : reset);
    sim.check(connect_error(sim, 2, "10.0.0.1:1") == TransportErrKind::Refused, "nobody listens");
  };
  CHECK_EXPLORED(scenario, {.seeds = 100, .at_least_percent = {.crash_in_flight = 90}});
  CHECK(ended > 20);
  CHECK(reset > 20);
}

TEST_CASE("of a machine that crashes nothing is heard until it is there again", "[network]") {
  Simulation sim({.seed = 12, .nodes = 2});
  Ends ends = make_stream(sim, 1, 2);
  const auto listener = listen_at(sim.node(1), "1");
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  sim.crash(1, CrashKind::Machine);
  CHECK(connect_error(sim, 2, "10.0.0.1:1") == TransportErrKind::Timeout);
  CHECK_FALSE(ends.acceptor->over_at);
  sim.node(2).run(write_all(ends.acceptor, numbered(10)));
  sim.run_for(1h);
  CHECK_FALSE(ends.acceptor->over_at);
  sim.restart(1);
  sim.run_for(1s);
  CHECK(ends.acceptor->error == TransportErrKind::Lost);
}

TEST_CASE("the machine of a paused node takes in streams and bytes, as far as there is room",
          "[network]") {
  Simulation sim({.seed = 13, .nodes = 2, .network = {.window = 5'000}});
  Ends ends = make_stream(sim, 1, 2);
  sim.node(2).system().spawn(read_all(ends.acceptor, &sim));
  sim.run_for(1s);
  sim.pause(2);
  const Bytes sent = numbered(20'000);
  sim.node(1).system().spawn(write_all(ends.dialler, sent));
  const auto second =
      sim.node(1).run(sim.node(1).transport()->connect(ends.listener->local_address()));
  CHECK(second);
  sim.run_for(1min);
  CHECK(ends.dialler->connection->written() == 5'000);
  CHECK(ends.acceptor->bytes.empty());
  sim.resume(2);
  sim.run_for(1s);
  CHECK(ends.acceptor->bytes == sent);
}

TEST_CASE("options of the network that make no sense are refused by name", "[network]") {
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(Simulation({.seed = 1, .nodes = 0}), Contains("nodes"));
  CHECK_THROWS_WITH(Simulation({.seed = 1, .nodes = 251}), Contains("nodes"));
  CHECK_THROWS_WITH(Simulation({.seed = 1, .network = {.window = 0}}), Contains("window"));
  CHECK_THROWS_WITH(Simulation({.seed = 1, .network = {.backlog = 0}}), Contains("backlog"));
  CHECK_THROWS_WITH(Simulation({.seed = 1, .network = {.min_delay = 2s, .max_delay = 1s}}),
                    Contains("max_delay"));
  Simulation sim({.seed = 1});
  CHECK_THROWS_WITH(sim.slow(1, 2, 0), Contains("bytes_per_second"));
}

}  // namespace
}  // namespace coerce::test::network_cases
