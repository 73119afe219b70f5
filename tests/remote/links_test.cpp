#include "remote/links.hpp"

#include <catch2/catch.hpp>

#include "remote/link_world.hpp"
#include "remote/node_support.hpp"

using namespace std::chrono_literals;
using namespace remote_test;
using coerce::NodeDescription;
using coerce::NodeId;
using coerce::Result;
using coerce::detail::HelloEnd;
using coerce::detail::HelloOutcome;
using coerce::detail::Links;
using coerce::detail::LinksHost;
using coerce::detail::Peer;
using coerce::detail::PeerTable;
using coerce::testkit::TestSystem;

namespace {

NodeDescription node(NodeId id, std::uint64_t life = 1) {
  NodeDescription node;
  node.id = id;
  node.incarnation = {life, 1000 * life + id};
  node.address = "10.0.0." + std::to_string(id) + ":1";
  return node;
}

/// Writes nothing, and is not done with that before it may be, even if it is closed.
class StuckConnection : public MemoryConnection {
 public:
  StuckConnection(const World::Wire& wire, std::shared_ptr<coerce::detail::AsyncEvent> may_end)
      : MemoryConnection(wire.there, wire.back), may_end_(std::move(may_end)) {}
  coerce::Task<coerce::TransportResult<void>> write(coerce::BytesView) override {
    const bool may = co_await may_end_->wait();
    (void)may;
    co_return coerce::unexpected(
        coerce::TransportErr(coerce::TransportErrKind::Closed, "stuck until now"));
  }

 private:
  std::shared_ptr<coerce::detail::AsyncEvent> may_end_;
};

/// Node 1, from the moment on that somebody has said hello.
class Node : public LinksHost {
 public:
  explicit Node(TestSystem& system) : test(system) {}
  ~Node() override {
    for (const auto& peer : table.all()) peer->retire("the test ends");
    test.run_until_idle();
  }

  void begin_anew() {
    self_ = node(1, self_.incarnation.started + 1);
    while (!up_.empty()) lose(up_.begin()->second);
  }
  World::Wire meet(const NodeDescription& who, std::uint64_t generation) {
    World::Wire wire;
    meet(who, generation, std::make_unique<MemoryConnection>(wire.there, wire.back));
    return wire;
  }
  void meet(const NodeDescription& who, std::uint64_t generation,
            std::unique_ptr<coerce::Connection> connection) {
    HelloOutcome hello;
    hello.end = HelloEnd::Accepted;
    hello.node = who.id;
    hello.self = self_.incarnation;
    hello.terms.emplace();
    hello.terms->peer = who;
    hello.terms->generation = generation;
    hello.terms->max_frame = coerce::detail::kDefaultMaxFrame;
    test.system().spawn(carry(links, std::move(connection), std::move(hello)));
  }
  /// Somebody who has ended its side of the stream before the link begins.
  void meet_and_part(const NodeDescription& who, std::uint64_t generation) {
    World::Wire wire;
    wire.there->close_writer();
    meet(who, generation, std::make_unique<MemoryConnection>(wire.there, wire.back));
    pass();
  }
  void pass() {
    test.run_until_idle();
    test.advance(10ms);
  }

  // As RemoteCore does, with members who are whoever is linked.
  const NodeDescription& self() const noexcept override { return self_; }
  Result<void> admit(const NodeDescription& who, const coerce::detail::Meeting&) override {
    const auto place = up_.find(who.id);
    if (place == up_.end() || place->second.incarnation == who.incarnation || links_[who.id] == 0)
      return {};
    return coerce::unexpected(coerce::ActorRefErr::NotSupported({}, {}, {}, "its id is in use"));
  }
  void came(const NodeDescription& who, const coerce::detail::Meeting&) override {
    const auto place = up_.find(who.id);
    if (place != up_.end() && place->second.incarnation != who.incarnation) lose(place->second);
  }
  void linked(const std::shared_ptr<Peer>& peer) override {
    if (!table.keep(*peer)) return;
    if (std::exchange(throws, false)) throw std::runtime_error("no memory for that");
    ++links_[peer->node_id()];
    if (up_.emplace(peer->node_id(), peer->node()).second) note("up ", peer->node());
  }
  void unlinked(const std::shared_ptr<Peer>& peer, bool) override { --links_[peer->node_id()]; }
  void removed(const NodeDescription&, const NodeDescription&) override {}
  int links_with(NodeId id) { return links_[id]; }

