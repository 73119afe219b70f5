#include <coerce/remote/system.hpp>

#include <catch2/catch.hpp>

#include <string>

#include <coerce/remote/tcp.hpp>

#include "remote/address.hpp"
#include "remote/tcp_node.hpp"

namespace coerce::test::tcp_cases {
namespace {

using Catch::Matchers::Contains;

/// Streams of nobody, which say what they are told to.
struct Stranger {
  ActorSystem system = ActorSystem::builder().worker_threads(1).build();
  TcpTransport transport{system};

  std::unique_ptr<Connection> connect(const std::string& address) {
    auto connected = system.block_on(transport.connect(address));
    REQUIRE(connected);
    return std::move(*connected);
  }
};

}  // namespace

TEST_CASE("three nodes form a mesh over TCP", "[system][tcp]") {
  TcpNode first(1), second(2), third(3);
  auto seed = first.start();
  REQUIRE(seed);
  CHECK(detail::parse_address(seed->local_addr())->port != 0);
  CHECK(seed->advertised_addr() == seed->local_addr());
  REQUIRE(second.start({seed->local_addr()}));
  REQUIRE(third.start({seed->local_addr()}));
  for (TcpNode* node : {&first, &second, &third})
    CHECK(within(10s, [&] { return table_of(*node->remote) == kMesh; }));
}

TEST_CASE("the last handle of a node's system shuts it down: its peers and links do not keep it",
          "[system][tcp]") {
  const auto with_word = [](std::shared_ptr<SharedWord> word) {
    return [word](RemoteActorSystemBuilder& builder) { builder.authenticator(word); };
  };
  TcpNode first(1, with_word(std::make_shared<SharedWord>("word")));
  auto seed = first.start();
  REQUIRE(seed);
  std::weak_ptr<SharedWord> owned;  // by the node, as long as there is one
  {
    auto word = std::make_shared<SharedWord>("word");
    owned = word;
    const auto system = ActorSystem::builder().worker_threads(2).build();
    auto builder = RemoteActorSystem::builder();
    builder.with_id(2).with_actor_system(system).authenticator(std::move(word));
    auto second = system.block_on(builder.build());
    REQUIRE(second);
    auto worker = second->cluster_worker();
    worker.listen_addr("127.0.0.1:0").with_seed_addr(seed->local_addr());
    REQUIRE(system.block_on(worker.start()));
    REQUIRE(within(10s, [&] { return table_of(*first.remote) == "1 healthy, 2 healthy"; }));
  }
  CHECK(owned.expired());
  CHECK(within(1s, [&] { return table_of(*first.remote) == "1 healthy, 2 terminated"; }));
}

TEST_CASE("an address in use is an error", "[system][tcp]") {
  TcpNode first(1), second(2);
  auto server = first.start();
  REQUIRE(server);
  auto again = second.system.block_on(
      second.remote->cluster_worker().listen_addr(server->local_addr()).start());
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == ActorRefErr::Kind::Unreachable);
  CHECK_THAT(std::string(again.error().detail()), Contains(server->local_addr()));
}

TEST_CASE("a node listens once, and again after it has left", "[system][tcp]") {
  TcpNode node(1);
  auto server = node.start();
  REQUIRE(server);
  auto twice = node.start();
  REQUIRE_FALSE(twice);
  CHECK(twice.error().kind() == ActorRefErr::Kind::NotSupported);
  node.system.block_on(server->stop());
  CHECK(node.start());
}

TEST_CASE("beyond this machine a node talks over TLS or not at all, unless it is allowed to",
          "[system][tcp]") {
  TcpNode careful(1);
  auto refused =
      careful.system.block_on(careful.remote->cluster_worker().listen_addr("0.0.0.0:0").start());
  REQUIRE_FALSE(refused);
  CHECK_THAT(std::string(refused.error().detail()), Contains("allow_plaintext"));
  auto seeking = careful.start({"192.0.2.1:30101"});
  REQUIRE_FALSE(seeking);
  CHECK_THAT(std::string(seeking.error().detail()), Contains("allow_plaintext"));

  TcpNode bold(2, [](RemoteActorSystemBuilder& builder) { builder.allow_plaintext(); });
  auto server =
      bold.system.block_on(bold.remote->cluster_worker().listen_addr("0.0.0.0:0").start());
  if (detail::first_own_address()) {
    REQUIRE(server);
    const auto advertised = detail::parse_address(server->advertised_addr());
    REQUIRE(advertised);
    CHECK_FALSE(detail::is_unspecified(advertised->host));
    CHECK(advertised->port == detail::parse_address(server->local_addr())->port);
  } else {
    REQUIRE_FALSE(server);
    CHECK_THAT(std::string(server.error().detail()), Contains("advertise_addr"));
  }
}

TEST_CASE("strangers who say nothing, or nonsense, or go away keep nobody from joining",
          "[system][tcp][B-201]") {
  TcpNode first(1), second(2);
  auto seed = first.start();
  REQUIRE(seed);
  Stranger stranger;
  std::vector<std::unique_ptr<Connection>> silent;
  const Bytes garbage(10'000, 0xab);
  for (int i = 0; i < 20; ++i) {
    silent.push_back(stranger.connect(seed->local_addr()));
    stranger.connect(seed->local_addr())->close();
    auto noisy = stranger.connect(seed->local_addr());
    (void)stranger.system.block_on(noisy->write(garbage));
  }
  TcpNode wrong_word(3, [](RemoteActorSystemBuilder& builder) {
    builder.authenticator(std::make_shared<SharedWord>("wrong"));
  });
  CHECK_FALSE(wrong_word.start({seed->local_addr()}, 500ms));
  REQUIRE(second.start({seed->local_addr()}));
  CHECK(table_of(*second.remote) == "1 healthy, 2 healthy");
}

}  // namespace coerce::test::tcp_cases
