#include "cluster/judgement.hpp"

#include <coerce/testkit/catch2.hpp>

namespace coerce::test::judgement_cases {
namespace {

using coerce::detail::full_mesh;
using coerce::detail::judge;
using coerce::detail::Rows;
using coerce::detail::Verdict;
using coerce::detail::View;
using Ids = std::set<NodeId>;

/// The members 1, 2, …, oldest first.
View view_of(std::size_t nodes) {
  View view{{1, 2}, 7, {}};
  for (NodeId id = 1; id <= nodes; ++id) {
    coerce::detail::ViewMember member;
    member.node.id = id;
    member.since = id;
    view.members.push_back(member);
  }
  return view;
}
Verdict keeps_majority(std::size_t nodes, const Ids& going_on, const Ids& dead = {}) {
  return judge(KeepMajority{}, view_of(nodes), going_on, dead);
}

}  // namespace

TEST_CASE("whoever hears everybody goes on, whatever the strategy", "[cluster]") {
  for (const Downing& downing : {Downing(KeepMajority{}), Downing(StaticQuorum{9}),
                                 Downing(KeepOldest{}), Downing(DownAll{})})
    CHECK(judge(downing, view_of(3), {1, 2, 3}, {}) == Verdict::Continue);
}

TEST_CASE("more than half go on, or half with the oldest", "[cluster][B-040]") {
  CHECK(keeps_majority(3, {2, 3}) == Verdict::Continue);
  CHECK(keeps_majority(3, {1}) == Verdict::Stop);
  CHECK(keeps_majority(5, {3, 4, 5}) == Verdict::Continue);
  CHECK(keeps_majority(5, {1, 2}) == Verdict::Stop);
  CHECK(keeps_majority(4, {1, 4}) == Verdict::Continue);
  CHECK(keeps_majority(4, {2, 3}) == Verdict::Stop);
  CHECK(keeps_majority(2, {1}) == Verdict::Continue);
  CHECK(keeps_majority(2, {2}) == Verdict::Stop);
}

TEST_CASE("less than a quorum goes on only if all others are dead", "[cluster]") {
  CHECK(keeps_majority(2, {2}, {1}) == Verdict::NewLineage);
  CHECK(keeps_majority(5, {4, 5}, {1, 2, 3}) == Verdict::NewLineage);
  CHECK(keeps_majority(5, {4, 5}, {1, 2}) == Verdict::Stop);  // 3 may have decided with them
  CHECK(keeps_majority(5, {3, 4, 5}, {1, 2}) == Verdict::Continue);
  CHECK(keeps_majority(4, {3}, {1, 2}) == Verdict::Stop);
}

TEST_CASE("a fixed quorum goes on, less than it does not", "[cluster]") {
  CHECK(judge(StaticQuorum{3}, view_of(5), {3, 4, 5}, {}) == Verdict::Continue);
  CHECK(judge(StaticQuorum{3}, view_of(5), {1, 2}, {}) == Verdict::Stop);
  CHECK(judge(StaticQuorum{4}, view_of(5), {3, 4, 5}, {}) == Verdict::Stop);
  CHECK(judge(StaticQuorum{2}, view_of(5), {1, 2}, {}) == Verdict::NewLineage);
  CHECK(judge(StaticQuorum{2}, view_of(5), {1, 2}, {3, 4, 5}) == Verdict::NewLineage);
}

TEST_CASE("the part with the oldest goes on, however small", "[cluster]") {
  const KeepOldest always{.down_if_alone = false};
  CHECK(judge(always, view_of(5), {1}, {}) == Verdict::NewLineage);
  CHECK(judge(always, view_of(5), {2, 3, 4, 5}, {}) == Verdict::Stop);
  CHECK(judge(always, view_of(5), {1, 2, 3}, {}) == Verdict::Continue);
  CHECK(judge(always, view_of(5), {2, 3}, {1}) == Verdict::NewLineage);
}

TEST_CASE("an oldest member that is all alone is left, if the others are at least two",
          "[cluster]") {
  const KeepOldest unless_alone{.down_if_alone = true};
  CHECK(judge(unless_alone, view_of(5), {1}, {}) == Verdict::Stop);
  CHECK(judge(unless_alone, view_of(5), {2, 3, 4, 5}, {}) == Verdict::Continue);
  CHECK(judge(unless_alone, view_of(5), {3, 4, 5}, {}) == Verdict::Stop);
  CHECK(judge(unless_alone, view_of(5), {1, 2}, {}) == Verdict::NewLineage);
  CHECK(judge(unless_alone, view_of(2), {1}, {}) == Verdict::Continue);
  CHECK(judge(unless_alone, view_of(2), {2}, {}) == Verdict::Stop);
  // It is alone because all others are dead, not because they cannot be reached.
  CHECK(judge(unless_alone, view_of(3), {1}, {2, 3}) == Verdict::NewLineage);
}

TEST_CASE("where the oldest is dead the part with the next oldest goes on, and no other",
          "[cluster]") {
  for (const bool down_if_alone : {false, true}) {
    const KeepOldest keep{.down_if_alone = down_if_alone};
    CHECK(judge(keep, view_of(5), {2, 3}, {1}) == Verdict::NewLineage);
    CHECK(judge(keep, view_of(5), {4, 5}, {1}) == Verdict::Stop);
    CHECK(judge(keep, view_of(5), {3, 4}, {1, 2}) == Verdict::NewLineage);
    CHECK(judge(keep, view_of(5), {5}, {1, 2}) == Verdict::Stop);
    // These do not know yet that 1 is dead.
    CHECK(judge(keep, view_of(5), {2, 3}, {}) == Verdict::Stop);
  }
  const KeepOldest unless_alone{.down_if_alone = true};
  CHECK(judge(unless_alone, view_of(5), {2}, {1}) == Verdict::Stop);
  CHECK(judge(unless_alone, view_of(5), {3, 4, 5}, {1}) == Verdict::Continue);
  CHECK(judge({KeepOldest{.down_if_alone = false}}, view_of(5), {3, 4, 5}, {1}) == Verdict::Stop);
}

TEST_CASE("no part goes on without those who may live", "[cluster]") {
  CHECK(judge(DownAll{}, view_of(5), {1, 2, 3, 4}, {}) == Verdict::Stop);
  CHECK(judge(DownAll{}, view_of(5), {1, 2, 3, 4}, {5}) == Verdict::Continue);
  CHECK(judge(DownAll{}, view_of(5), {4, 5}, {1, 2, 3}) == Verdict::NewLineage);
}

TEST_CASE("an empty view lets nobody go on", "[cluster]") {
  CHECK(judge(KeepMajority{}, view_of(0), {}, {}) == Verdict::Stop);
}

TEST_CASE("whoever is not heard does not go on", "[cluster]") {
  CHECK(full_mesh(view_of(3), 1, {}) == Ids{1, 2, 3});
  CHECK(full_mesh(view_of(3), 1, {{1, {3}}}) == Ids{1, 2});
  CHECK(full_mesh(view_of(5), 4, {{4, {1, 2, 3}}, {5, {1, 2, 3}}}) == Ids{4, 5});
}

TEST_CASE("of two that do not hear each other the younger is left out", "[cluster]") {
  CHECK(full_mesh(view_of(3), 1, {{2, {3}}, {3, {2}}}) == Ids{1, 2});
  CHECK(full_mesh(view_of(3), 1, {{2, {3}}}) == Ids{1, 2});  // in one direction as well
  CHECK(full_mesh(view_of(3), 1, {{3, {2}}}) == Ids{1, 2});
}

TEST_CASE("as few as possible are left out, be it the oldest", "[cluster]") {
  CHECK(full_mesh(view_of(5), 4, {{1, {2, 3}}, {2, {1}}, {3, {1}}}) == Ids{2, 3, 4, 5});
  // 1-2 and 3-4 cannot talk: one of each pair.
  CHECK(full_mesh(view_of(5), 5, {{1, {2}}, {3, {4}}}) == Ids{1, 3, 5});
  // 2 cannot talk to 3, nor 3 to 4: 3 alone is left out.
  CHECK(full_mesh(view_of(5), 1, {{2, {3}}, {4, {3}}}) == Ids{1, 2, 4, 5});
}

TEST_CASE("all that see the same rows, and hear each other, come to the same end", "[cluster]") {
  Rng rng(1);
  for (int run = 0; run < 500; ++run) {
    const std::size_t nodes = 2 + rng.below(6);
    Rows rows;
    for (NodeId a = 1; a <= nodes; ++a)
      for (NodeId b = 1; b <= nodes; ++b)
        if (a != b && rng.below(6) == 0) rows[a].insert(b);
    // What one does not hear the other does not hear either, as far as those two are asked.
    Rows mutual = rows;
    for (const auto& [a, row] : rows)
      for (const NodeId b : row) mutual[b].insert(a);
    const View view = view_of(nodes);
    for (NodeId self = 1; self <= nodes; ++self) {
      const Ids mine = full_mesh(view, self, mutual);
      for (const NodeId a : mine)
        for (const NodeId b : mine) CHECK_FALSE(mutual[a].contains(b));
      if (mutual[self].empty()) CHECK(mine == full_mesh(view, self, mutual));
    }
  }
}

TEST_CASE("of many that hear nobody enough are left out in little time", "[cluster]") {
  Rows rows;
  for (NodeId a = 1; a <= 60; ++a)
    for (NodeId b = 1; b <= 60; ++b)
      if (a != b && (a % 3 == 0 || b % 3 == 0)) rows[a].insert(b);
  const Ids mine = full_mesh(view_of(60), 1, rows);
  CHECK(mine.size() == 40);
}

}  // namespace coerce::test::judgement_cases
