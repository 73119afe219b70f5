#include <coerce/remote/system.hpp>

#include <catch2/catch.hpp>

#include <string>

#include "node_support.hpp"
#include "remote/address.hpp"

namespace coerce {
namespace test::builder_cases {
namespace {

struct SetStatus {
  using Result = std::string;
  std::string status;
};
struct GetStatus {
  using Result = std::string;
};
struct GetNode {
  using Result = NodeId;
};
struct Opaque {
  void* pointer = nullptr;
};

class TestActor : public Actor {
 public:
  std::string handle(SetStatus message, ActorContext&) {
    status_ = message.status;
    return "Ok";
  }
  std::string handle(GetStatus, ActorContext&) { return status_; }
  NodeId handle(GetNode, ActorContext& context) {
    return RemoteActorSystem::of(context.system())->node_id();
  }
  void handle(Opaque, ActorContext&) {}

 private:
  std::string status_ = "None";
};

}  // namespace
}  // namespace test::builder_cases

template <>
struct Codec<test::builder_cases::SetStatus> {
  static Result<void> encode(const test::builder_cases::SetStatus& message, Bytes& out) {
    return Codec<std::string>::encode(message.status, out);
  }
  static Result<test::builder_cases::SetStatus> decode(BytesView bytes) {
    auto status = Codec<std::string>::decode(bytes);
    if (!status) return unexpected(status.error());
    return test::builder_cases::SetStatus{std::move(*status)};
  }
};
template <>
struct Codec<test::builder_cases::GetStatus> {
  static Result<void> encode(const test::builder_cases::GetStatus&, Bytes&) { return {}; }
  static Result<test::builder_cases::GetStatus> decode(BytesView) {
    return test::builder_cases::GetStatus{};
  }
};

namespace test::builder_cases {
namespace {

ActorSystem driven() { return ActorSystem::builder().worker_threads(0).build(); }

RemoteActorSystemBuilder builder_on(const ActorSystem& system) {
  auto builder = RemoteActorSystem::builder();
  builder.with_actor_system(system).with_handlers([](RemoteHandlers& handlers) {
    handlers.with_handler<TestActor, SetStatus>("TestActor.SetStatus")
        .with_handler<TestActor, GetStatus>("TestActor.GetStatus")
        .with_handler<TestActor, Opaque>("TestActor.Opaque");
  });
  return builder;
}

RemoteActorSystem node_on(const ActorSystem& system) {
  auto builder = builder_on(system);
  auto built = system.block_on(builder.build());
  REQUIRE(built);
  return *built;
}

}  // namespace

TEST_CASE("a node has the id, tag and version that it was given", "[system][B-062]") {
  auto system = driven();
  auto builder = builder_on(system);
  builder.with_id(1)
      .with_tag("node-1")
      .with_version("1.2.3")
      .attribute("zone", "a")
      .role("backend");
  auto remote = system.block_on(builder.build());
  REQUIRE(remote);
  CHECK(remote->node_id() == 1);
  CHECK(remote->node_tag() == "node-1");
  CHECK(remote->node_version() == "1.2.3");
  CHECK(remote->attributes().at("zone") == "a");
  CHECK(remote->cluster_name() == "coerce");
  CHECK_FALSE(remote->current_leader());
  CHECK(remote->inflight_remote_request_count() == 0);
  const auto nodes = remote->get_nodes();
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].id == 1);
  CHECK(nodes[0].roles.contains("backend"));
  CHECK(nodes[0].status == NodeStatus::Healthy);
  CHECK(nodes[0].started_at == remote->started_at());
}

TEST_CASE("without an id one is drawn that fits into 63 bits", "[system]") {
  auto system = driven();
  const auto remote = node_on(system);
  CHECK(remote.node_id() >= 1);
  CHECK(remote.node_id() <= kMaxNodeId);
  CHECK(remote.node_tag() == system.system_name().view());
  CHECK(remote.node_version() == "0.0.0");
}

TEST_CASE("settings that make no sense are refused by name", "[system][B-214]") {
  auto builder = RemoteActorSystem::builder();
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(builder.with_id((NodeId{1} << 63) + 1), Contains("with_id"));
  CHECK_THROWS_WITH(builder.with_id(0), Contains("with_id"));
  CHECK_THROWS_WITH(builder.with_tag(""), Contains("with_tag"));
  CHECK_THROWS_WITH(builder.with_version(std::string(256, 'v')), Contains("with_version"));
  CHECK_THROWS_WITH(builder.cluster_name(""), Contains("cluster_name"));
  CHECK_THROWS_WITH(builder.attribute("a", std::string(3000, 'v')), Contains("attribute"));
  CHECK_THROWS_WITH(builder.heartbeat({.interval = 0s}), Contains("interval"));
  CHECK_THROWS_WITH(builder.heartbeat({.unhealthy_node_heartbeat_timeout = 100ms}),
                    Contains("unhealthy_node_heartbeat_timeout"));
  CHECK_THROWS_WITH(builder.heartbeat({.terminated_node_heartbeat_timeout = 1s}),
                    Contains("terminated_node_heartbeat_timeout"));
  CHECK_THROWS_WITH(builder.limits({.max_frame = 100}), Contains("max_frame"));
  CHECK_THROWS_WITH(builder.limits({.max_half_open = 0}), Contains("max_half_open"));
  CHECK_THROWS_WITH(builder.transport(nullptr), Contains("transport"));
  CHECK_THROWS_WITH(builder.authenticator(nullptr), Contains("authenticator"));
  CHECK_NOTHROW(builder.with_id(kMaxNodeId));
}

