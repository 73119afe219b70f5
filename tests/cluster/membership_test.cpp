// One membership alone, told by the test what it sees and what others say.

#include <coerce/testkit/catch2.hpp>

#include <chrono>
#include <stdexcept>

#include "cluster/cluster_membership.hpp"

namespace coerce::test::membership_cases {
namespace {

using namespace std::chrono_literals;
using coerce::detail::AgreementMessage;
using coerce::detail::ClusterListener;
using coerce::detail::ClusterMembership;
using coerce::detail::ClusterState;
using coerce::detail::Leaving;
using coerce::detail::Lineage;
using coerce::detail::MembershipSetup;
using coerce::detail::name_of;
using coerce::detail::NodeChange;
using coerce::detail::Standing;
using coerce::detail::View;

constexpr Lineage kLineage{1, 2};
constexpr Lineage kOther{3, 4};
constexpr HeartbeatOptions kHeartbeat{};

NodeDescription node(NodeId id) {
  NodeDescription described;
  described.id = id;
  described.incarnation = {1000 + id, id};
  described.address = "10.0.0." + std::to_string(id) + ":1";
  described.tag = "node";
  return described;
}

View view_of(const std::vector<NodeId>& ids, std::uint64_t number, Lineage lineage = kLineage) {
  View view{lineage, number, {}};
  for (const NodeId id : ids) view.members.push_back({node(id), 1, false});
  return view;
}

/// Node `self`, and what it says to whom.
struct Alone {
  explicit Alone(NodeId self, const Downing& downing = KeepMajority{})
      : membership(MembershipSetup{
            .self = node(self),
            .heartbeat = kHeartbeat,
            .downing = downing,
            .clock = clock,
            .boot_now = [this] { return clock.now(); },
            .rng = rng,
            .tell =
                [this](NodeId to, BytesView message) {
                  letters.emplace_back(to, *coerce::detail::decode_standing(message));
                  bytes += message.size();
                  return true;
                },
            .removed = [this](std::string_view why) { removed = why; },
            .log = [this](std::string_view line) { log.emplace_back(line); }}),
        self_id(self) {}

  /// It is linked to the others, and learns from one of them of the first view.
  void join(const std::vector<NodeId>& ids) {
    for (const NodeId id : ids)
      if (id != self_id) membership.linked(node(id));
    Standing first;
    first.view = view_of(ids, 1);
    first.lineage = kLineage;
    first.number = 1;
    say(ids.front() == self_id ? ids.back() : ids.front(), first);
    REQUIRE(membership.view().number >= 1);
  }
  /// What `from` would say in the first view.
  Standing standing() {
    Standing one;
    one.lineage = kLineage;
    one.number = 1;
    return one;
  }
  void say(NodeId from, Standing one) {
    one.serial = ++serial;
    one.asked_at = serial;
    membership.told(node(from), coerce::detail::encode_standing(one));
  }
  void ask(NodeId from, AgreementMessage::Kind kind, coerce::detail::Ballot ballot,
           std::optional<View> view = {}) {
    Standing one = standing();
    one.agreement.push_back({kind, kLineage, 2, ballot, {}, std::move(view)});
    say(from, one);
  }
  /// All that these say is what keeps them in the view.
  void pass(Duration time, const std::vector<NodeId>& heard) {
    for (const TimePoint until = clock.now() + time; clock.now() < until;) {
      clock.advance(kHeartbeat.interval);
      for (const NodeId id : heard) {
        membership.heard(id, Duration::zero());
        say(id, standing());
      }
      membership.tick(clock.now(), {});
    }
  }
  bool has_answered(NodeId to, AgreementMessage::Kind kind) const {
    return std::ranges::any_of(letters, [&](const auto& letter) {
      return letter.first == to && std::ranges::any_of(letter.second.agreement, [&](const auto& m) {
               return m.kind == kind;
             });
    });
  }
  bool has_agreed_to(Lineage founded) const {
    return std::ranges::any_of(
        letters, [&](const auto& letter) { return letter.second.founded == founded; });
  }
  bool has_allowed(NodeId to) const {
    return std::ranges::any_of(letters, [&](const auto& letter) {
      return letter.first == to && letter.second.allowed != 0;
    });
  }

