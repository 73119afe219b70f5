#include "node_support.hpp"

#include <coerce/testkit/catch2.hpp>

#include <coerce/runtime/detail/async_event.hpp>
#include <coerce/testkit/simulation_batch.hpp>

#include "testkit/log_capture.hpp"

namespace coerce::test::mesh_cases {
namespace {

using testkit::Simulation;

/// Three nodes, of which 2 and 3 know the address of 1.
struct Mesh {
  explicit Mesh(Simulation& simulation, const Setup& setup = {}) : sim(simulation) {
    for (NodeId id = 1; id <= sim.nodes(); ++id) nodes.push_back(build_node(sim.node(id), setup));
  }
  void start_all() {
    start(sim.node(1), nodes[0], {});
    for (NodeId id = 2; id <= sim.nodes(); ++id)
      start(sim.node(id), nodes[id - 1], {address_of(sim.node(1))});
  }
  /// Each has seen the link to each other.
  void form() {
    start_all();
    expect_whole(3s);
  }
  bool is_whole() const {
    return std::ranges::all_of(nodes, [](const auto& node) { return table_of(node) == kMesh; });
  }
  void expect_whole(Duration within) {
    if (sim.run_until([&] { return is_whole(); }, within)) return;
    std::string text = "no mesh:";
    for (const auto& node : nodes) text += " [" + table_of(node) + "]";
    sim.fail(text);
  }
  /// Begins another life of a node.
  void restart(NodeId id) {
    sim.restart(id);
    nodes[id - 1] = build_node(sim.node(id));
  }
  std::uint64_t open_links() const {
    std::uint64_t open = 0;
    for (const auto& node : nodes) {
      const auto counters = node.counters();
      open += counters.links_opened - counters.links_ended;
    }
    return open;
  }

  Simulation& sim;
  std::vector<RemoteActorSystem> nodes;
};

}  // namespace

TEST_CASE("two nodes that know one seed make a full mesh of three", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.start_all();
  CHECK(table_of(mesh.nodes[2]) == kMesh);  // start() returns once it is linked to all
  mesh.expect_whole(3s);
  sim.run_for(10s);
  CHECK(mesh.open_links() == 6);  // three, each seen from both ends
}

TEST_CASE("a node that nobody joins has a table of one", "[system]") {
  Simulation sim{{.nodes = 1}};
  auto remote = build_node(sim.node(1));
  CHECK(table_of(remote) == "1 healthy");
  start(sim.node(1), remote, {});
  CHECK(table_of(remote) == "1 healthy");
}

TEST_CASE("nodes that know no common word stay apart, and start() says so", "[system][B-051]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim, [word = 0](RemoteActorSystemBuilder& builder) mutable {
    builder.authenticator(std::make_shared<SharedWord>("word " + std::to_string(++word)));
  });
  start(sim.node(1), mesh.nodes[0], {});
  for (NodeId id = 2; id <= 3; ++id) {
    auto worker = worker_of(sim.node(id), mesh.nodes[id - 1], {address_of(sim.node(id - 1))});
    worker.join_timeout(2s);
    auto server = sim.node(id).run(worker.start());
    REQUIRE_FALSE(server);
    CHECK(server.error().kind() == ActorRefErr::Kind::Timeout);
  }
  for (NodeId id = 1; id <= 3; ++id)
    CHECK(table_of(mesh.nodes[id - 1]) == std::to_string(id) + " healthy");
}

namespace {

/// Throws for a while.
class Moody final : public Authenticator {
 public:
  explicit Moody(bool& throws) : throws_(throws) {}
  std::string name() const override { return word_.name(); }
  Result<Bytes> prove(const HelloFacts& facts) override { return word_.prove(facts); }
  Result<void> verify(const HelloFacts& facts, BytesView proof) override {
    if (throws_) throw std::runtime_error("not today");
    return word_.verify(facts, proof);
  }

 private:
  bool& throws_;
  SharedWord word_{"word"};
};

}  // namespace

