#include "cluster/agreement.hpp"

#include <algorithm>
#include <utility>

namespace coerce::detail {

void Agreement::begin(Lineage lineage, std::uint64_t next_number) {
  lineage_ = lineage;
  number_ = next_number;
  promised_ = {};
  accepted_ = {};
  accepted_view_.reset();
  highest_round_ = 0;
  trying_.reset();
  agreed_.reset();
  letters_.clear();
  overtaken_ = false;
}

void Agreement::propose(View view, std::set<NodeId> voters, IsQuorum is_quorum) {
  Try next;
  next.ballot = {std::max(highest_round_, promised_.round) + 1, self_};
  next.view = std::move(view);
  next.voters = std::move(voters);
  next.is_quorum = std::move(is_quorum);
  highest_round_ = next.ballot.round;
  trying_ = std::move(next);
  ask_for_promises();
}

void Agreement::forget_accepted() noexcept {
  if (trying_ && accepted_view_ && trying_->view == *accepted_view_) trying_.reset();
  accepted_ = {};
  accepted_view_.reset();
}

void Agreement::repeat() {
  if (!trying_) return;
  if (trying_->is_accepting)
    ask_to_accept();
  else
    ask_for_promises();
}

void Agreement::handle(NodeId from, const AgreementMessage& message) {
  if (message.lineage != lineage_ || message.number != number_) return;
  if (message.ballot.round > highest_round_ + kMostRoundsSkipped) return;
  const bool is_asking = message.kind == AgreementMessage::Kind::Prepare ||
                         message.kind == AgreementMessage::Kind::Propose;
  if (is_asking && message.ballot.proposer != from) return;
  highest_round_ = std::max(highest_round_, message.ballot.round);
  switch (message.kind) {
    case AgreementMessage::Kind::Prepare:
      return on_prepare(from, message);
    case AgreementMessage::Kind::Promise:
      return on_promise(from, message);
    case AgreementMessage::Kind::Propose:
      return on_propose(from, message);
    case AgreementMessage::Kind::Accepted:
      return on_accepted(from, message);
    case AgreementMessage::Kind::Refused:
      return on_refused(message);
  }
}

// ---- as a voter ---------------------------------------------------------------------------------

void Agreement::on_prepare(NodeId from, const AgreementMessage& message) {
  if (message.ballot < promised_)
    return send(from, about(AgreementMessage::Kind::Refused, promised_));
  promised_ = message.ballot;
  AgreementMessage promise = about(AgreementMessage::Kind::Promise, promised_);
  promise.accepted = accepted_;
  promise.view = accepted_view_;
  send(from, std::move(promise));
}

void Agreement::on_propose(NodeId from, const AgreementMessage& message) {
  if (!message.view) return;
  if (message.ballot < promised_)
    return send(from, about(AgreementMessage::Kind::Refused, promised_));
  promised_ = message.ballot;
  if (may_accept_ && !may_accept_(*message.view)) return;
  accepted_ = message.ballot;
  accepted_view_ = message.view;
  send(from, about(AgreementMessage::Kind::Accepted, accepted_));
}

// ---- as the proposer ----------------------------------------------------------------------------

void Agreement::on_promise(NodeId from, const AgreementMessage& message) {
  if (!trying_ || message.ballot != trying_->ballot || trying_->is_accepting) return;
  if (message.accepted >= message.ballot) return;  // nobody can have accepted it yet
  if (!trying_->voters.contains(from) || !trying_->promised.insert(from).second) return;
  // It may be agreed already, without anybody knowing.
  if (message.view && message.accepted > trying_->best) {
    trying_->best = message.accepted;
    trying_->view = *message.view;
  }
  if (!trying_->is_quorum(trying_->promised)) return;
  trying_->is_accepting = true;
  ask_to_accept();
}

void Agreement::on_accepted(NodeId from, const AgreementMessage& message) {
  if (!trying_ || message.ballot != trying_->ballot || !trying_->is_accepting) return;
  if (!trying_->voters.contains(from)) return;
  trying_->accepted.insert(from);
  if (!trying_->is_quorum(trying_->accepted)) return;
  agreed_ = std::move(trying_->view);
  trying_.reset();
}

void Agreement::on_refused(const AgreementMessage& message) {
  if (!trying_ || message.ballot <= trying_->ballot) return;
  trying_.reset();
  overtaken_ = true;
}

void Agreement::ask_for_promises() {
  const AgreementMessage prepare = about(AgreementMessage::Kind::Prepare, trying_->ballot);
  const std::set<NodeId> voters = trying_->voters;
  for (const NodeId voter : voters)
    if (trying_ && !trying_->is_accepting && !trying_->promised.contains(voter))
      send(voter, prepare);
}

void Agreement::ask_to_accept() {
  AgreementMessage proposal = about(AgreementMessage::Kind::Propose, trying_->ballot);
  proposal.view = trying_->view;
  const std::set<NodeId> voters = trying_->voters;
  for (const NodeId voter : voters)
    if (trying_ && !trying_->accepted.contains(voter)) send(voter, proposal);
}

AgreementMessage Agreement::about(AgreementMessage::Kind kind, Ballot ballot) const {
  AgreementMessage message;
  message.kind = kind;
  message.lineage = lineage_;
  message.number = number_;
  message.ballot = ballot;
  return message;
}

void Agreement::send(NodeId to, AgreementMessage message) {
  if (to == self_)
    handle(self_, message);
  else
    letters_.push_back({to, std::move(message)});
}

}  // namespace coerce::detail
