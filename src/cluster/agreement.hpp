/// \file
/// How members agree on the next view: the Synod of Lamport's "Paxos Made Simple" (2001), once for
/// each number of a view. Nothing is stored: a member that restarts is another incarnation, and so
/// no voter of the views of its former life.

#pragma once

#include <compare>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cluster/view.hpp"

namespace coerce::detail {

/// So many rounds later than any that was heard of nobody is: there is one for each try.
inline constexpr std::uint64_t kMostRoundsSkipped = std::uint64_t{1} << 20;

/// Orders the tries to get a view agreed. {0, 0} stands for none.
struct Ballot {
  std::uint64_t round = 0;
  NodeId proposer = 0;

  friend auto operator<=>(const Ballot&, const Ballot&) = default;
};

/// What members say to each other about the view that is to have this number.
struct AgreementMessage {
  enum class Kind : std::uint8_t {
    Prepare = 1,  ///< promise to accept nothing older than this ballot
    Promise = 2,  ///< promised; `view` is what was accepted in `accepted`, if anything
    Propose = 3,  ///< accept this view
    Accepted = 4,
    Refused = 5,  ///< something newer (`ballot`) was promised
  };
  Kind kind{};
  Lineage lineage;           ///< of the view that is agreed; none: the first view is to be found
  std::uint64_t number = 0;  ///< of the view that is to be
  Ballot ballot;
  Ballot accepted;
  std::optional<View> view;
};

/// One member's part in agreeing on the view after the agreed one. Plain state: not thread-safe,
/// takes no time and sends nothing itself; messages may be lost, doubled or late.
class Agreement {
 public:
  using IsQuorum = std::function<bool(const std::set<NodeId>&)>;
  using MayAccept = std::function<bool(const View&)>;
  struct Letter {
    NodeId to = 0;
    AgreementMessage message;
  };

  /// `may_accept`: asked before a view is accepted; until it says yes nothing is answered.
  explicit Agreement(NodeId self, MayAccept may_accept = {})
      : self_(self), may_accept_(std::move(may_accept)) {}

  /// The view with this number is next. Forgets the one before.
  void begin(Lineage lineage, std::uint64_t next_number);

  bool is_proposing() const noexcept { return trying_.has_value(); }
  /// Tries to get `view` agreed by `voters`, self among them; a view that others may have agreed on
  /// already is tried in its place. Gives up what it was trying before.
  void propose(View view, std::set<NodeId> voters, IsQuorum is_quorum);
  void give_up() noexcept { trying_.reset(); }
  /// Asks those again that have not answered.
  void repeat();

  /// Of another number than the next one, or in a round that nobody can have come to: ignored.
  void handle(NodeId from, const AgreementMessage& message);

  /// What this member has accepted last: perhaps it is agreed on already.
  const std::optional<View>& accepted_view() const noexcept { return accepted_view_; }

  /// That view means nothing to anybody any more. What was promised holds.
  void forget_accepted() noexcept;

  /// What is to be sent; messages to self have been handled already.
  std::vector<Letter> take_letters() { return std::exchange(letters_, {}); }
  /// A view that is agreed now. Whoever gets one tells all others of it.
  std::optional<View> take_agreed() { return std::exchange(agreed_, std::nullopt); }
  /// Has somebody else asked for more than this one ever did? Then the next try has to wait a bit.
  bool was_overtaken() noexcept { return std::exchange(overtaken_, false); }

 private:
  struct Try {
    Ballot ballot;
    View view;
    std::set<NodeId> voters;
    IsQuorum is_quorum;
    std::set<NodeId> promised;
    std::set<NodeId> accepted;
    Ballot best;  ///< of what the promises told
    bool is_accepting = false;
  };

  void on_prepare(NodeId from, const AgreementMessage& message);
  void on_propose(NodeId from, const AgreementMessage& message);
  void on_promise(NodeId from, const AgreementMessage& message);
  void on_accepted(NodeId from, const AgreementMessage& message);
  void on_refused(const AgreementMessage& message);
  void ask_for_promises();
  void ask_to_accept();
  AgreementMessage about(AgreementMessage::Kind kind, Ballot ballot) const;
  void send(NodeId to, AgreementMessage message);

  const NodeId self_;
  const MayAccept may_accept_;
  Lineage lineage_;
  std::uint64_t number_ = 0;
  Ballot promised_;
  Ballot accepted_;
  std::optional<View> accepted_view_;
  std::uint64_t highest_round_ = 0;  ///< seen anywhere
  std::optional<Try> trying_;
  std::optional<View> agreed_;
  std::vector<Letter> letters_;
  bool overtaken_ = false;
};

}  // namespace coerce::detail