TEST_CASE("an Authenticator that throws costs no place for strangers, and no seed", "[system]") {
  Simulation sim{{.nodes = 2}};
  bool throws = true;
  Mesh mesh(sim, [&](RemoteActorSystemBuilder& builder) {
    builder.authenticator(std::make_shared<Moody>(throws));
    builder.limits({.max_half_open = 2});
  });
  start(sim.node(1), mesh.nodes[0], {});
  const auto starting =
      begin_start(sim.node(2), worker_of(sim.node(2), mesh.nodes[1], {address_of(sim.node(1))}));
  sim.run_for(40s);
  CHECK_FALSE(starting->done);
  throws = false;
  CHECK(sim.run_until([&] { return starting->done && !starting->error; }, 15s));
}

namespace {

/// Throws for a while when a link that is up asks how old it may get.
class Ageless final : public Authenticator {
 public:
  explicit Ageless(bool& throws) : throws_(throws) {}
  std::string name() const override { return word_.name(); }
  Result<Bytes> prove(const HelloFacts& facts) override { return word_.prove(facts); }
  Result<void> verify(const HelloFacts& facts, BytesView proof) override {
    return word_.verify(facts, proof);
  }
  std::optional<Duration> max_link_age() const override {
    if (throws_) throw std::runtime_error("not today");
    return std::nullopt;
  }

 private:
  bool& throws_;
  SharedWord word_{"word"};
};

/// Resolves no name, and does not say so, the first few times.
class Reticent final : public Transport {
 public:
  explicit Reticent(std::shared_ptr<Transport> below) : below_(std::move(below)) {}
  Task<TransportResult<std::unique_ptr<Listener>>> listen(std::string address) override {
    return below_->listen(std::move(address));
  }
  Task<TransportResult<std::unique_ptr<Connection>>> connect(std::string address) override {
    return below_->connect(std::move(address));
  }
  Task<TransportResult<void>> secure(Connection& connection, std::string dialled) override {
    return below_->secure(connection, std::move(dialled));
  }
  Task<TransportResult<std::vector<std::string>>> resolve(std::string address) override {
    if (asked++ < 2) {
      const bool never = co_await never_.wait();
      (void)never;
    }
    auto resolving = below_->resolve(std::move(address));
    auto resolved = co_await resolving;
    co_return resolved;
  }
  void random_bytes(std::span<std::uint8_t> into) override { below_->random_bytes(into); }
  bool is_confidential() const noexcept override { return below_->is_confidential(); }

  int asked = 0;

 private:
  std::shared_ptr<Transport> below_;
  detail::AsyncEvent never_;
};

}  // namespace

TEST_CASE("an Authenticator that throws at the beginning of a link ends it with its words",
          "[system]") {
  testkit::detail::LogCapture log{false};
  Simulation sim{{.nodes = 2}};
  bool throws = true;
  Mesh mesh(sim, [&](RemoteActorSystemBuilder& builder) {
    builder.authenticator(std::make_shared<Ageless>(throws));
  });
  start(sim.node(1), mesh.nodes[0], {});
  const auto starting =
      begin_start(sim.node(2), worker_of(sim.node(2), mesh.nodes[1], {address_of(sim.node(1))}));
  sim.run_for(20s);
  CHECK_FALSE(starting->done);
  CHECK(std::ranges::any_of(log.lines, [](const auto& line) {
    return line.text.find("has ended: not today") != std::string::npos;
  }));
  throws = false;
  CHECK(sim.run_until([&] { return starting->done && !starting->error; }, 15s));
}

TEST_CASE("a name that nobody resolves is given up in time, and tried again", "[system]") {
  testkit::detail::LogCapture log{false};
  Simulation sim{{.nodes = 2}};
  auto first = build_node(sim.node(1));
  start(sim.node(1), first, {});
  const auto reticent = std::make_shared<Reticent>(sim.node(2).transport());
  RemoteLimits limits;
  limits.resolve_timeout = 2s;
  auto second = build_node(sim.node(2), [&](RemoteActorSystemBuilder& builder) {
    builder.transport(reticent).limits(limits);
  });
  const Duration before = sim.now();
  start(sim.node(2), second, {address_of(sim.node(1))});
  CHECK(reticent->asked > 2);
  CHECK(sim.now() - before >= 4s);
  CHECK(sim.now() - before < 6s);
  CHECK(std::ranges::any_of(log.lines, [](const auto& line) {
    return line.text.find("its name was not resolved in time") != std::string::npos;
  }));
}

