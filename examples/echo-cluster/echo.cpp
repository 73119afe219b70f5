#include "echo.hpp"

#include <utility>

namespace echo {

namespace {

/// The names under which messages travel: the same on all nodes, whatever they are built with.
void name_messages(coerce::RemoteHandlers& handlers) {
  handlers.with_handler<EchoActor, Echo>("EchoActor.Echo");
}

}  // namespace

std::string EchoActor::handle(Echo question, coerce::ActorContext& ctx) {
  ctx.log().info("asked for {} bytes", question.text.size());
  return std::move(question.text);
}

coerce::Task<coerce::Result<Joined>> join(coerce::ActorSystem system, Options options) {
  auto builder = coerce::RemoteActorSystem::builder();
  builder.with_actor_system(system).cluster_name("echo").with_handlers(name_messages);
  if (options.id) builder.with_id(*options.id);
  if (options.tls) builder.tls(*options.tls);
  auto building = builder.build();
  auto node = co_await building;
  if (!node) co_return coerce::unexpected(std::move(node).error());

  auto worker = node->cluster_worker();
  worker.listen_addr(options.listen).join_timeout(options.patience);
  for (const auto& seed : options.seeds) worker.with_seed_addr(seed);
  auto starting = worker.start();
  auto server = co_await starting;
  if (!server) co_return coerce::unexpected(std::move(server).error());
  co_return Joined{std::move(*node), std::move(*server)};
}

}  // namespace echo
