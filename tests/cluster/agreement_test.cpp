#include "cluster/agreement.hpp"

#include <coerce/testkit/catch2.hpp>

#include <algorithm>
#include <map>

#include <coerce/runtime/rng.hpp>

namespace coerce::test::agreement_cases {
namespace {

using coerce::detail::Agreement;
using coerce::detail::AgreementMessage;
using coerce::detail::Lineage;
using coerce::detail::View;

constexpr Lineage kLineage{1, 2};

View view_of(std::size_t nodes, std::uint64_t number = 1) {
  View view{kLineage, number, {}};
  for (NodeId id = 1; id <= nodes; ++id) {
    coerce::detail::ViewMember member;
    member.node.id = id;
    member.node.incarnation = {id, id};
    view.members.push_back(member);
  }
  return view;
}

/// Members whose messages are delivered, lost, doubled and shuffled as the seed says.
class Room {
 public:
  Room(std::size_t nodes, std::uint64_t seed) : present_(view_of(nodes)), rng_(seed) {
    for (NodeId id = 1; id <= nodes; ++id) {
      auto& member = members_.emplace(id, Agreement(id)).first->second;
      member.begin(kLineage, 2);
    }
  }

  /// A view that only this proposer would come up with.
  void propose(NodeId id) {
    View next = present_;
    next.number = 2;
    std::erase_if(next.members, [&](const auto& member) { return member.node.id == id; });
    members_.at(id).propose(next, present_.ids(),
                            [this](const auto& ids) { return present_.is_quorum(ids); });
    gather(id);
  }
  void repeat(NodeId id) {
    members_.at(id).repeat();
    gather(id);
  }
  void lose_messages(unsigned percent) { lost_percent_ = percent; }
  void silence(NodeId id) { silent_.insert(id); }
  bool deliver_one() {
    if (under_way_.empty()) return false;
    const auto place = rng_.below(under_way_.size());
    std::swap(under_way_[place], under_way_.back());
    const Sent sent = under_way_.back();
    if (rng_.below(10) != 0) under_way_.pop_back();  // else it comes once more
    if (rng_.below(100) < lost_percent_ || silent_.contains(sent.from) || silent_.contains(sent.to))
      return true;
    members_.at(sent.to).handle(sent.from, sent.message);
    gather(sent.to);
    return true;
  }
  void deliver_all() {
    while (deliver_one()) {
    }
  }
  std::uint64_t draw(std::uint64_t bound) { return rng_.below(bound); }
  Agreement& member(NodeId id) { return members_.at(id); }
  std::size_t size() const { return members_.size(); }
  const std::vector<View>& agreed() const { return agreed_; }

 private:
  struct Sent {
    NodeId from = 0;
    NodeId to = 0;
    AgreementMessage message;
  };
  void gather(NodeId id) {
    Agreement& member = members_.at(id);
    for (auto& letter : member.take_letters())
      under_way_.push_back({id, letter.to, std::move(letter.message)});
    if (auto agreed = member.take_agreed()) agreed_.push_back(std::move(*agreed));
  }

  View present_;
  Rng rng_;
  std::map<NodeId, Agreement> members_;
  std::vector<Sent> under_way_;
  std::vector<View> agreed_;
  std::set<NodeId> silent_;
  unsigned lost_percent_ = 0;
};

}  // namespace

TEST_CASE("a lone proposer gets its view agreed") {
  for (const std::size_t nodes : {1U, 2U, 3U, 5U, 9U}) {
    Room room(nodes, 1);
    room.propose(1);
    room.deliver_all();
    REQUIRE(room.agreed().size() == 1);
    CHECK(room.agreed().front().members.size() == nodes - 1);
  }
}

TEST_CASE("half of the members decide with the oldest, and not without it") {
  const View four = view_of(4);
  CHECK(four.is_quorum({1, 2}));
  CHECK_FALSE(four.is_quorum({2, 3}));
  CHECK(four.is_quorum({2, 3, 4}));
  CHECK_FALSE(four.is_quorum({1}));
  CHECK(view_of(2).is_quorum({1}));
  CHECK_FALSE(view_of(2).is_quorum({2}));
  CHECK_FALSE(view_of(3).is_quorum({1, 17, 18}));
}

TEST_CASE("less than a quorum agrees on nothing") {
  Room room(5, 1);
  for (const NodeId gone : {3U, 4U, 5U}) room.silence(gone);
  for (int i = 0; i < 20; ++i) {
    room.propose(1 + static_cast<NodeId>(i % 2));
    room.deliver_all();
  }
  CHECK(room.agreed().empty());
}

TEST_CASE("what may have been agreed on is agreed on by whoever proposes next") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Room room(3, seed);
    room.propose(1);
    for (std::uint64_t steps = room.draw(12); steps > 0; --steps) room.deliver_one();
    room.silence(1);  // perhaps two have accepted, and nobody is told
    room.deliver_all();
    room.propose(2);
    room.deliver_all();
    REQUIRE_FALSE(room.agreed().empty());
    for (const View& view : room.agreed()) CHECK(view == room.agreed().front());
  }
}

TEST_CASE("members who all propose at once, over a network that loses, never agree on two views") {
  std::size_t runs_with_agreement = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    INFO("seed " << seed);
    Room room(2 + seed % 6, seed);
    room.lose_messages(static_cast<unsigned>(room.draw(40)));
    for (int round = 0; round < 12; ++round) {
      const NodeId proposer = 1 + room.draw(room.size());
      if (room.draw(3) == 0)
        room.repeat(proposer);
      else
        room.propose(proposer);
      for (std::uint64_t steps = room.draw(30); steps > 0; --steps) room.deliver_one();
    }
    room.deliver_all();
    for (const View& view : room.agreed()) REQUIRE(view == room.agreed().front());
    runs_with_agreement += room.agreed().empty() ? 0 : 1;
  }
  CHECK(runs_with_agreement > 1000);
}

TEST_CASE("a promise that tells of what cannot have been accepted counts for nothing") {
  Room room(3, 1);
  room.propose(1);
  AgreementMessage promise;
  promise.kind = AgreementMessage::Kind::Promise;
  promise.lineage = kLineage;
  promise.number = 2;
  promise.ballot = {1, 1};
  promise.accepted = {1, 2};
  promise.view = view_of(3, 2);
  room.member(1).handle(2, promise);
  room.deliver_all();
  REQUIRE(room.agreed().size() == 1);
  CHECK(room.agreed().front().members.size() == 2);  // what 1 has proposed
}

TEST_CASE("a view of another number or lineage is not talked about") {
  Room room(3, 1);
  AgreementMessage message;
  message.kind = AgreementMessage::Kind::Prepare;
  message.lineage = kLineage;
  message.number = 7;
  message.ballot = {9, 3};
  room.member(1).handle(3, message);
  message.number = 2;
  message.lineage = {};
  room.member(1).handle(3, message);
  CHECK(room.member(1).take_letters().empty());
}

}  // namespace coerce::test::agreement_cases
