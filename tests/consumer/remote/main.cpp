// Two nodes that meet over loopback, as a user of the library builds them.

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

int main() {
  auto home = coerce::ActorSystem::builder().build();
  auto away = coerce::ActorSystem::builder().build();
  const auto address = home.block_on(join(home, 1, ""));
  if (!address) return 1;
  const auto joined = away.block_on(join(away, 2, *address));
  if (!joined) return 1;
  const auto nodes = coerce::RemoteActorSystem::of(away)->get_nodes();
  for (const auto& node : nodes)
    std::printf("node %llu at %s\n", static_cast<unsigned long long>(node.id), node.addr.c_str());
  return nodes.size() == 2 ? 0 : 1;
}
