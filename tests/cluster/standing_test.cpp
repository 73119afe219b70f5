#include "cluster/standing.hpp"

#include <coerce/testkit/catch2.hpp>

#include <functional>
#include <limits>

#include <coerce/runtime/rng.hpp>

namespace coerce::test::standing_cases {
namespace {

using coerce::detail::AgreementMessage;
using coerce::detail::decode_standing;
using coerce::detail::encode_standing;
using coerce::detail::Leaving;
using coerce::detail::Standing;
using coerce::detail::View;

View view_of(std::size_t nodes) {
  View view{{1, 2}, 7, {}};
  for (NodeId id = 1; id <= nodes; ++id) {
    coerce::detail::ViewMember member;
    member.node.id = id;
    member.node.incarnation = {id, 1000 + id};
    member.node.tag = "node";
    member.node.address = "10.0.0.1:" + std::to_string(id);
    member.since = id;
    member.leaving = id % 2 == 0;
    view.members.push_back(member);
  }
  return view;
}

Standing full_standing() {
  Standing all;
  all.lineage = {1, 2};
  all.number = 7;
  all.serial = 99;
  all.view = view_of(3);
  all.ended = {{5, {5, 5}}, {6, {6, 6}}};
  all.unreachable = {2, 3};
  all.reached = {1};
  all.candidate = "10.0.0.1:1";
  all.leaving = Leaving::HandsOver;
  AgreementMessage message;
  message.kind = AgreementMessage::Kind::Promise;
  message.lineage = {1, 2};
  message.number = 7;
  message.ballot = {3, 2};
  message.accepted = {2, 1};
  message.view = view_of(3);
  all.agreement.push_back(message);
  all.founding = view_of(2);
  all.founded = {8, 9};
  return all;
}

/// Is a standing that is whole but for this taken?
bool is_taken(const std::function<void(Standing&)>& change) {
  Standing standing = full_standing();
  change(standing);
  return decode_standing(encode_standing(standing)).has_value();
}

}  // namespace

TEST_CASE("a standing comes back as it was", "[cluster]") {
  const Standing sent = full_standing();
  const auto came = decode_standing(encode_standing(sent));
  REQUIRE(came);
  CHECK(came->lineage == sent.lineage);
  CHECK(came->number == sent.number);
  CHECK(came->serial == sent.serial);
  CHECK(came->view == sent.view);
  CHECK(came->ended == sent.ended);
  CHECK(came->unreachable == sent.unreachable);
  CHECK(came->reached == sent.reached);
  CHECK(came->candidate == sent.candidate);
  CHECK(came->leaving == sent.leaving);
  REQUIRE(came->agreement.size() == 1);
  const AgreementMessage& message = came->agreement.front();
  CHECK(message.kind == AgreementMessage::Kind::Promise);
  CHECK(message.lineage == sent.lineage);
  CHECK(message.number == 7);
  CHECK(message.ballot == detail::Ballot{3, 2});
  CHECK(message.accepted == detail::Ballot{2, 1});
  CHECK(message.view == sent.view);
  CHECK(came->founding == sent.founding);
  CHECK(came->founded == sent.founded);
  CHECK(encode_standing(*came) == encode_standing(sent));
}

TEST_CASE("of no cluster there is little to tell", "[cluster]") {
  const auto came = decode_standing(encode_standing(Standing{}));
  REQUIRE(came);
  CHECK_FALSE(came->lineage);
  CHECK_FALSE(came->view);
  CHECK(came->leaving == Leaving::No);
}

TEST_CASE("a view that cannot be is refused", "[cluster]") {
  CHECK(is_taken([](Standing&) {}));
  CHECK_FALSE(is_taken([](Standing& s) { s.view->lineage = {}; }));
  CHECK_FALSE(is_taken([](Standing& s) { s.view->number = 0; }));
  CHECK_FALSE(is_taken([](Standing& s) { s.view->members.clear(); }));
  SECTION("a member twice") {
    CHECK_FALSE(is_taken([](Standing& s) {
      const auto last = s.view->members.back();
      s.view->members.push_back(last);
    }));
    CHECK_FALSE(is_taken([](Standing& s) { s.view->members[1].node.id = 1; }));
  }
  SECTION("in another order") {
    CHECK_FALSE(is_taken([](Standing& s) { std::swap(s.view->members[0], s.view->members[1]); }));
  }
  SECTION("a member from the future, or from nowhere") {
    CHECK_FALSE(is_taken([](Standing& s) { s.view->members[2].since = 8; }));
    CHECK_FALSE(is_taken([](Standing& s) { s.view->members[0].since = 0; }));
    CHECK_FALSE(is_taken([](Standing& s) { s.view->members[0].node.id = 0; }));
    CHECK_FALSE(is_taken([](Standing& s) { s.view->members[0].node.address = "nowhere"; }));
  }
  SECTION("also where it is proposed") {
    CHECK_FALSE(is_taken([](Standing& s) { s.founding->members.clear(); }));
    CHECK_FALSE(is_taken([](Standing& s) { s.agreement[0].view->members.clear(); }));
  }
}

TEST_CASE("a proposal for another number or lineage than it says is refused", "[cluster]") {
  using Kind = AgreementMessage::Kind;
  CHECK_FALSE(is_taken([](Standing& s) { s.agreement[0].number = 8; }));
  CHECK_FALSE(is_taken([](Standing& s) { s.agreement[0].lineage.low = 5; }));
  CHECK_FALSE(is_taken([](Standing& s) { s.agreement[0].kind = Kind{0}; }));
  CHECK_FALSE(is_taken([](Standing& s) { s.agreement[0].kind = Kind{6}; }));
}

TEST_CASE("a round that leaves no room for a next one is refused", "[cluster]") {
  const auto most = std::numeric_limits<std::uint64_t>::max();
  CHECK_FALSE(is_taken([&](Standing& s) { s.agreement[0].ballot.round = most; }));
  CHECK_FALSE(is_taken([&](Standing& s) { s.agreement[0].accepted.round = most; }));
}

TEST_CASE("more than a standing may have is refused", "[cluster]") {
  CHECK(is_taken([](Standing& s) { s.unreachable.resize(4096, 17); }));
  CHECK_FALSE(is_taken([](Standing& s) { s.unreachable.resize(4097, 17); }));
  CHECK_FALSE(is_taken([](Standing& s) { s.reached.resize(4097, 17); }));
  CHECK_FALSE(is_taken([](Standing& s) { s.ended.resize(257, {1, {1, 1}}); }));
  CHECK(is_taken([](Standing& s) { s.agreement.resize(16, s.agreement[0]); }));
  CHECK_FALSE(is_taken([](Standing& s) { s.agreement.resize(17, s.agreement[0]); }));
  CHECK_FALSE(is_taken([](Standing& s) { s.candidate = std::string(301, 'x'); }));
  CHECK_FALSE(is_taken([](Standing& s) { s.leaving = static_cast<Leaving>(3); }));
}

TEST_CASE("garbage is refused or read, and never more than that", "[cluster]") {
  Rng rng(7);
  const Bytes whole = encode_standing(full_standing());
  for (std::size_t length = 0; length < whole.size(); ++length)
    (void)decode_standing(BytesView(whole.data(), length));
  for (int run = 0; run < 20'000; ++run) {
    Bytes bytes = whole;
    for (std::uint64_t changes = 1 + rng.below(4); changes > 0; --changes)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.below(256));
    const auto read = decode_standing(bytes);
    if (!read || !read->view) continue;
    CHECK_FALSE(read->view->members.empty());
    CHECK(read->view->ids().size() == read->view->members.size());
  }
  Bytes noise(300);
  for (int run = 0; run < 2'000; ++run) {
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(rng.below(256));
    (void)decode_standing(noise);
  }
}

}  // namespace coerce::test::standing_cases
