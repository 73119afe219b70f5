#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <cstddef>

using namespace coerce::test;

namespace {

// The actor that README and API open with.

struct PointsScored {
  std::size_t points;
};

struct GetPoints {
  using Result = std::size_t;
};

class PlayerActor : public coerce::Actor {
 public:
  static constexpr std::string_view type_name = "Player";

  void handle(PointsScored message, coerce::ActorContext&) { points_ += message.points; }

  coerce::Task<std::size_t> handle(GetPoints, coerce::ActorContext&) { co_return points_; }

 private:
  std::size_t points_ = 0;
};

static_assert(coerce::Handler<PlayerActor, PointsScored>);
static_assert(coerce::Handler<PlayerActor, GetPoints>);

coerce::Task<coerce::Result<std::size_t>> score_one_two_three(coerce::ActorSystem& system) {
  auto player = co_await coerce::into_actor(PlayerActor{}, "player-actor-1", system);
  if (!player) co_return coerce::unexpected(player.error());
  for (const std::size_t points : {1U, 2U, 3U}) {
    if (auto sent = player->notify(PointsScored{points}); !sent) {
      co_return coerce::unexpected(sent.error());
    }
  }
  co_return co_await player->send(GetPoints{});
}

}  // namespace

TEST_CASE("a player's points are the sum of what it was told before it is asked",
          "[player][B-060]") {
  auto system = make_system();
  CHECK(value_of(system.block_on(score_one_two_three(system))) == 6);
}