  ManualClock clock;
  Rng rng{1};
  std::vector<std::pair<NodeId, Standing>> letters;
  std::size_t bytes = 0;
  std::string removed;
  std::vector<std::string> log;
  std::uint64_t serial = 0;
  ClusterMembership membership;
  NodeId self_id;
};

using Kind = AgreementMessage::Kind;

}  // namespace

// ---- what is told, and by whom ------------------------------------------------------------------

TEST_CASE("a view is believed from its members alone", "[cluster]") {
  Alone one(1);
  one.join({1, 2, 3});
  one.membership.linked(node(9));
  Standing lie = one.standing();
  lie.number = 2;
  lie.view = view_of({1, 9}, 2);
  one.say(9, lie);
  CHECK(one.membership.view().number == 1);
  lie.lineage = kOther;  // a larger cluster that it is no member of
  lie.view = view_of({4, 5, 6, 7}, 9, kOther);
  one.say(9, lie);
  CHECK(one.removed.empty());
  CHECK(std::ranges::any_of(
      one.log, [](const auto& line) { return line.find("not its own") != std::string::npos; }));
  lie = one.standing();
  lie.number = 2;
  lie.view = view_of({1, 2}, 2);
  one.say(2, lie);
  CHECK(one.membership.view().number == 2);
}

TEST_CASE("that a node was removed is believed from members alone", "[cluster]") {
  Alone one(1);
  one.join({1, 2});
  one.membership.linked(node(9));
  Standing word = one.standing();
  word.ended = {name_of(node(5))};
  one.say(9, word);
  CHECK(one.membership.admit(node(5), {}));
  one.say(2, word);
  CHECK_FALSE(one.membership.admit(node(5), {}));
}

TEST_CASE("nobody asks for a promise in the name of another, or in a round that cannot be",
          "[cluster]") {
  Alone one(1);
  one.join({1, 2, 3});
  one.ask(2, Kind::Prepare, {1, 3});
  one.ask(2, Kind::Propose, {1, 3}, view_of({1, 2, 3}, 2));
  one.ask(2, Kind::Prepare, {coerce::detail::kMostRoundsSkipped + 1, 2});
  CHECK_FALSE(one.has_answered(2, Kind::Promise));
  CHECK_FALSE(one.has_answered(2, Kind::Accepted));
  one.ask(2, Kind::Prepare, {coerce::detail::kMostRoundsSkipped, 2});
  CHECK(one.has_answered(2, Kind::Promise));
}

TEST_CASE("a node looks for 64 others where they were, for an hour", "[cluster]") {
  Alone one(1);
  std::vector<NodeId> all;
  for (NodeId id = 1; id <= 100; ++id) all.push_back(id);
  one.join(all);
  one.membership.begin_anew(node(1), false);
  CHECK(one.membership.wanted().size() == 64);
  one.clock.advance(59min);
  one.membership.tick(one.clock.now(), {});
  CHECK(one.membership.wanted().size() == 64);
  one.clock.advance(2min);
  one.membership.tick(one.clock.now(), {});
  CHECK(one.membership.wanted().empty());
}

// ---- who may act --------------------------------------------------------------------------------

TEST_CASE("a node may act for a while from before it asked, not from when it was answered",
          "[cluster][B-216]") {
  Alone one(2);
  one.join({1, 2, 3});
  one.letters.clear();
  one.membership.tick(one.clock.now(), {});
  const std::uint64_t asked = one.letters.back().second.asked_at;
  one.clock.advance(4s);
  one.membership.heard(1, Duration::zero());
  Standing answer = one.standing();
  answer.allowed = asked;
  one.say(1, answer);
  CHECK(one.membership.state().has_quorum);
  one.clock.advance(990ms);
  CHECK(one.membership.state().has_quorum);
  one.clock.advance(10ms);
  CHECK_FALSE(one.membership.state().has_quorum);
  // Nor for a question that it has never asked.
  answer.allowed = asked + std::uint64_t{60'000'000'000};
  one.say(1, answer);
  CHECK_FALSE(one.membership.state().has_quorum);
}

TEST_CASE("whoever has another lineage or a newer view allows nothing", "[cluster][B-216]") {
  for (const bool is_newer : {false, true}) {
    Alone one(2);
    one.join({1, 2, 3});
    one.membership.tick(one.clock.now(), {});
    Standing answer = one.standing();
    answer.allowed = one.letters.back().second.asked_at;
    one.say(1, answer);
    CHECK(one.membership.state().has_quorum);
    if (is_newer)
      answer.number = 2;
    else
      answer.lineage = kOther;
    one.say(1, answer);
    CHECK_FALSE(one.membership.state().has_quorum);
  }
}

TEST_CASE("a view is not accepted before those that it leaves out may not act any more",
          "[cluster][B-216]") {
  Alone one(1);
  one.join({1, 2, 3});
  one.pass(3s, {2, 3});
  CHECK(one.has_allowed(3));
  one.letters.clear();
  one.ask(2, Kind::Propose, {1, 2}, view_of({1, 2}, 2));
  one.pass(5s, {2, 3});
  CHECK_FALSE(one.has_allowed(3));  // although it is heard: others may have accepted
  one.ask(2, Kind::Propose, {1, 2}, view_of({1, 2}, 2));
  CHECK_FALSE(one.has_answered(2, Kind::Accepted));
  one.pass(500ms, {2, 3});
  one.ask(2, Kind::Propose, {1, 2}, view_of({1, 2}, 2));
  CHECK(one.has_answered(2, Kind::Accepted));
  one.letters.clear();
  one.pass(20s, {2, 3});
  CHECK_FALSE(one.has_allowed(3));
}

TEST_CASE("a node that has nothing left to hand over is left out at once", "[cluster]") {
  Alone one(1);
  one.join({1, 2, 3});
  one.pass(2s, {2, 3});
  Standing done = one.standing();
  done.leaving = Leaving::Ready;
  one.say(3, done);
  one.ask(2, Kind::Propose, {9, 2}, view_of({1, 2}, 2));
  CHECK(one.has_answered(2, Kind::Accepted));
}

// ---- who is dead -------------------------------------------------------------------------------

TEST_CASE("who says that it is a member in a new life is let in only where that one is found gone",
          "[cluster]") {
  Alone one(2);
  one.join({1, 2});
  one.pass(2s, {1});
  one.membership.unlinked(node(1), false);  // a link breaks, and nothing more
  NodeDescription other = node(1);
  other.incarnation.random = 77;
  CHECK_FALSE(one.membership.admit(other, {}));
  CHECK_FALSE(one.membership.admit(other, {.dialled = "10.0.0.3:1"}));
  CHECK(one.membership.admit(other, {.dialled = node(1).address}));
  one.clock.advance(6s);
  CHECK(one.membership.admit(other, {}));
}

TEST_CASE("a member is dead if another process is found at its address, not if one says so",
          "[cluster]") {
  for (const bool is_found : {false, true}) {
    Alone one(2);
    one.join({1, 2});
    one.membership.unlinked(node(1), false);
    NodeDescription other = node(1);
    other.incarnation.random = 77;
    one.membership.came(other, {.dialled = is_found ? other.address : ""});
    one.membership.linked(other);
    CHECK(one.membership.view().number == (is_found ? 2 : 1));
    CHECK(one.membership.state().has_quorum == is_found);
  }
}

TEST_CASE("a member is dead if nobody listens where it did on this host and its link has ended",
          "[cluster]") {
  for (const bool is_here : {false, true}) {
    Alone one(2);
    one.membership.came(node(1), {.dialled = {}, .is_on_one_host = is_here});
    one.join({1, 2});
    one.pass(2s, {1});
    one.membership.refused(node(1).address);
    CHECK(one.membership.view().number == 1);  // its link lives
    one.membership.unlinked(node(1), false);
    CHECK(one.membership.view().number == 1);  // it may come back
    one.membership.refused("10.0.0.9:1");
    CHECK(one.membership.view().number == 1);
    one.membership.refused(node(1).address);
    CHECK(one.membership.view().number == (is_here ? 2 : 1));
    CHECK(one.membership.nodes().front().status ==
          (is_here ? NodeStatus::Terminated : NodeStatus::Unhealthy));
  }
}

// ---- two lineages -------------------------------------------------------------------------------

TEST_CASE("who has agreed to another lineage has no voice in the old one until that is given up",
          "[cluster]") {
  Alone one(2, KeepOldest{.down_if_alone = false});
  one.join({1, 2, 3, 4, 5});
  one.pass(13s, {1});  // the others are silent
  one.letters.clear();
  Standing founding = one.standing();
  founding.founding = view_of({1, 2}, 2, kOther);
  founding.founded = kOther;
  one.say(1, founding);
  REQUIRE(one.has_agreed_to(kOther));
  const View all = view_of({1, 2, 3, 4, 5}, 2);
  one.letters.clear();
  one.ask(3, Kind::Propose, {1, 3}, all);
  CHECK_FALSE(one.has_answered(3, Kind::Accepted));
  Standing still = one.standing();
  still.founded = kOther;
  one.say(1, still);
  one.ask(3, Kind::Propose, {1, 3}, all);
  CHECK_FALSE(one.has_answered(3, Kind::Accepted));
  one.say(1, one.standing());  // it has given up
  one.ask(3, Kind::Propose, {1, 3}, all);
  CHECK(one.has_answered(3, Kind::Accepted));
}

TEST_CASE("who has voted for one first view goes into no other", "[cluster][formation]") {
  Alone one(2);
  one.membership.linked(node(1));
  one.membership.linked(node(3));
  Standing proposal;
  proposal.agreement.push_back({Kind::Propose, {}, 1, {1, 1}, {}, view_of({1, 2}, 1, kOther)});
  one.say(1, proposal);
  Standing formed;
  formed.lineage = kLineage;
  formed.number = 1;
  formed.view = view_of({2, 3}, 1);
  one.say(3, formed);
  CHECK(one.membership.view().number == 0);
  CHECK_FALSE(one.removed.empty());
}

TEST_CASE("a vote for a first view of which all members have begun anew is forgotten",
          "[cluster][formation]") {
  Alone one(2);
  one.membership.linked(node(1));
  View dead = view_of({1, 2}, 1, kOther);
  for (auto& member : dead.members) member.node.incarnation.random = 77;
  Standing proposal;
  proposal.agreement.push_back({Kind::Propose, {}, 1, {1, 1}, {}, dead});
  one.say(1, proposal);
  CHECK(one.has_answered(1, Kind::Accepted));
  one.membership.tick(one.clock.now(), {});
  one.letters.clear();
  proposal.agreement = {{Kind::Prepare, {}, 1, {2, 1}, {}, {}}};
  one.say(1, proposal);
  REQUIRE(one.has_answered(1, Kind::Promise));
  for (const auto& [to, standing] : one.letters)
    for (const auto& message : standing.agreement) CHECK_FALSE(message.view);
}

// ---- what watchers are told ---------------------------------------------------------------------

TEST_CASE("what follows from the end of a link is told at once", "[cluster]") {
  Alone one(2);
  one.join({1, 2});
  std::vector<std::uint64_t> told;
  one.membership.watch([&](const ClusterState& state) {
    if (state.has_quorum) told.push_back(state.number);
  });
  REQUIRE(told.empty());
  one.membership.unlinked(node(1), true);  // it is alone, and knows it
  CHECK(told == std::vector<std::uint64_t>{2});
}

TEST_CASE("a watcher that comes while others are told hears the newer after the older",
          "[cluster]") {
  Alone one(1);
  std::vector<std::uint64_t> late;
  bool has_begun = false;
  one.membership.watch([&](const ClusterState& state) {
    if (state.number != 1 || has_begun) return;
    has_begun = true;
    one.membership.watch([&](const ClusterState& newer) { late.push_back(newer.number); });
    Standing next = one.standing();
    next.number = 2;
    next.view = view_of({1, 2}, 2);
    one.say(2, next);
  });
  one.join({1, 2, 3});
  REQUIRE(one.membership.view().number == 2);
  REQUIRE_FALSE(late.empty());
  CHECK(std::ranges::is_sorted(late));
  CHECK(late.back() == 2);
}

TEST_CASE("a leader that leaves is none any more before others hear of it", "[cluster]") {
  Alone one(1);
  one.join({1, 2, 3});
  REQUIRE(one.membership.state().leader == NodeId{1});
  std::optional<NodeId> told;
  one.membership.watch([&](const ClusterState& state) { told = state.leader; });
  one.letters.clear();
  one.membership.begin_leaving();
  CHECK(one.membership.state().leader == NodeId{2});
  CHECK(told == NodeId{2});
  CHECK_FALSE(one.letters.empty());
}

TEST_CASE("a listener that throws keeps nobody from being told", "[cluster]") {
  Alone one(1);
  std::vector<std::uint64_t> told;
  one.membership.listen([](NodeChange, const NodeDescription&) { throw std::runtime_error("no"); });
  one.membership.watch([](const ClusterState&) { throw 7; });
  one.membership.watch([&](const ClusterState& state) { told.push_back(state.number); });
  one.join({1, 2, 3});
  CHECK(told.back() == 1);
  CHECK_FALSE(one.letters.empty());
  Standing next = one.standing();
  next.number = 2;
  next.view = view_of({1, 2}, 2);
  one.say(2, next);
  CHECK(told.back() == 2);
}

TEST_CASE("what waits while a listener takes its time is bounded, and all is told again",
          "[cluster]") {
  Alone one(1);
  std::vector<NodeId> all;
  for (NodeId id = 1; id <= 200; ++id) all.push_back(id);
  one.join(all);
  Standing next = one.standing();
  next.number = 2;
  next.view = view_of(all, 2);
  constexpr std::size_t kRounds = 20;
  constexpr std::size_t kBound = std::size_t{24} << 20;
  REQUIRE(kRounds * 199 * encode_standing(next).size() > kBound);
  bool has_waited = false;
  one.membership.watch([&](const ClusterState& state) {
    if (state.number != 2) return;
    has_waited = true;
    one.bytes = 0;
    for (std::size_t i = 0; i < kRounds; ++i)
      for (NodeId id = 2; id <= 200; ++id) one.say(id, one.standing());  // each is sent the view
  });
  one.say(2, next);
  REQUIRE(has_waited);
  CHECK(one.bytes < kBound);
  std::set<NodeId> told;
  for (const auto& [to, standing] : one.letters)
    if (standing.view && standing.view->number == 2) told.insert(to);
  CHECK(told.size() == 199);
}

}  // namespace coerce::test::membership_cases
