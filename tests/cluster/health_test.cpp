#include <coerce/cluster/health.hpp>

#include <catch2/catch.hpp>

#include "remote/core.hpp"
#include "remote/world.hpp"

namespace coerce::test::health_cases {
namespace {

/// One node that never listens, and some actors to check.
struct Ward {
  explicit Ward(const Setup& setup = {}) : remote(build_node(sim.node(1), setup)) {}
  SystemHealth health(HealthOptions options = {}) {
    return sim.node(1).run(Heartbeat::get_system_health(remote, options));
  }
  /// Keeps the actor busy from now on.
  void keep_busy(const LocalActorRef<Parrot>& parrot, Duration time) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    CHECK(parrot.notify(Rest{milliseconds}));
  }

  testkit::Simulation sim{{.nodes = 1}};
  RemoteActorSystem remote;
};

}  // namespace

TEST_CASE("a node without checks is healthy, and says who it is", "[health]") {
  Ward ward(
      [](RemoteActorSystemBuilder& builder) { builder.with_tag("ward").with_version("1.2.3"); });
  const SystemHealth health = ward.health();
  CHECK(health.status == HealthStatus::Healthy);
  CHECK(health.is_live);
  CHECK(health.is_ready);
  CHECK(health.node_id == 1);
  CHECK(health.node_tag == "ward");
  CHECK(health.node_version == "1.2.3");
  CHECK(health.nodes.size() == 1);
  CHECK(health.actor_response_times.empty());
}

TEST_CASE("a node that shuts down is not ready while it hands over", "[health][B-028]") {
  testkit::Simulation sim{{.nodes = 2}};
  INFO("seed " << sim.seed());
  auto remote = build_node(sim.node(1));
  bool was_ready = true;
  bool was_asked = false;
  remote.core().on_leaving([&](TimePoint) -> Task<void> {
    auto asking = Heartbeat::get_system_health(remote);
    const SystemHealth health = co_await asking;
    was_ready = health.is_ready;
    was_asked = true;
  });
  start(sim.node(1), remote, {});
  const auto report = sim.node(1).run(remote.shutdown());
  CHECK(report.complete);
  CHECK(was_asked);
  CHECK_FALSE(was_ready);
}

TEST_CASE("a busy actor is degraded, and one that is too busy unhealthy", "[health][B-119]") {
  Ward ward;
  const auto parrot = ward.sim.node(1).start<Parrot>("polly");
  REQUIRE(Heartbeat::add(parrot, ward.remote));
  const std::string path = ward.sim.node(1).system().system_name().str() + "/polly";
  CHECK(ward.health().status == HealthStatus::Healthy);
  CHECK(ward.health().actor_response_times.at(path).has_value());

  ward.keep_busy(parrot, 2s);
  const SystemHealth degraded = ward.health();
  CHECK(degraded.status == HealthStatus::Degraded);
  CHECK(degraded.is_ready);
  CHECK(degraded.actor_response_times.at(path).value() >= 2s);

  ward.keep_busy(parrot, 20s);
  const Duration before = ward.sim.now();
  const SystemHealth unhealthy = ward.health();
  CHECK(ward.sim.now() - before < 6s);
  CHECK(unhealthy.status == HealthStatus::Unhealthy);
  CHECK_FALSE(unhealthy.is_ready);
  CHECK(unhealthy.is_live);
  CHECK_FALSE(unhealthy.actor_response_times.at(path).has_value());
}

TEST_CASE("all actors are asked at the same time", "[health]") {
  Ward ward;
  std::vector<LocalActorRef<Parrot>> parrots;
  for (int i = 0; i < 10; ++i) {
    parrots.push_back(ward.sim.node(1).start<Parrot>("parrot " + std::to_string(i)));
    REQUIRE(Heartbeat::add(parrots.back(), ward.remote));
    ward.keep_busy(parrots.back(), 3s);
  }
  const Duration before = ward.sim.now();
  CHECK(ward.health().actor_response_times.size() == 10);
  CHECK(ward.sim.now() - before < 4s);
}

