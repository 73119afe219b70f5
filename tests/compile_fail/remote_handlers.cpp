// expect: coerce: Player has no public handle\(Unknown, ActorContext&\)
// What cannot be registered for other nodes, or deployed there, is refused in one sentence.
#include <coerce/remote.hpp>

struct Ask {
  using Result = int;
};
struct Unknown {};
struct Pointer {
  int* to = nullptr;
};
class Player : public coerce::Actor {
 public:
  int handle(Ask, coerce::ActorContext&) { return 1; }
};

struct WithoutRecipe {
  using Actor = Player;
};
struct WithoutCodec {
  using Actor = Player;
  using Recipe = Pointer;
  Player create(Recipe) const { return Player(); }
};
struct NotConst {
  using Actor = Player;
  using Recipe = int;
  Player create(Recipe) { return Player(); }
};

void register_all(coerce::RemoteHandlers& handlers) {
  handlers.with_handler<Player, Ask>("Player.Ask");
  // refused: coerce: Player has no public handle(Unknown, ActorContext&)
  handlers.with_handler<Player, Unknown>("Player.Unknown");
  // refused: coerce: WithoutRecipe is no factory: it needs the types Actor and Recipe
  handlers.with_actor(WithoutRecipe());
  // refused: coerce: NotConst is no factory
  handlers.with_actor(NotConst());
  // refused: coerce: the recipe of WithoutCodec has no codec: specialise coerce::Codec for Pointer
  handlers.with_actor(WithoutCodec());
}

coerce::Task<void> deploy(coerce::RemoteActorSystem node, Pointer recipe) {
  // refused: coerce: the recipe of WithoutCodec has no codec: specialise coerce::Codec for Pointer
  co_await node.deploy_actor(WithoutCodec(), recipe);
}
