// A user's file as it often is: two actors, three messages, one that asks the other. run.sh times
// its compilation.

#include <coerce/actor.hpp>

namespace {

struct PointsScored {
  std::size_t points;
};

struct GetPoints {
  using Result = std::size_t;
};

class Player : public coerce::Actor {
 public:
  void handle(PointsScored message, coerce::ActorContext&) { points_ += message.points; }
  coerce::Task<std::size_t> handle(GetPoints, coerce::ActorContext&) { co_return points_; }

 private:
  std::size_t points_ = 0;
};

struct Play {
  using Result = std::size_t;
};

class Table : public coerce::Actor {
 public:
  explicit Table(coerce::LocalActorRef<Player> player) : player_(std::move(player)) {}

  coerce::Task<coerce::Result<std::size_t>> handle(Play, coerce::ActorContext&) {
    auto sent = player_.notify(PointsScored{1});
    if (!sent) co_return coerce::unexpected(sent.error());
    co_return co_await player_.send(GetPoints{});
  }

 private:
  coerce::LocalActorRef<Player> player_;
};

}  // namespace

coerce::Task<bool> game(coerce::ActorSystem& system);

coerce::Task<bool> game(coerce::ActorSystem& system) {
  auto player = co_await coerce::into_actor(Player{}, "player", system);
  auto table = co_await coerce::into_actor<Table>("table", system, player.value());
  auto points = co_await table.value().send(Play{});
  co_return points == std::size_t{1};
}
