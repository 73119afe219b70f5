#include <coerce/actor.hpp>

#include "fixtures.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <tuple>
#include <vector>

using namespace coerce::test;
using coerce::ActorContext;
using coerce::Receiver;

namespace {

/// Answers as TestActor would, and has nothing else in common with it.
class AlwaysActive : public coerce::Actor {
 public:
  GetStatusResponse handle(GetStatusRequest, ActorContext&) { return TestActorStatus::Active; }
};

}  // namespace

TEST_CASE("receivers of one message keep different actors in one list", "[messaging][B-009]") {
  auto system = make_system();
  auto test = start<TestActor>(system);
  value_of(system.block_on(test.send(SetStatusRequest{TestActorStatus::Active})));
  auto always = start<AlwaysActive>(system);

  std::vector<Receiver<GetStatusRequest>> receivers;
  receivers.emplace_back(test);
  receivers.emplace_back(always);
  CHECK(receivers[0].actor_id() == test.actor_id());
  CHECK(receivers[1].actor_id() == always.actor_id());

  auto answers = system.block_on(coerce::when_all(receivers[0].send(GetStatusRequest{}),
                                                  receivers[1].send(GetStatusRequest{})));
  CHECK(value_of(std::get<0>(answers)) == TestActorStatus::Active);
  CHECK(value_of(std::get<1>(answers)) == TestActorStatus::Active);
}

TEST_CASE("a receiver passes a notify on, and so does its copy", "[messaging][B-011]") {
  Event<SetStatusRequest> received;
  auto system = make_system();
  std::optional<Receiver<SetStatusRequest>> receiver(start<Forwarder>(system, received));

  const auto copy = receiver;
  receiver.reset();  // the copy alone keeps the actor
  REQUIRE(copy->notify(SetStatusRequest{TestActorStatus::Inactive}).has_value());
  CHECK(received.wait().status == TestActorStatus::Inactive);
}

TEST_CASE("a boxed ref finds its way back to the actor's type, and to no other", "[messaging]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  const coerce::BoxedActorRef boxed(actor);

  CHECK_FALSE(boxed.as_actor<EchoActor>().has_value());
  auto found = boxed.as_actor<TestActor>();
  REQUIRE(found.has_value());
  CHECK(value_of(system.block_on(found->send(GetCounterRequest{}))) == 42);
}

TEST_CASE("an ActorRef of a local actor is local and speaks to it", "[messaging]") {
  auto system = make_system();
  auto actor = start<TestActor>(system);
  coerce::ActorRef<TestActor> ref(actor);

  CHECK(ref.is_local());
  CHECK_FALSE(ref.is_remote());
  CHECK(ref.actor_id() == actor.actor_id());
  CHECK(ref.unwrap_local().actor_id() == actor.actor_id());
  CHECK(value_of(system.block_on(ref.send(GetCounterRequest{}))) == 42);
}