  TestSystem& test;
  coerce::detail::NodeWorld world{test.system()};
  Host host{test.system()};
  PeerTable table{world, host, coerce::detail::PeerOptions{}};
  coerce::detail::NodeSettings settings;
  Links links{world, *this, table, settings};
  std::vector<std::string> events;
  bool throws = false;  ///< linked(), once

 private:
  static coerce::Task<void> carry(Links& links, std::unique_ptr<coerce::Connection> connection,
                                  HelloOutcome hello) {
    auto carrying = links.carry(std::move(connection), std::move(hello));
    const bool carried = co_await carrying;
    (void)carried;
  }

  void note(std::string_view what, const NodeDescription& who) {
    events.push_back(std::string(what) + std::to_string(who.id) + "/" +
                     std::to_string(who.incarnation.started));
  }
  void lose(NodeDescription who) {
    up_.erase(who.id);
    links_.erase(who.id);
    note("lost ", who);
    table.retire(who, "the node was lost");
  }

  NodeDescription self_ = node(1);
  std::map<NodeId, NodeDescription> up_;
  std::map<NodeId, int> links_;
};

using Events = std::vector<std::string>;

}  // namespace

TEST_CASE("Who says hello and is gone before its link is up leaves nothing", "[links][B-201]") {
  TestSystem test;
  Node node1(test);
  for (NodeId id = 100; id < 400; ++id) node1.meet_and_part(node(id), 2);
  REQUIRE(node1.table.all().empty());
  REQUIRE(node1.events.empty());
  REQUIRE(node1.table.counters().links_ended == 300);
}

TEST_CASE("A link that ends at once takes nothing from a newer one of the same node", "[links]") {
  TestSystem test;
  Node node1(test);
  World::Wire wire;
  wire.there->close_writer();
  node1.meet(node(7), 2, std::make_unique<MemoryConnection>(wire.there, wire.back));
  const auto lasting = node1.meet(node(7), 4);
  node1.pass();
  REQUIRE(node1.table.find(7));
  REQUIRE(node1.table.find(7)->is_connected());
  REQUIRE(node1.events == Events{"up 7/1"});
}

TEST_CASE("A link that is given up after the hello says so in the log", "[links]") {
  TestSystem test;
  Node node1(test);
  const auto wire = node1.meet(node(7, 2), 2);
  node1.pass();
  node1.meet_and_part(node(7, 1), 2);  // its id is taken
  test.expect_log(coerce::LogLevel::Warn, "link 2 with node 7 at memory was given up");
}

TEST_CASE("So does one of a node that began anew during the hello", "[links]") {
  TestSystem test;
  Node node1(test);
  const auto wire = node1.meet(node(7), 2);  // carried later
  node1.begin_anew();
  node1.pass();
  test.expect_log(coerce::LogLevel::Warn, "this node has begun anew meanwhile");
  REQUIRE(node1.events.empty());
}

TEST_CASE("A member whose link is lost keeps its peer while links to it fail", "[links]") {
  TestSystem test;
  Node node1(test);
  const auto wire = node1.meet(node(7), 2);
  node1.pass();
  const auto peer = node1.table.find(7);
  wire.there->close_writer();
  node1.pass();
  node1.meet_and_part(node(7), 4);
  REQUIRE(node1.table.find(7) == peer);
  const auto again = node1.meet(node(7), 6);
  node1.pass();
  REQUIRE(node1.table.find(7) == peer);
  REQUIRE(peer->is_connected());
  REQUIRE(node1.events == Events{"up 7/1"});
}

