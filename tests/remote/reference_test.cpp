#include <coerce/remote/refs.hpp>

#include "world.hpp"

#include <coerce/actor/watch.hpp>
#include <coerce/testkit/catch2.hpp>

#include "remote/core.hpp"

namespace coerce::test::reference_cases {

/// Asks somebody to speak, and gives back what he said.
struct Introduce {
  using Result = std::string;
  ActorRef<Parrot> whom;
};
/// Is he here?
struct IsHere {
  using Result = bool;
  ActorRef<Parrot> whom;
};
/// Gives a reference back.
struct Echo {
  using Result = ActorRef<Parrot>;
  ActorRef<Parrot> whom;
};

/// Messages that are nothing but a reference.
template <class M>
struct RefCodec : detail::SelfDelimiting<M> {
  static Result<void> write(const M& message, Bytes& out) {
    return Codec<ActorRef<Parrot>>::write(message.whom, out);
  }
  static Result<M> read(detail::Reader& reader) {
    auto ref = Codec<ActorRef<Parrot>>::read(reader);
    if (!ref) return coerce::unexpected(std::move(ref).error());
    return M{std::move(*ref)};
  }
};

}  // namespace coerce::test::reference_cases

template <>
struct coerce::Codec<coerce::test::reference_cases::Introduce>
    : coerce::test::reference_cases::RefCodec<coerce::test::reference_cases::Introduce> {};
template <>
struct coerce::Codec<coerce::test::reference_cases::IsHere>
    : coerce::test::reference_cases::RefCodec<coerce::test::reference_cases::IsHere> {};
template <>
struct coerce::Codec<coerce::test::reference_cases::Echo>
    : coerce::test::reference_cases::RefCodec<coerce::test::reference_cases::Echo> {};

namespace coerce::test::reference_cases {
namespace {

using Kind = ActorRefErr::Kind;

class Butler : public Actor {
 public:
  static constexpr std::string_view type_name = "Butler";

  Task<std::string> handle(Introduce message, ActorContext&) {
    auto asking = message.whom.send<Say>("how do you do");
    auto said = co_await asking;
    co_return said ? *said : said.error().to_string();
  }
  bool handle(IsHere message, ActorContext&) { return message.whom.is_local(); }
  ActorRef<Parrot> handle(Echo message, ActorContext&) { return message.whom; }
};

void with_butlers(RemoteActorSystemBuilder& builder, NodeId id) {
  with_birds(builder, id);
  builder.with_handlers([](RemoteHandlers& handlers) {
    handlers.with_handler<Butler, Introduce>("Butler.Introduce")
        .with_handler<Butler, IsHere>("Butler.IsHere")
        .with_handler<Butler, Echo>("Butler.Echo");
  });
}

template <class A, class World>
ActorRef<A> find(World& world, NodeId from, const char* id) {
  auto ref = world.run(from, world.remote(from).template actor_ref<A>(id));
  REQUIRE(ref);
  return *ref;
}

}  // namespace

TEMPLATE_TEST_CASE("a reference travels to a third node, and works there", "[reference]",
                   SimulatedWorld, TcpWorld) {
  TestType world(3, with_butlers);
  const auto butler = world.template start<Butler>(1, "butler");
  const auto leon = world.template start<Parrot>(3, "leon");
  const auto there = find<Butler>(world, 2, "butler");
  const auto whom = find<Parrot>(world, 2, "leon");
  CHECK(world.run(2, there.template send<Introduce>(whom)) == std::string("how do you do"));
  CHECK(world.run(2, there.template send<IsHere>(whom)) == false);
}

TEMPLATE_TEST_CASE("a reference that comes home is a local one", "[reference]", SimulatedWorld,
                   TcpWorld) {
  TestType world(2, with_butlers);
  const auto butler = world.template start<Butler>(1, "butler");
  const auto leon = world.template start<Parrot>(1, "leon");
  const auto own = world.template start<Parrot>(2, "own");
  const auto there = find<Butler>(world, 2, "butler");
  CHECK(world.run(2, there.template send<IsHere>(find<Parrot>(world, 2, "leon"))) == true);
  CHECK(world.run(2, there.template send<IsHere>(own)) == false);
  auto back = world.run(2, there.template send<Echo>(own));
  REQUIRE(back);
  CHECK(back->is_local());
  CHECK(back->unwrap_local() == own);
  auto remote = world.run(2, there.template send<Echo>(find<Parrot>(world, 2, "leon")));
  REQUIRE(remote);
  CHECK(remote->node_id() == NodeId{1});
  CHECK(*remote == find<Parrot>(world, 2, "leon"));
  CHECK(world.run(2, remote->template send<Say>("hello")) == std::string("hello"));
}

TEST_CASE("a reference says where its actor is", "[reference]") {
  SimulatedWorld world(2, with_butlers);
  const auto leon = world.start<Parrot>(1, "leon");
  const auto address = unwrap_remote(find<Parrot>(world, 2, "leon"));
  CHECK(address.node == 1);
  CHECK(address.incarnation == world.remote(1).core().self().incarnation);
  CHECK(address.actor == ActorId("leon"));
  CHECK_THROWS_AS(unwrap_remote(ActorRef<Parrot>(leon)), std::logic_error);
}

TEST_CASE("only an actor that others can find travels", "[reference]") {
  SimulatedWorld world(2, with_butlers);
  const auto butler = world.start<Butler>(1, "butler");
  const auto there = find<Butler>(world, 2, "butler");
  const auto anonymous = world.start<Parrot>(2, "");
  const auto sent = world.run(2, there.send<IsHere>(anonymous));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind() == Kind::Serialisation);
}

