#include "cluster/standing.hpp"

#include <algorithm>

#include "coerce/cluster/v1/standing.pb.h"
#include "remote/node_message.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr int kMostOfEach = 4096;
constexpr int kMostAgreements = 16;
/// There is always room for a next one.
constexpr std::uint64_t kMostNumber = std::uint64_t{1} << 53;
constexpr std::size_t kMostCandidate = 300;
/// Of one number of a view: more than there is time for.
constexpr std::uint64_t kMostRounds = std::uint64_t{1} << 40;

void write(Lineage from, cluster::v1::Lineage& to) {
  to.set_high(from.high);
  to.set_low(from.low);
}
Lineage read(const cluster::v1::Lineage& from) { return {from.high(), from.low()}; }

void write(const View& from, cluster::v1::View& to) {
  write(from.lineage, *to.mutable_lineage());
  to.set_number(from.number);
  for (const ViewMember& member : from.members) {
    auto& added = *to.add_members();
    detail::write(member.node, *added.mutable_node());
    added.set_since(member.since);
    added.set_leaving(member.leaving);
  }
}

/// None: it has no lineage, number or members, or one twice, or they are not in their order.
std::optional<View> read(const cluster::v1::View& from) {
  View view{read(from.lineage()), from.number(), {}};
  const bool is_one = view.lineage && view.number > 0 && view.number <= kMostNumber &&
                      from.members_size() > 0 && from.members_size() <= kMostOfEach &&
                      from.ByteSizeLong() <= kMaxViewBytes;
  if (!is_one) return std::nullopt;
  std::set<NodeId> ids;
  for (const auto& member : from.members()) {
    if (!is_sound(member.node()) || !ids.insert(member.node().id()).second) return std::nullopt;
    if (member.since() == 0 || member.since() > view.number) return std::nullopt;
    view.members.push_back({detail::read(member.node()), member.since(), member.leaving()});
  }
  View sorted = view;
  sorted.sort();
  if (sorted != view) return std::nullopt;
  return view;
}

void write(Ballot from, cluster::v1::Ballot& to) {
  to.set_round(from.round);
  to.set_proposer(from.proposer);
}
Ballot read(const cluster::v1::Ballot& from) { return {from.round(), from.proposer()}; }
/// A next round has to be there for all the others.
bool is_sound(const cluster::v1::Ballot& ballot) { return ballot.round() <= kMostRounds; }

void write(const AgreementMessage& from, cluster::v1::Agreement& to) {
  to.set_kind(static_cast<std::uint32_t>(from.kind));
  write(from.lineage, *to.mutable_lineage());
  to.set_number(from.number);
  write(from.ballot, *to.mutable_ballot());
  if (from.accepted != Ballot{}) write(from.accepted, *to.mutable_accepted());
  if (from.view) write(*from.view, *to.mutable_view());
}

/// None: of no known kind, in a round that nobody comes to, or about a view that does not follow.
std::optional<AgreementMessage> read(const cluster::v1::Agreement& from) {
  AgreementMessage to;
  if (from.kind() < static_cast<std::uint32_t>(AgreementMessage::Kind::Prepare) ||
      from.kind() > static_cast<std::uint32_t>(AgreementMessage::Kind::Refused))
    return std::nullopt;
  if (!is_sound(from.ballot()) || !is_sound(from.accepted())) return std::nullopt;
  to.kind = static_cast<AgreementMessage::Kind>(from.kind());
  to.lineage = read(from.lineage());
  to.number = from.number();
  to.ballot = read(from.ballot());
  to.accepted = read(from.accepted());
  if (!from.has_view()) return to;
  to.view = read(from.view());
  const bool follows =
      to.view && to.view->number == to.number && (!to.lineage || to.view->lineage == to.lineage);
  if (!follows) return std::nullopt;
  return to;
}

}  // namespace

Bytes encode_standing(const Standing& standing) {
  cluster::v1::Standing to;
  if (standing.lineage) write(standing.lineage, *to.mutable_lineage());
  to.set_number(standing.number);
  to.set_serial(standing.serial);
  if (standing.view) write(*standing.view, *to.mutable_view());
  for (const NodeName& name : standing.ended) {
    auto& ended = *to.add_ended();
    ended.set_id(name.id);
    detail::write(name.incarnation, *ended.mutable_incarnation());
  }
  to.mutable_unreachable()->Add(standing.unreachable.begin(), standing.unreachable.end());
  to.mutable_reached()->Add(standing.reached.begin(), standing.reached.end());
  to.set_candidate(standing.candidate);
  to.set_leaving(static_cast<std::uint32_t>(standing.leaving));
  for (const AgreementMessage& message : standing.agreement) write(message, *to.add_agreement());
  if (standing.founding) write(*standing.founding, *to.mutable_founding());
  if (standing.founded) write(standing.founded, *to.mutable_founded());
  to.set_asked_at(standing.asked_at);
  to.set_allowed(standing.allowed);
  return to_ordered_bytes(to);
}

std::optional<Standing> decode_standing(BytesView bytes) {
  cluster::v1::Standing from;
  if (!parse(from, bytes)) return std::nullopt;
  const bool is_too_much = from.ended_size() > static_cast<int>(kMaxEndedTold) ||
                           from.unreachable_size() > kMostOfEach ||
                           from.reached_size() > kMostOfEach ||
                           from.agreement_size() > kMostAgreements ||
                           from.candidate().size() > kMostCandidate || from.leaving() > 2;
  if (is_too_much) return std::nullopt;
  Standing to;
  to.lineage = read(from.lineage());
  to.number = from.number();
  to.serial = from.serial();
  if (from.has_view() && !(to.view = read(from.view()))) return std::nullopt;
  for (const auto& ended : from.ended())
    to.ended.push_back({ended.id(), detail::read(ended.incarnation())});
  to.unreachable.assign(from.unreachable().begin(), from.unreachable().end());
  to.reached.assign(from.reached().begin(), from.reached().end());
  to.candidate = from.candidate();
  to.leaving = static_cast<Leaving>(from.leaving());
  for (const auto& message : from.agreement()) {
    auto read_one = read(message);
    if (!read_one) return std::nullopt;
    to.agreement.push_back(std::move(*read_one));
  }
  if (from.has_founding() && !(to.founding = read(from.founding()))) return std::nullopt;
  to.founded = read(from.founded());
  to.asked_at = from.asked_at();
  to.allowed = from.allowed();
  return to;
}

std::size_t bytes_of(const View& view) {
  cluster::v1::View message;
  write(view, message);
  return message.ByteSizeLong();
}

}  // namespace coerce::detail