TEST_CASE("The late end of a link of before a node began anew says nothing of the present one",
          "[links]") {
  TestSystem test;
  Node node1(test);
  const auto may_end = std::make_shared<coerce::detail::AsyncEvent>();
  node1.meet(node(7), 2, std::make_unique<StuckConnection>(World::Wire(), may_end));
  node1.pass();
  node1.begin_anew();
  const auto wire = node1.meet(node(7), 2);
  node1.pass();
  REQUIRE(node1.events == Events{"up 7/1", "lost 7/1", "up 7/1"});
  REQUIRE(node1.links_with(7) == 1);
  may_end->set();
  node1.pass();
  REQUIRE(node1.table.find(7)->is_connected());
  REQUIRE(node1.links_with(7) == 1);  // or it would be dialled, as if there were no link
}

TEST_CASE("Whose id another life takes is lost, even if the link of that one does not last",
          "[links]") {
  TestSystem test;
  Node node1(test);
  const auto wire = node1.meet(node(7, 1), 2);
  node1.pass();
  wire.there->close_writer();
  node1.pass();
  node1.meet_and_part(node(7, 2), 2);
  REQUIRE(node1.events == Events{"up 7/1", "lost 7/1"});
  REQUIRE(node1.table.find(7) == nullptr);
}

TEST_CASE("A link of which not all could be told ends, and says why", "[links]") {
  TestSystem test;
  Node node1(test);
  node1.throws = true;
  const auto wire = node1.meet(node(7), 2);
  node1.pass();
  test.expect_log(coerce::LogLevel::Warn, "link 2 with node 7 has ended: no memory for that");
  REQUIRE_FALSE(node1.table.find(7)->is_connected());
  const auto again = node1.meet(node(7), 4);
  node1.pass();
  REQUIRE(node1.table.find(7)->is_connected());
}

namespace {

/// A transport that does nothing but say that it can be trusted.
class Trusted final : public coerce::Transport {
 public:
  template <class T>
  static coerce::Task<coerce::TransportResult<T>> nothing() {
    co_return coerce::unexpected(coerce::TransportErr(coerce::TransportErrKind::Closed, {}));
  }
  coerce::Task<coerce::TransportResult<std::unique_ptr<coerce::Listener>>> listen(
      std::string) override {
    return nothing<std::unique_ptr<coerce::Listener>>();
  }
  coerce::Task<coerce::TransportResult<std::unique_ptr<coerce::Connection>>> connect(
      std::string) override {
    return nothing<std::unique_ptr<coerce::Connection>>();
  }
  coerce::Task<coerce::TransportResult<void>> secure(coerce::Connection&, std::string) override {
    return nothing<void>();
  }
  coerce::Task<coerce::TransportResult<std::vector<std::string>>> resolve(std::string) override {
    return nothing<std::vector<std::string>>();
  }
  void random_bytes(std::span<std::uint8_t>) override {}
  bool is_confidential() const noexcept override { return true; }
};

class FarConnection final : public MemoryConnection {
 public:
  explicit FarConnection(const World::Wire& wire) : MemoryConnection(wire.there, wire.back) {}
  bool is_local() const noexcept override { return false; }
};

}  // namespace

TEST_CASE("A weak secret is not used on a connection that leads beyond this machine", "[links]") {
  TestSystem test;
  Node node1(test);
  node1.settings.transport = std::make_shared<Trusted>();
  node1.settings.authenticator =
      std::make_shared<coerce::test::SharedWord>("word", "the word is too short");
  const char* const dialled = GENERATE("", "far-away:1");
  coerce::detail::AsyncEvent closing;
  FarConnection far{World::Wire()};
  auto greeting = node1.links.greet(far, dialled, closing);
  const HelloOutcome refused = test.run(std::move(greeting));
  REQUIRE(refused.end == HelloEnd::Failed);
  REQUIRE(refused.why == "it leads beyond this machine: the word is too short");
  const World::Wire near;
  MemoryConnection here(near.there, near.back);
  auto greeting_here = node1.links.greet(here, dialled, closing);
  const HelloOutcome tried = test.run(std::move(greeting_here));
  REQUIRE(tried.why.find("too short") == std::string::npos);
}