TEST_CASE("nodes that know a common word find each other in a chain of seeds", "[system][B-051]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim, [](RemoteActorSystemBuilder& builder) {
    builder.authenticator(std::make_shared<SharedWord>("word"));
  });
  start(sim.node(1), mesh.nodes[0], {});
  start(sim.node(2), mesh.nodes[1], {address_of(sim.node(1))});
  start(sim.node(3), mesh.nodes[2], {address_of(sim.node(2))});
  mesh.expect_whole(3s);
}

TEST_CASE("nodes of another cluster stay apart", "[system]") {
  Simulation sim{{.nodes = 2}};
  auto ours = build_node(sim.node(1));
  auto theirs = build_node(sim.node(2), [](auto& builder) { builder.cluster_name("theirs"); });
  start(sim.node(1), ours, {});
  auto worker = worker_of(sim.node(2), theirs, {address_of(sim.node(1))});
  auto server = sim.node(2).run(worker.join_timeout(1s).start());
  REQUIRE_FALSE(server);
  CHECK(table_of(ours) == "1 healthy");
}

TEST_CASE("a seed that comes late is joined", "[system]") {
  Simulation sim{{.nodes = 2}};
  auto first = build_node(sim.node(1));
  auto second = build_node(sim.node(2));
  const auto starting =
      begin_start(sim.node(2), worker_of(sim.node(2), second, {address_of(sim.node(1))}));
  sim.run_for(30s);
  CHECK_FALSE(starting->done);
  start(sim.node(1), first, {});
  CHECK(sim.run_until([&] { return starting->done; }, 11s));
  CHECK_FALSE(starting->error);
  CHECK(table_of(second) == "1 healthy, 2 healthy");
}

TEST_CASE("nodes with equal lists of seeds, themselves among them, find each other", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  std::vector<std::string> seeds;
  for (NodeId id = 1; id <= 3; ++id) seeds.push_back(address_of(sim.node(id)));
  std::vector<std::shared_ptr<Starting>> starting;
  for (NodeId id = 1; id <= 3; ++id)
    starting.push_back(
        begin_start(sim.node(id), worker_of(sim.node(id), mesh.nodes[id - 1], seeds)));
  const auto all_done = [&] {
    return std::ranges::all_of(starting, [](const auto& one) { return one->done; });
  };
  CHECK(sim.run_until(all_done, 15s));
  mesh.expect_whole(3s);
}

