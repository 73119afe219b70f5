#include <coerce/singleton/singleton.hpp>

#include "singleton/clerks.hpp"

#include <set>

namespace coerce::test::singleton_storm_cases {
namespace {

/// Do two nodes run it in the same view? Nodes that were removed from the view of others may still
/// run it in their own, as long as they have not heard of that.
bool is_twice_in_a_view(const std::vector<Singleton<Clerk>>& clerks) {
  std::set<std::uint64_t> views;
  for (std::size_t i = 0; i < clerks.size(); ++i) {
    const auto host = clerks[i].host();
    if (host && host->node == i + 1 && !views.insert(host->view).second) return true;
  }
  return false;
}

TEST_CASE("whatever the network does, it runs once in a view, and is answered after it has healed",
          "[singleton][storm]") {
  int moved = 0;
  for (int run = 0; run < 30; ++run) {
    Offices offices(5);
    auto& world = offices.world;
    auto& sim = world.sim();
    INFO("seed " << sim.seed());
    for (int round = 0; round < 6; ++round) {
      const NodeId a = 1 + sim.draw(5);
      const NodeId b = a % 5 + 1;
      switch (sim.draw(4)) {
        case 0:
          sim.cut(a, b);
          break;
        case 1:
          sim.partition({a}, {b});
          break;
        case 2: {
          std::vector<NodeId> others;
          for (NodeId id = 1; id <= 5; ++id)
            if (id != a && id != b) others.push_back(id);
          sim.partition({a, b}, others);
          break;
        }
        default:
          sim.heal();
          break;
      }
      (void)offices.clerks[a - 1].notify<Add>(1);
      const auto rest = std::chrono::milliseconds(sim.draw(12'000));
      CHECK_FALSE(world.until([&] { return is_twice_in_a_view(offices.clerks); }, rest));
    }
    sim.heal();
    CHECK(world.until(
        [&] {
          const auto first = offices.clerks[0].host();
          return first && std::ranges::all_of(offices.clerks, [&](const auto& clerk) {
                   return clerk.host() && clerk.host()->node == first->node;
                 });
        },
        300s));
    sim.run_for(20s);
    for (NodeId id = 1; id <= 5; ++id) CHECK(offices.echo(id).starts_with("hello@"));
    CHECK(offices.office->running == 1);
    if (offices.office->starts > 1) ++moved;
  }
  CHECK(moved > 0);
}

}  // namespace
}  // namespace coerce::test::singleton_storm_cases