TEST_CASE("a system is a node once, and a builder builds once", "[system]") {
  auto system = driven();
  CHECK_FALSE(RemoteActorSystem::of(system));
  auto first = builder_on(system);
  auto remote = system.block_on(first.build());
  REQUIRE(remote);
  CHECK(RemoteActorSystem::of(system) == *remote);
  CHECK_THROWS_AS(first.build(), std::logic_error);
  auto second = builder_on(system);
  auto again = system.block_on(second.build());
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == ActorRefErr::Kind::NotSupported);
}

TEST_CASE("handlers have the names under which they were registered", "[system][B-042][B-043]") {
  auto system = driven();
  const auto remote = node_on(system);
  CHECK(remote.handler_name<TestActor, SetStatus>() == "TestActor.SetStatus");
  CHECK(remote.handler_name<TestActor, Opaque>() == "TestActor.Opaque");
  auto header = remote.create_header<TestActor, SetStatus>("leon");
  REQUIRE(header);
  CHECK(header->actor_id == "leon");
  CHECK(header->handler_type == "TestActor.SetStatus");
  const auto missing = remote.create_header<TestActor, std::string>("leon");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind() == ActorRefErr::Kind::NotSupported);
  CHECK(remote.capabilities().messages.size() == 3);
}

TEST_CASE("a message of bytes reaches its actor, and its answer is bytes", "[system][B-044]") {
  auto system = driven();
  const auto remote = node_on(system);
  auto actor = system.block_on(into_actor(TestActor{}, "leon", system));
  REQUIRE(actor);
  const auto say = [&](const std::string& handler, const std::string& id, Bytes message) {
    return system.block_on(remote.handle_message(handler, id, std::move(message)));
  };
  auto ok = say("TestActor.SetStatus", "leon", encode_message(std::string("Active")).value());
  REQUIRE(ok);
  CHECK(decode_message<std::string>(*ok).value() == "Ok");
  CHECK(system.block_on(actor->send(GetStatus{})).value() == "Active");

  CHECK(say("TestActor.Nothing", "leon", {}).error().kind() == ActorRefErr::Kind::NotSupported);
  CHECK(say("TestActor.GetStatus", "nobody", {}).error().kind() == ActorRefErr::Kind::NotFound);
  CHECK(say("TestActor.SetStatus", "leon", bytes_of("\xff")).error().kind() ==
        ActorRefErr::Kind::Deserialisation);
}

TEST_CASE("an actor finds its node by its system", "[system]") {
  auto system = driven();
  const auto remote = node_on(system);
  auto actor = system.block_on(into_actor(TestActor{}, "leon", system));
  REQUIRE(actor);
  auto found = system.block_on(actor->send(GetNode{}));
  REQUIRE(found);
  CHECK(*found == remote.node_id());
}

TEST_CASE("addresses are a host and a port", "[system]") {
  using detail::parse_address;
  CHECK(parse_address("127.0.0.1:0")->port == 0);
  CHECK(parse_address("[::1]:30101")->host == "::1");
  CHECK(parse_address("[::1]:30101")->to_string() == "[::1]:30101");
  CHECK(parse_address("node-1.example:65535")->host == "node-1.example");
  for (const char* bad :
       {"", ":1", "host", "host:", "host:65536", "host:1x", "::1:5", "[]:1", "a b:1", "[::1:1"})
    CHECK_FALSE(parse_address(bad));
  CHECK(detail::is_loopback("127.1.2.3"));
  CHECK_FALSE(detail::is_loopback("10.0.0.1"));
}

TEST_CASE("addresses at which nobody can be reached are refused by name", "[system]") {
  auto system = driven();
  auto worker = node_on(system).cluster_worker();
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(worker.listen_addr("nowhere"), Contains("listen_addr"));
  CHECK_THROWS_WITH(worker.advertise_addr("0.0.0.0:30101"), Contains("advertise_addr"));
  CHECK_THROWS_WITH(worker.advertise_addr("10.0.0.1:0"), Contains("advertise_addr"));
  CHECK_THROWS_WITH(worker.with_seed_addr(":1"), Contains("with_seed_addr"));
  CHECK_THROWS_WITH(worker.join_timeout(0s), Contains("join_timeout"));
}

}  // namespace test::builder_cases
}  // namespace coerce
