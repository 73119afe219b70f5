// The first program of the documentation, as a user of the library builds it.

#include <coerce/actor.hpp>
#include <cstddef>

struct PointsScored {
  using Result = void;
  std::size_t points;
};

struct GetPoints {
  using Result = std::size_t;
};

class PlayerActor : public coerce::Actor {
 public:
  void handle(PointsScored message, coerce::ActorContext&) { points_ += message.points; }
  coerce::Task<std::size_t> handle(GetPoints, coerce::ActorContext&) { co_return points_; }

 private:
  std::size_t points_ = 0;
};

coerce::Task<int> game(coerce::ActorSystem& system) {
  auto player = co_await coerce::into_actor(PlayerActor{}, "player-actor-1", system);
  player->notify(PointsScored{1});
  auto points = co_await player->send(GetPoints{});
  co_return points.value() == 1 ? 0 : 1;
}

int main() { return coerce::run(game); }
