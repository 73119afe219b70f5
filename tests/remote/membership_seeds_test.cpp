#include "remote/seed_membership.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

namespace coerce::test::membership_cases {
namespace {

using namespace std::chrono_literals;
using coerce::detail::decode_members;
using coerce::detail::MembersMessage;
using coerce::detail::NodeChange;
using coerce::detail::SeedMembership;

NodeDescription node(NodeId id, std::uint64_t life = 1) {
  NodeDescription node;
  node.id = id;
  node.incarnation = {life, 1000 * life + id};
  node.address = "10.0.0." + std::to_string(id) + ":1";
  return node;
}

/// Node 1, and what it does.
struct Rig {
  ManualClock clock;
  std::vector<std::string> events;
  std::vector<std::pair<NodeId, MembersMessage>> letters;
  std::map<NodeId, int> room;  ///< for so many messages more; none: for any number
  SeedMembership members;

  explicit Rig(std::size_t nodes = 4)
      : members(node(1), HeartbeatOptions{}, SeedMembership::Limits{.nodes = nodes}, clock,
                [this](NodeId to, BytesView bytes) {
                  if (room.contains(to) && room[to]-- <= 0) return false;
                  letters.emplace_back(to, decode_members(bytes).value());
                  return true;
                }) {
    members.listen([this](NodeChange change, const NodeDescription& who) {
      events.push_back((change == NodeChange::Up ? "up " : "lost ") + std::to_string(who.id) + "/" +
                       std::to_string(who.incarnation.started));
    });
  }

  void pass(Duration time) {
    for (Duration gone{}; gone < time; gone += 500ms) {
      clock.advance(500ms);
      members.tick(clock.now());
    }
  }
  NodeStatus status(NodeId id) const {
    for (const auto& state : members.nodes())
      if (state.id == id) return state.status;
    FAIL("not listed");
    return {};
  }
  void tell(const NodeDescription& from, MembersMessage message) {
    for (const Bytes& piece : encode_members(message)) members.told(from, piece);
  }
};

}  // namespace

TEST_CASE("a node that is linked is up, and is told of all others", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.members.linked(node(3));
  CHECK(rig.events == std::vector<std::string>{"up 2/1", "up 3/1"});
  CHECK(rig.members.is_member(2, node(2).incarnation));
  REQUIRE(rig.letters.size() == 3);
  CHECK(rig.letters[0].first == 2);
  CHECK(rig.letters[1].first == 3);
  REQUIRE(rig.letters[1].second.members.size() == 1);
  CHECK(rig.letters[1].second.members[0].id == 2);
  CHECK(rig.letters[2].first == 2);
  REQUIRE(rig.letters[2].second.members.size() == 1);
  CHECK(rig.letters[2].second.members[0].id == 3);
}

TEST_CASE("a node that others tell of is to be linked to, and is no member yet", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.tell(node(2), {.members = {node(1), node(2), node(3)}, .ended = {}});
  CHECK(rig.status(3) == NodeStatus::Joining);
  CHECK_FALSE(rig.members.is_member(3, node(3).incarnation));
  CHECK_FALSE(rig.members.is_complete());
  CHECK(rig.members.wanted() == std::vector<std::string>{"10.0.0.3:1"});
  rig.members.linked(node(3));
  CHECK(rig.members.is_complete());
  CHECK(rig.members.wanted().empty());
}

TEST_CASE("a node is listened to although its link is known there first", "[membership]") {
  Rig rig;
  rig.tell(node(2), {.members = {node(1), node(3)}, .ended = {}});
  CHECK_FALSE(rig.members.is_member(2, node(2).incarnation));
  CHECK(rig.events.empty());
  rig.members.linked(node(2));
  CHECK(rig.members.has_told(2));
  CHECK(rig.members.wanted() == std::vector<std::string>{"10.0.0.3:1"});

  rig.members.unlinked(node(2), true);  // and what it says afterwards does not bring it back
  rig.tell(node(2), {.members = {node(2)}, .ended = {}});
  CHECK_FALSE(rig.members.has_told(2));
  CHECK(rig.members.wanted() == std::vector<std::string>{"10.0.0.3:1"});
}

TEST_CASE("who was only told of is forgotten when others see it end, or tell of it no more",
          "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.tell(node(2), {.members = {node(3), node(4)}, .ended = {}});
  rig.tell(node(2), {.members = {}, .ended = {{3, node(3).incarnation}}});
  CHECK(rig.members.wanted() == std::vector<std::string>{"10.0.0.4:1"});
  for (int i = 0; i < 70; ++i) {
    rig.pass(500ms);
    rig.members.heard(2, 1ms);
  }
  CHECK(rig.members.wanted().empty());
}

TEST_CASE("silence makes a node unhealthy, then lost, for good", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.pass(1s);
  CHECK(rig.status(2) == NodeStatus::Healthy);
  rig.pass(1s);
  CHECK(rig.status(2) == NodeStatus::Unhealthy);
  rig.members.heard(2, 1ms);
  CHECK(rig.status(2) == NodeStatus::Healthy);
  rig.pass(6s);
  CHECK(rig.status(2) == NodeStatus::Terminated);
  CHECK(rig.events == std::vector<std::string>{"up 2/1", "lost 2/1"});
  auto again = rig.members.admit(node(2));
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == ActorRefErr::Kind::Fenced);
  CHECK(rig.members.admit(node(2, 2)));
  rig.pass(61s);
  CHECK(rig.members.nodes().size() == 1);
}

