#include <coerce/jwt.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

#include "facts.hpp"
#include "remote/certificates.hpp"
#include "remote/node_support.hpp"
#include "remote/tcp_node.hpp"
#include "testkit/log_capture.hpp"

namespace coerce::test::jwt_cluster_cases {
namespace {

using testkit::Simulation;

const std::string kSecret = "a secret of more than thirty-two bytes";

Setup with(const JwtOptions& options) {
  return [options](RemoteActorSystemBuilder& builder) { builder.client_auth_jwt(options); };
}
Setup with_secret(const std::string& secret) {
  return [secret](RemoteActorSystemBuilder& builder) { builder.client_auth_jwt(secret, 60s); };
}

/// Nodes that listen; the second and later ones have the first as their seed.
struct Nodes {
  explicit Nodes(const std::vector<Setup>& setups) : sim{{.nodes = setups.size()}} {
    for (NodeId id = 1; id <= setups.size(); ++id)
      nodes.push_back(build_node(sim.node(id), setups[id - 1]));
    start(sim.node(1), nodes[0], {});
  }
  /// Empty: it has joined.
  std::optional<ActorRefErr> join(NodeId id, Duration limit = 2s) {
    auto worker = worker_of(sim.node(id), nodes[id - 1], {address_of(sim.node(1))});
    worker.join_timeout(limit);
    auto server = sim.node(id).run(worker.start());
    if (!server) return server.error();
    return std::nullopt;
  }
  bool has_logged(const std::string& text) const {
    return std::ranges::any_of(
        log.lines, [&](const auto& line) { return line.text.find(text) != std::string::npos; });
  }

  testkit::detail::LogCapture log{false};
  Simulation sim;
  std::vector<RemoteActorSystem> nodes;
};

}  // namespace

TEST_CASE("nodes that share a secret find each other; one with another is refused and named",
          "[jwt][system][B-051]") {
  Nodes world({with_secret(kSecret), with_secret("this is not what the others know"),
               with_secret(kSecret)});
  const auto refused = world.join(2);
  REQUIRE(refused);
  CHECK(refused->kind() == ActorRefErr::Kind::Timeout);
  CHECK(world.has_logged("the signature of the token is wrong"));
  CHECK(world.has_logged("(node 2)"));
  CHECK_FALSE(world.join(3));
  CHECK(table_of(world.nodes[0]) == "1 healthy, 3 healthy");
}

TEST_CASE("one without tokens, or with another algorithm, is refused and named",
          "[jwt][system][B-051]") {
  KeyFiles keys;
  keys.make_ec("ec");
  Nodes world({with_secret(kSecret), Setup(), with(JwtOptions::es256(keys.key("ec"))),
               with_secret(kSecret)});
  CHECK(world.join(2));
  CHECK(world.has_logged("(node 2)"));
  CHECK(world.join(3));
  CHECK(world.has_logged("(node 3)"));
  CHECK_FALSE(world.join(4));
}

TEST_CASE("nodes with keys of their own are believed as themselves", "[jwt][system][B-051]") {
  KeyFiles keys;
  for (const char* name : {"1", "2", "3"}) keys.make_ec(name);
  const auto of = [&](const char* own) {
    auto options = JwtOptions::es256(keys.key(own));
    options.trust(keys.pub("1"), 1).trust(keys.pub("2"), 2).trust(keys.pub("3"), 3);
    return with(options);
  };
  Nodes world({of("1"), of("2"), of("2")});
  CHECK_FALSE(world.join(2));
  CHECK(world.join(3));
  CHECK(world.has_logged("the token is signed with the key of node 2"));
  CHECK(table_of(world.nodes[0]) == "1 healthy, 2 healthy");
}

TEST_CASE("links of nodes that go on for hours are proven again with new tokens",
          "[jwt][system][B-051]") {
  const auto options = JwtOptions::shared_secret(kSecret).ttl(5s).max_link_age(20s);
  Nodes world({with(options), with(options), with(options)});
  CHECK_FALSE(world.join(2));
  CHECK_FALSE(world.join(3));
  world.sim.run_for(10s);  // two that have dialled each other are content with one link by then
  std::vector<std::uint64_t> opened;
  for (const auto& node : world.nodes) opened.push_back(node.counters().links_opened);
  world.sim.run_for(10min);
  CHECK(table_of(world.nodes[0]) == kMesh);
  for (std::size_t i = 0; i < opened.size(); ++i)
    CHECK(world.nodes[i].counters().links_opened == opened[i]);
}

TEST_CASE("a short secret is refused beyond this machine even with TLS, unless it is allowed",
          "[jwt][system][B-051]") {
  const Certificates certificates;
  const auto start_with = [&](const Setup& setup) {
    auto system = ActorSystem::builder().worker_threads(1).build();
    auto builder = RemoteActorSystem::builder();
    builder.with_actor_system(system).tls(certificates.of("node1")).with_id(1);
    setup(builder);
    auto remote = system.block_on(builder.build());
    REQUIRE(remote);
    auto worker = remote->cluster_worker();
    worker.listen_addr("0.0.0.0:0").advertise_addr("127.0.0.1:30101");
    auto server = system.block_on(worker.start());
    (void)system.shutdown_blocking(10s);
    return server ? std::string() : std::string(server.error().detail());
  };
  CHECK_THAT(start_with(with_secret("short")), Catch::Contains("5 bytes"));
  CHECK(start_with(with_secret(kSecret)) == "");
  CHECK(start_with([](RemoteActorSystemBuilder& builder) {
          builder.client_auth_jwt("short", 60s).allow_plaintext();
        }) == "");
}

TEST_CASE("over TLS nodes find each other by tokens that are bound to the channel",
          "[jwt][system][tls][B-051]") {
  const Certificates certificates;
  const auto setup = [&](const std::string& secret) {
    return [options = certificates.of("local"), secret](RemoteActorSystemBuilder& builder) {
      builder.tls(options).client_auth_jwt(secret, 60s);
    };
  };
  TcpNode first(1, setup(kSecret)), second(2, setup(kSecret));
  TcpNode stranger(3, setup("this is not what the others know"));
  auto seed = first.start();
  REQUIRE(seed);
  CHECK_FALSE(stranger.start({seed->local_addr()}, 500ms));
  REQUIRE(second.start({seed->local_addr()}));
  CHECK(table_of(*second.remote) == "1 healthy, 2 healthy");
}

TEST_CASE("a builder refuses bad options of tokens by name", "[jwt][B-214]") {
  auto builder = RemoteActorSystem::builder();
  CHECK_THROWS_WITH(builder.client_auth_jwt("", 60s), Catch::Contains("secret"));
  CHECK_THROWS_WITH(builder.client_auth_jwt(kSecret, 2min), Catch::Contains("ttl"));
}

}  // namespace coerce::test::jwt_cluster_cases