TEST_CASE("a reference to an actor that has ended arrives, and says so", "[reference]") {
  SimulatedWorld world(3, with_butlers);
  const auto butler = world.start<Butler>(1, "butler");
  const auto there = find<Butler>(world, 2, "butler");
  const auto near = world.start<Parrot>(1, "near");
  const auto far = world.start<Parrot>(3, "far");
  const auto near_ref = find<Parrot>(world, 2, "near");
  const auto far_ref = find<Parrot>(world, 2, "far");
  REQUIRE(world.run(1, near.stop()));
  auto said = world.run(2, there.send<Introduce>(near_ref));
  REQUIRE(said);
  CHECK(said->find("InvalidRef") != std::string::npos);
  world.kill(3);
  REQUIRE(world.until([&] {
    return world.remote(1).get_nodes()[2].status == NodeStatus::Terminated &&
           world.remote(2).get_nodes()[2].status == NodeStatus::Terminated;
  }));
  said = world.run(2, there.send<Introduce>(far_ref));
  REQUIRE(said);
  CHECK(said->find("Unreachable") != std::string::npos);

  // What comes back of it is as useless here, and its end is told at once.
  auto back = world.run(2, there.send<Echo>(far_ref));
  REQUIRE(back);
  CHECK_FALSE(back->is_valid());
  CHECK(back->node_id() == NodeId{3});
  CHECK_FALSE(back->notify_stop());
  CHECK(world.run(2, back->status()).error().kind() == Kind::Unreachable);
  CHECK_FALSE(world.run(2, back->describe()).is_ok());
  auto probe = world.sim().node(2).probe<ActorTerminated>();
  probe.watch(*back);
  const auto end = probe.expect([](const ActorTerminated&) { return true; });
  CHECK(end.reason().kind() == StopReasonKind::NodeLost);
}

TEST_CASE("a reference of another class is refused where its actor is", "[reference]") {
  SimulatedWorld world(2, with_butlers);
  const auto butler = world.start<Butler>(1, "butler");
  const auto owl = world.start<Owl>(1, "owl");
  const auto there = find<Butler>(world, 2, "butler");
  const auto sent = world.run(2, there.send<IsHere>(find<Parrot>(world, 2, "owl")));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind() == Kind::Deserialisation);
}

TEST_CASE("a message of bytes may hold a reference", "[reference][B-044]") {
  SimulatedWorld world(2, with_butlers);
  const auto butler = world.start<Butler>(1, "butler");
  const auto leon = world.start<Parrot>(1, "leon");
  const Introduce message{leon};
  const auto bytes = encode_message(message);
  REQUIRE(bytes);
  const auto answer =
      world.run(1, world.remote(1).handle_message("Butler.Introduce", "butler", *bytes));
  REQUIRE(answer);
  CHECK(decode_message<std::string>(*answer) == std::string("how do you do"));
  // Outside of a node nobody can tell whose reference it would be.
  const auto outside = decode_message<Introduce>(*bytes);
  REQUIRE_FALSE(outside);
  CHECK(outside.error().kind() == Kind::Deserialisation);
}

TEST_CASE("a reference belongs to one life of its node", "[reference]") {
  SimulatedWorld world(3, with_butlers);
  const auto butler = world.start<Butler>(1, "butler");
  auto leon = world.start<Parrot>(3, "leon");
  const auto old = find<Parrot>(world, 2, "leon");
  world.kill(3);
  world.restart(3);
  leon = world.start<Parrot>(3, "leon");
  REQUIRE(world.until(
      [&] { return world.run(2, world.remote(2).locate_actor_node("leon")) == NodeId{3}; }));
  const auto sent = world.run(2, old.send<Say>("hello"));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind() == Kind::Unreachable);
  const auto there = find<Butler>(world, 2, "butler");
  CHECK(world.run(2, there.send<Introduce>(find<Parrot>(world, 2, "leon"))) ==
        std::string("how do you do"));
  const auto said = world.run(2, there.send<Introduce>(old));
  REQUIRE(said);
  CHECK(said->find("Unreachable") != std::string::npos);
}

}  // namespace coerce::test::reference_cases