TEST_CASE("an actor is checked once, until it is removed", "[health][B-119]") {
  Ward ward;
  const auto parrot = ward.sim.node(1).start<Parrot>("polly");
  CHECK(Heartbeat::add(parrot, ward.remote));
  CHECK(Heartbeat::add(parrot, ward.remote));
  CHECK(ward.health().actor_response_times.size() == 1);
  CHECK(Heartbeat::remove("polly", ward.remote));
  CHECK_FALSE(Heartbeat::remove("polly", ward.remote));
  CHECK(ward.health().actor_response_times.empty());
}

TEST_CASE("a checked actor that has ended is unhealthy until it is removed or replaced",
          "[health][B-119]") {
  Ward ward;
  std::optional parrot = ward.sim.node(1).start<Parrot>("polly");
  CHECK(Heartbeat::add(*parrot, ward.remote));
  CHECK(ward.sim.node(1).run(parrot->stop()));
  CHECK(ward.health().status == HealthStatus::Unhealthy);
  const auto late = Heartbeat::add(*parrot, ward.remote);
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == ActorRefErrKind::InvalidRef);
  const auto owl = ward.sim.node(1).start<Owl>("polly");
  CHECK(Heartbeat::add(owl, ward.remote));
  CHECK(ward.health().status == HealthStatus::Healthy);
}

namespace {

/// Has room for one message.
class Clerk : public Actor {
 public:
  static constexpr MailboxOptions mailbox{.capacity = 1, .overflow = Overflow::Reject};
  Task<std::int64_t> handle(Rest message, ActorContext&) {
    const bool slept = co_await sleep_for(std::chrono::milliseconds(message.milliseconds));
    co_return slept ? message.milliseconds : -1;
  }
};

/// Is checked, and asks.
class Doctor : public Actor {
 public:
  explicit Doctor(RemoteActorSystem node) : node_(std::move(node)) {}
  Task<std::string> handle(Say, ActorContext&) {
    auto asking = Heartbeat::get_system_health(node_);
    const auto health = co_await asking;
    co_return std::string(to_string(health.status));
  }

 private:
  RemoteActorSystem node_;
};

}  // namespace

TEST_CASE("a full mailbox is a busy actor", "[health]") {
  Ward ward;
  const auto clerk = ward.sim.node(1).start<Clerk>("clerk");
  CHECK(Heartbeat::add(clerk, ward.remote));
  CHECK(clerk.notify(Rest{2000}));
  ward.sim.run_for(1ms);
  (void)clerk.notify(Rest{500});
  CHECK(ward.health().status == HealthStatus::Degraded);
}

TEST_CASE("an actor may ask for the health of the node that checks it", "[health]") {
  Ward ward;
  const auto doctor = ward.sim.node(1).start<Doctor>("doctor", ward.remote);
  CHECK(Heartbeat::add(doctor, ward.remote));
  const Say how_are_we;
  CHECK(ward.sim.node(1).run(doctor.send(how_are_we)).value() == "Healthy");
}

TEST_CASE("so many actors are checked, and no more", "[health]") {
  Ward ward;
  std::vector<LocalActorRef<Parrot>> parrots;
  for (int i = 0; i < 4096; ++i) {
    parrots.push_back(ward.sim.node(1).start<Parrot>("parrot " + std::to_string(i)));
    REQUIRE(Heartbeat::add(parrots.back(), ward.remote));
  }
  const auto owl = ward.sim.node(1).start<Owl>("owl");
  const auto refused = Heartbeat::add(owl, ward.remote);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ActorRefErrKind::Overloaded);
  CHECK(ward.health().status == HealthStatus::Healthy);
}

TEST_CASE("a node that sees too few others is not ready", "[health]") {
  SimulatedWorld world(3, [](RemoteActorSystemBuilder& builder, NodeId id) {
    HeartbeatOptions options;
    if (id == 3) options.minimum_cluster_size = 3;
    builder.heartbeat(options);
  });
  const auto health = [&] { return world.run(3, Heartbeat::get_system_health(world.remote(3))); };
  CHECK(health().is_ready);
  world.kill(1);
  world.sim().run_for(10s);
  const SystemHealth alone = health();
  CHECK_FALSE(alone.is_ready);
  CHECK(alone.is_live);
  CHECK(alone.status == HealthStatus::Healthy);
}

}  // namespace coerce::test::health_cases