TEST_CASE("a late answer does not count", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.pass(2s);
  rig.members.heard(2, 4s);
  CHECK(rig.status(2) == NodeStatus::Unhealthy);
}

TEST_CASE("a goodbye ends a node at once, and nobody looks for it", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.members.unlinked(node(2), true);
  CHECK(rig.status(2) == NodeStatus::Terminated);
  CHECK(rig.members.wanted().empty());
}

TEST_CASE("a lost link is not a lost node", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.members.unlinked(node(2), false);
  CHECK(rig.status(2) == NodeStatus::Healthy);
  CHECK(rig.members.wanted() == std::vector<std::string>{"10.0.0.2:1"});
}

TEST_CASE("the end of a link that another one has replaced says nothing", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.members.linked(node(2));
  rig.members.unlinked(node(2), true);
  CHECK(rig.status(2) == NodeStatus::Healthy);
  CHECK(rig.members.wanted().empty());
}

TEST_CASE("another life of a node takes the place of one that does not answer", "[membership]") {
  Rig rig;
  rig.members.linked(node(2, 1));
  auto too_early = rig.members.admit(node(2, 2));
  REQUIRE_FALSE(too_early);
  CHECK(too_early.error().kind() == ActorRefErr::Kind::NotSupported);
  rig.members.unlinked(node(2, 1), false);
  REQUIRE(rig.members.admit(node(2, 2)));
  rig.members.linked(node(2, 2));
  CHECK(rig.events == std::vector<std::string>{"up 2/1", "lost 2/1", "up 2/2"});
  CHECK(rig.members.nodes().size() == 2);
  CHECK_FALSE(rig.members.is_member(2, node(2, 1).incarnation));
}

TEST_CASE("our own id and numbers that are no ids are refused", "[membership]") {
  Rig rig;
  CHECK_FALSE(rig.members.admit(node(1, 2)));
  CHECK_FALSE(rig.members.admit(node(0)));
  CHECK_FALSE(rig.members.admit(node(kMaxNodeId + 1)));
}

TEST_CASE("more nodes than may be are refused", "[membership]") {
  Rig rig;
  for (NodeId id = 2; id <= 5; ++id) rig.members.linked(node(id));
  auto one_more = rig.members.admit(node(6));
  REQUIRE_FALSE(one_more);
  CHECK(one_more.error().kind() == ActorRefErr::Kind::Overloaded);
  rig.tell(node(2), {.members = {node(7)}, .ended = {}});
  CHECK(rig.members.nodes().size() == 5);
}

TEST_CASE("a node that stood still does not hold it against the others", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.pass(500ms);
  rig.clock.advance(60s);
  rig.members.tick(rig.clock.now());
  CHECK(rig.status(2) == NodeStatus::Healthy);
  rig.pass(6s);
  CHECK(rig.status(2) == NodeStatus::Terminated);
}

