// Two nodes that meet over loopback, one of which asks an actor of the other and hears what it
// publishes, as a user of the library builds them.

#include <coerce/remote.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

struct GetPoints {
  using Result = std::int64_t;
};
template <>
struct coerce::Codec<GetPoints> : coerce::MemberCodec<GetPoints> {};

class PlayerActor : public coerce::Actor {
 public:
  std::int64_t handle(GetPoints, coerce::ActorContext&) { return 7; }
};

struct PointsTopic {
  using Message = std::int64_t;
  static constexpr std::string_view topic_name = "points";
};

class Spectator : public coerce::Actor {
 public:
  void handle(coerce::Receive<PointsTopic> points, coerce::ActorContext&) {
    points_ = points.message();
  }
  std::int64_t handle(GetPoints, coerce::ActorContext&) { return points_; }

 private:
  std::int64_t points_ = 0;
};

coerce::Task<coerce::Result<std::string>> join(coerce::ActorSystem system, coerce::NodeId id,
                                               std::string seed) {
  auto builder = coerce::RemoteActorSystem::builder();
  builder.with_id(id).with_actor_system(system).with_handlers([](coerce::RemoteHandlers& handlers) {
    handlers.with_handler<PlayerActor, GetPoints>("Player.GetPoints");
  });
  auto building = builder.build();
  auto node = co_await building;
  if (!node) co_return coerce::unexpected(node.error());

  auto worker = node->cluster_worker();
  worker.listen_addr("127.0.0.1:0");
  if (!seed.empty()) worker.with_seed_addr(seed);
  auto starting = worker.start();
  auto server = co_await starting;
  if (!server) co_return coerce::unexpected(server.error());
  co_return server->local_addr();
}

coerce::Task<coerce::Result<std::int64_t>> ask(coerce::ActorSystem system) {
  auto node = coerce::RemoteActorSystem::of(system);
  auto finding = node->actor_ref<PlayerActor>("leon");
  auto leon = co_await finding;
  if (!leon) co_return coerce::unexpected(leon.error());
  co_return co_await leon->send(GetPoints{});
}

/// What an actor of `away` has heard of what `home` has published.
coerce::Task<std::int64_t> hear(coerce::ActorSystem home, coerce::ActorSystem away,
                                coerce::LocalActorRef<Spectator> spectator) {
  const auto node = coerce::RemoteActorSystem::of(away);
  auto subscribing = coerce::PubSub::subscribe(PointsTopic(), spectator, *node);
  const auto subscription = co_await subscribing;
  auto publishing =
      coerce::PubSub::publish(PointsTopic(), std::int64_t{7}, *coerce::RemoteActorSystem::of(home));
  const auto published = co_await publishing;
  if (!subscription || !published) co_return -1;
  for (int i = 0; i < 500; ++i) {
    const auto points = co_await spectator.send(GetPoints{});
    if (points == 7) break;
    (void)co_await coerce::sleep_for(std::chrono::milliseconds(10));
  }
  auto health = coerce::Heartbeat::get_system_health(*node);
  const auto well = co_await health;
  const auto heard = co_await spectator.send(GetPoints{});
  co_return well.is_ready ? heard.value_or(-1) : -1;
}

int main() {
  auto home = coerce::ActorSystem::builder().build();
  auto away = coerce::ActorSystem::builder().build();
  const auto leon = home.block_on(coerce::into_actor(PlayerActor{}, "leon", home));
  const auto address = home.block_on(join(home, 1, ""));
  if (!leon || !address) return 1;
  if (!away.block_on(join(away, 2, *address))) return 1;
  const auto points = away.block_on(ask(away));
  std::printf("%lld points\n", static_cast<long long>(points.value_or(-1)));
  const auto spectator = away.block_on(coerce::into_actor(Spectator{}, "spectator", away));
  if (!spectator || away.block_on(hear(home, away, *spectator)) != 7) return 1;
  return points.value_or(-1) == 7 ? 0 : 1;
}
