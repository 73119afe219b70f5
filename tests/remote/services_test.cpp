#include "remote/services.hpp"

#include <catch2/catch.hpp>

#include "remote/link_world.hpp"

using namespace remote_test;
using coerce::Bytes;
using coerce::detail::AsyncEvent;
using coerce::detail::InternalKind;
using coerce::detail::NodeWorld;
using coerce::detail::Services;
using coerce::testkit::TestSystem;

namespace {

/// Takes questions and answers none of them until it may.
struct Rig {
  explicit Rig(std::size_t most) : services(world, most) {
    services.add(InternalKind::Members, [this](const coerce::NodeDescription& from, const Bytes&) {
      return answer(from);
    });
  }
  ~Rig() {
    may_answer.set();
    test.run_until_idle();
  }
  coerce::Task<coerce::Result<Bytes>> answer(coerce::NodeDescription from) {
    ++taken[from.id];
    const bool may = co_await may_answer.wait();
    (void)may;
    co_return Bytes();
  }
  void tell(World::Side& side, int times) {
    for (int i = 0; i < times; ++i)
      services.serve(side.peer, InternalKind::Members, {}, std::nullopt);
    test.run_until_idle();
  }

  TestSystem test;
  NodeWorld world{test.system()};
  AsyncEvent may_answer;
  std::map<coerce::NodeId, int> taken;
  Services services;
  World::Side seven{test.system(), 7, {}};
  World::Side eight{test.system(), 8, {}};
};

}  // namespace

TEST_CASE("A node takes a quarter of the questions that a node answers, and no more",
          "[services]") {
  Rig rig(100);
  rig.tell(rig.seven, 200);
  rig.tell(rig.eight, 10);
  REQUIRE(rig.taken[7] == 25);
  REQUIRE(rig.taken[8] == 10);
  rig.may_answer.set();
  rig.test.run_until_idle();
  rig.tell(rig.seven, 1);
  REQUIRE(rig.taken[7] == 26);
}

TEST_CASE("Of few questions each node may have some, and all together no more than there are",
          "[services]") {
  Rig rig(20);
  rig.tell(rig.seven, 200);
  rig.tell(rig.eight, 200);
  REQUIRE(rig.taken[7] == 16);
  REQUIRE(rig.taken[8] == 4);
}