TEST_CASE("a node that begins anew has lost all others and looks for them", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.members.linked(node(3));
  rig.members.unlinked(node(3), false);
  rig.pass(6s);
  CHECK_FALSE(rig.members.sees_most());
  rig.members.begin_anew(node(1, 2), false);
  CHECK(rig.members.wanted() == std::vector<std::string>{"10.0.0.2:1", "10.0.0.3:1"});
  CHECK(rig.members.admit(node(2)));
  rig.members.linked(node(2));
  CHECK(rig.events.back() == "up 2/1");
}

TEST_CASE("who leaves is Leaving until it is gone", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.tell(node(2), {.members = {}, .ended = {}, .leaving = true});
  CHECK(rig.status(2) == NodeStatus::Leaving);
  rig.members.announce_leaving();
  CHECK(rig.status(1) == NodeStatus::Leaving);
  CHECK(rig.letters.back().second.leaving);
}

TEST_CASE("bytes that are no members tell nothing", "[membership]") {
  Rig rig;
  rig.members.linked(node(2));
  rig.members.told(node(2), bytes_of("\xff\xff garbage"));
  NodeDescription endless = node(3);
  endless.tag = std::string(5000, 'x');
  rig.tell(node(2), {.members = {endless}, .ended = {}});
  NodeDescription nowhere = node(3);
  nowhere.address = "no address";
  rig.tell(node(2), {.members = {nowhere}, .ended = {}});
  CHECK(rig.members.nodes().size() == 2);
}

TEST_CASE("many members are told in several pieces", "[membership]") {
  MembersMessage message;
  for (NodeId id = 2; id < 1000; ++id) {
    message.members.push_back(node(id));
    message.members.back().tag = std::string(100, 't');
  }
  message.ended.push_back({7, node(7).incarnation});
  std::size_t members = 0, ended = 0;
  const auto pieces = encode_members(message);
  CHECK(pieces.size() > 1);
  for (const Bytes& piece : pieces) {
    CHECK(piece.size() < 64 * 1024);
    const auto part = decode_members(piece);
    REQUIRE(part);
    members += part->members.size();
    ended += part->ended.size();
  }
  CHECK(members == 998);
  CHECK(ended == 1);
}

TEST_CASE("what does not find room in the queue of a link is told at the next ticks, all of it",
          "[membership]") {
  Rig rig(300);
  std::vector<NodeId> all;
  for (NodeId id = 2; id <= 200; ++id) {
    NodeDescription large = node(id);
    large.tag = std::string(2000, 't');
    rig.members.linked(large);
    all.push_back(id);
  }
  std::vector<NodeId> told;
  const auto read = [&] {
    for (const auto& [to, message] : std::exchange(rig.letters, {}))
      if (to == 250)
        for (const auto& member : message.members) told.push_back(member.id);
  };
  rig.letters.clear();
  rig.room[250] = 3;
  rig.members.linked(node(250));
  read();
  CHECK(told.size() > 3);
  CHECK(told.size() < 100);
  rig.room[250] = 0;
  rig.pass(500ms);
  read();
  all.push_back(250);
  for (int i = 0; i < 6; ++i) {
    rig.room[250] = 3;
    rig.pass(500ms);
    read();
  }
  CHECK(told == all);
}

TEST_CASE("a node has told of all others with the last piece, not with the first, nor with news",
          "[membership]") {
  Rig teller(300);
  for (NodeId id = 2; id <= 100; ++id) {
    NodeDescription large = node(id);
    large.tag = std::string(2000, 't');
    teller.members.linked(large);
  }
  Rig rig(300);
  rig.members.linked(node(2));
  MembersMessage everything{.members = teller.members.members(), .ended = {}};
  const auto pieces = encode_members(everything);
  REQUIRE(pieces.size() > 2);
  for (const Bytes& piece : pieces) {
    CHECK_FALSE(rig.members.has_told(2));
    rig.members.told(node(2), piece);
  }
  CHECK(rig.members.has_told(2));

  rig.members.linked(node(100));
  const auto& [to, news] = teller.letters.back();
  REQUIRE(news.members.size() == 1);
  rig.tell(node(100), news);
  CHECK_FALSE(rig.members.has_told(100));
}

}  // namespace coerce::test::membership_cases