TEST_CASE("nodes that dial each other at the same time end with one link", "[system]") {
  const auto scenario = [](Simulation& sim) {
    auto first = build_node(sim.node(1));
    auto second = build_node(sim.node(2));
    const auto a =
        begin_start(sim.node(1), worker_of(sim.node(1), first, {address_of(sim.node(2))}));
    const auto b =
        begin_start(sim.node(2), worker_of(sim.node(2), second, {address_of(sim.node(1))}));
    sim.check(sim.run_until([&] { return a->done && b->done; }, 20s), "both have started");
    sim.check(!a->error && !b->error, "both have joined");
    sim.run_for(20s);
    for (const auto& node : {first, second}) {
      sim.check(table_of(node) == "1 healthy, 2 healthy", "both see both");
      const auto counters = node.counters();
      sim.check(counters.links_opened - counters.links_ended == 1, "one link is left");
    }
    const auto before = first.counters().links_opened;
    sim.run_for(60s);
    sim.check(first.counters().links_opened == before, "nobody dials any more");
  };
  const auto report = testkit::explore(
      scenario, {.seeds = 200, .simulation = {.nodes = 2}, .at_least_percent = {}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("a node that says goodbye is Terminated at once", "[system][B-129]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  sim.node(2).run(mesh.nodes[1].leave());
  CHECK(sim.run_until(
      [&] { return table_of(mesh.nodes[0]) == "1 healthy, 2 terminated, 3 healthy"; }, 500ms));
  CHECK(table_of(mesh.nodes[1]) == "1 terminated, 2 healthy, 3 terminated");
  sim.run_for(62s);
  CHECK(table_of(mesh.nodes[0]) == "1 healthy, 3 healthy");
}

TEST_CASE("a node that has left may join again", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  sim.node(2).run(mesh.nodes[1].leave());
  start(sim.node(2), mesh.nodes[1], {address_of(sim.node(1))});
  mesh.expect_whole(3s);
}

namespace {

/// Node 2 leaves, which takes a while: what node 1 says does not come.
std::shared_ptr<bool> begin_slow_leave(Simulation& sim, const Mesh& mesh) {
  sim.stall(1, 2);
  auto run = [](RemoteActorSystem node, std::shared_ptr<bool> done) -> Task<void> {
    auto leaving = node.leave();
    co_await leaving;
    *done = true;
  };
  auto has_left = std::make_shared<bool>(false);
  sim.node(2).system().spawn(run(mesh.nodes[1], has_left));
  sim.run_for(200ms);
  sim.check(!*has_left, "the leave drains");
  return has_left;
}

}  // namespace

TEST_CASE("a start beside a leave that still drains begins when that is over", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  const auto has_left = begin_slow_leave(sim, mesh);
  auto worker = worker_of(sim.node(2), mesh.nodes[1], {address_of(sim.node(3))});
  const auto starting = begin_start(sim.node(2), worker);
  sim.run_for(200ms);
  CHECK_FALSE(starting->done);
  sim.heal();
  CHECK(sim.run_until([&] { return starting->done; }));
  CHECK(*has_left);
  CHECK_FALSE(starting->error);
  mesh.expect_whole(3s);
  for (const auto& node : mesh.nodes) CHECK(node.get_nodes().at(1).addr == address_of(sim.node(2)));
}

TEST_CASE("a start waits for a leave no longer than it may take", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  const auto has_left = begin_slow_leave(sim, mesh);
  auto worker = worker_of(sim.node(2), mesh.nodes[1], {address_of(sim.node(3))});
  const auto starting = begin_start(sim.node(2), worker.join_timeout(500ms));
  CHECK(sim.run_until([&] { return starting->done; }, 600ms));
  CHECK_FALSE(*has_left);
  REQUIRE(starting->error);
  CHECK(starting->error->kind() == ActorRefErr::Kind::Timeout);
  // Nothing of it is left that would be in the way of the next one.
  sim.heal();
  start(sim.node(2), mesh.nodes[1], {address_of(sim.node(3))});
  CHECK(*has_left);
  mesh.expect_whole(3s);
}

TEST_CASE("a leave beside another one returns when that is over", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  const auto has_left = begin_slow_leave(sim, mesh);
  sim.node(2).run(mesh.nodes[1].leave());
  CHECK(*has_left);
}

TEST_CASE("the shutdown of a system says goodbye", "[system][B-129]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  const auto report = sim.node(2).run(mesh.nodes[1].shutdown());
  CHECK(report.complete);
  CHECK(sim.run_until(
      [&] { return table_of(mesh.nodes[0]) == "1 healthy, 2 terminated, 3 healthy"; }, 500ms));
}

TEST_CASE("a node that crashes is Unhealthy, then Terminated, and its new life joins", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  const auto began = mesh.nodes[1].started_at();
  sim.crash(2, testkit::CrashKind::Machine);
  CHECK(sim.run_until(
      [&] { return table_of(mesh.nodes[0]) == "1 healthy, 2 unhealthy, 3 healthy"; }, 3s));
  CHECK(sim.run_until(
      [&] { return table_of(mesh.nodes[0]) == "1 healthy, 2 terminated, 3 healthy"; }, 6s));
  mesh.restart(2);
  start(sim.node(2), mesh.nodes[1], {address_of(sim.node(1))});
  mesh.expect_whole(15s);
  CHECK(mesh.nodes[1].started_at() != began);
}

TEST_CASE("a process that starts again at once with the same id takes the place of the old one",
          "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  sim.crash(2);
  mesh.restart(2);
  start(sim.node(2), mesh.nodes[1], {address_of(sim.node(1))});
  mesh.expect_whole(5s);
}

TEST_CASE("a seed that starts again is found by those that know it", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  sim.crash(1);
  sim.run_for(60s);
  mesh.restart(1);
  start(sim.node(1), mesh.nodes[0], {});
  mesh.expect_whole(15s);
}

TEST_CASE("a node that was cut off for two minutes is joined again", "[system][B-212]") {
  const auto scenario = [](Simulation& sim) {
    Mesh mesh(sim);
    mesh.form();
    const NodeId lonely = 1 + sim.draw(3);
    std::vector<NodeId> others;
    for (NodeId id = 1; id <= 3; ++id)
      if (id != lonely) others.push_back(id);
    const auto kind =
        sim.draw(2) == 0 ? testkit::PartitionKind::Silent : testkit::PartitionKind::Refused;
    sim.partition({lonely}, others, kind);
    sim.run_for(120s);
    for (const NodeId id : others)
      sim.check(table_of(mesh.nodes[id - 1]).find("terminated") == std::string::npos,
                "an ended node is listed for a minute alone");
    sim.heal();
    mesh.expect_whole(60s);
    sim.run_for(60s);
    sim.check(mesh.is_whole() && mesh.open_links() == 6, "and it stays so");
  };
  const auto report = testkit::explore(scenario, {.seeds = 50, .at_least_percent = {}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("two halves of two nodes find each other again", "[system][B-212]") {
  const auto scenario = [](Simulation& sim) {
    auto first = build_node(sim.node(1));
    auto second = build_node(sim.node(2));
    start(sim.node(1), first, {});
    start(sim.node(2), second, {address_of(sim.node(1))});
    sim.partition({1}, {2});
    sim.run_for(120s);
    sim.heal();
    const auto both = [&] {
      return table_of(first) == "1 healthy, 2 healthy" &&
             table_of(second) == "1 healthy, 2 healthy";
    };
    sim.check(sim.run_until(both, 60s), "both see both");
  };
  const auto report =
      testkit::explore(scenario, {.seeds = 50, .simulation = {.nodes = 2}, .at_least_percent = {}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("two nodes that lost each other alone, and not the third, find each other again",
          "[system][B-212]") {
  const auto scenario = [](Simulation& sim) {
    Mesh mesh(sim);
    mesh.form();
    sim.partition({2}, {3});
    sim.run_for(20s);
    sim.check(!mesh.is_whole(), "they have lost each other");
    sim.heal();
    mesh.expect_whole(60s);
    sim.run_for(60s);
    sim.check(mesh.is_whole() && mesh.open_links() == 6, "and it stays so");
  };
  const auto report =
      testkit::explore(scenario, {.seeds = 50, .at_least_percent = {.partition = 100}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("a node that was stopped and goes on comes back as another incarnation", "[system]") {
  Simulation sim{{.nodes = 3}};
  Mesh mesh(sim);
  mesh.form();
  const auto began = mesh.nodes[2].started_at();
  sim.pause(3);
  sim.run_for(120s);
  CHECK(table_of(mesh.nodes[0]) == "1 healthy, 2 healthy");
  sim.resume(3);
  mesh.expect_whole(60s);
  CHECK(mesh.nodes[2].started_at() != began);
}

TEST_CASE("a link that dies is made anew, and nobody is lost", "[system]") {
  const auto scenario = [](Simulation& sim) {
    Mesh mesh(sim);
    mesh.form();
    std::vector<WallTime> began;
    for (const auto& node : mesh.nodes) began.push_back(node.started_at());
    for (int i = 0; i < 5; ++i) {
      sim.cut(1, 2);  // perhaps one side, or both, are not told
      sim.run_for(5s);
    }
    mesh.expect_whole(1s);
    for (std::size_t i = 0; i < began.size(); ++i)
      sim.check(mesh.nodes[i].started_at() == began[i], "nobody has begun anew");
    sim.check(mesh.nodes[0].counters(2).links_opened > 1, "the link was made anew");
  };
  const auto report = testkit::explore(scenario, {.seeds = 50, .at_least_percent = {.cut = 100}});
  INFO(to_string(report));
  CHECK(report.passed);
}

TEST_CASE("a shutdown with a dead peer ends by its deadline", "[system]") {
  Simulation sim{{.nodes = 2}};
  auto first = build_node(sim.node(1));
  auto second = build_node(sim.node(2));
  start(sim.node(1), first, {});
  start(sim.node(2), second, {address_of(sim.node(1))});
  sim.partition({1}, {2});
  const auto before = sim.now();
  const auto report = sim.node(1).run(first.shutdown(3s));
  CHECK(report.complete);
  CHECK(sim.now() - before <= 3s);
}

}  // namespace coerce::test::mesh_cases
