#include <coerce/actor/detail/ownership.hpp>

#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::Epoch;
using coerce::ManualClock;
using coerce::TimePoint;
using coerce::detail::Ownership;
using namespace std::chrono_literals;

namespace {

struct GetEpoch {
  using Result = std::uint64_t;
};

class Owner : public coerce::Actor {
 public:
  std::uint64_t handle(GetEpoch, ActorContext& ctx) { return ctx.epoch()->value; }
};

auto start_owner(const coerce::ActorSystem& system, std::shared_ptr<Ownership> ownership) {
  auto make = [] { return Owner(); };
  auto& cell = coerce::detail::make_cell_with<Owner>(
      system.core(), coerce::ActorId("owner"), nullptr, coerce::ActorType::Tracked, std::move(make),
      coerce::SupervisorStrategy::stop());
  coerce::detail::give_ownership(cell, std::move(ownership));
  return coerce::detail::StartAwaiter<Owner>(cell);
}

}  // namespace

TEST_CASE("an ownership that was found to have ended never comes back", "[ownership]") {
  ManualClock clock;
  Ownership ownership(Epoch{1}, clock, clock.now() + 2s);
  CHECK(ownership.prolong(clock.now() + 3s));
  CHECK(ownership.prolong(clock.now() + 1s));
  CHECK(ownership.until() == clock.now() + 3s);
  clock.advance(3s);
  CHECK_FALSE(ownership.holds());
  CHECK_FALSE(ownership.prolong(clock.now() + 10s));
  CHECK_FALSE(ownership.holds());

  Ownership late(Epoch{1}, clock, clock.now() + 1s);
  clock.advance(2s);
  CHECK_FALSE(late.prolong(clock.now() + 1s));
  Ownership given_up(Epoch{1}, clock, clock.now() + 1s);
  given_up.end();
  CHECK_FALSE(given_up.holds());
}

TEST_CASE("an owner handles nothing more once its time is over, whatever timer is late",
          "[ownership]") {
  ManualClock clock;
  auto system = make_system();
  const auto ownership = std::make_shared<Ownership>(Epoch{7}, clock, clock.now() + 1s);
  const auto owner = value_of(system.block_on(start_owner(system, ownership)));
  CHECK(value_of(system.block_on(owner.send(GetEpoch{}))) == 7);
  CHECK(ownership->prolong(clock.now() + 5s));
  clock.advance(3s);
  CHECK(value_of(system.block_on(owner.send(GetEpoch{}))) == 7);
  clock.advance(2s);
  const auto late = system.block_on(owner.send(GetEpoch{}));
  REQUIRE_FALSE(late);
  CHECK(late.error().outcome() == coerce::ActorRefErrOutcome::NotDelivered);
  CHECK_FALSE(system.block_on(owner.send(GetEpoch{})));  // the actor has ended
}
