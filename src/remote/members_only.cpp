// What is served to members of the cluster alone: everything but the letters by which nodes become
// members.

#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/sleep.hpp>

#include "remote/core.hpp"

namespace coerce::detail {

namespace {

// A node may learn a moment later than another one that a third has been let in.
constexpr Duration kViewRound = std::chrono::seconds(1);
constexpr Duration kBetweenLooks = std::chrono::milliseconds(10);
constexpr std::size_t kMostWaiting = 256;

}  // namespace

// A node that has left may still say what it has to, until its link ends: see NodeChange::Left. A
// node that is in no cluster yet has no members to tell from others; those to which it is linked
// tell it what it has to know when it is let in.
bool RemoteCore::may_ask(Peer& peer) const {
  if (peer.was_member()) return true;
  const bool is_member = membership_->is_member(peer.node_id(), peer.node().incarnation);
  if (is_member) peer.note_member();
  return is_member || membership_->state().number == 0;
}

void RemoteCore::ask_later(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
                           std::optional<std::uint64_t> ask) {
  if (waiting_strangers_.fetch_add(1) < kMostWaiting &&
      world_->spawn(await_membership(*this, peer, kind, std::move(payload), ask)))
    return;
  waiting_strangers_.fetch_sub(1);
  refuse_stranger(*peer, kind, ask);
}

Task<void> RemoteCore::await_membership(RemoteCore& self, std::shared_ptr<Peer> peer,
                                        InternalKind kind, Bytes payload,
                                        std::optional<std::uint64_t> ask) {
  const TimePoint until = later(self.world_->now(), kViewRound);
  bool may = self.may_ask(*peer);
  while (!may && self.world_->now() < until && self.peers_->is_current(*peer)) {
    const bool slept = co_await sleep_for(kBetweenLooks);
    if (!slept) break;
    may = self.may_ask(*peer);
  }
  self.waiting_strangers_.fetch_sub(1);
  if (may && self.peers_->is_current(*peer))
    self.services_->serve(peer, kind, std::move(payload), ask);
  else
    self.refuse_stranger(*peer, kind, ask);
}

void RemoteCore::refuse_stranger(Peer& peer, InternalKind kind, std::optional<std::uint64_t> ask) {
  if (ask)
    peer.answer(*ask,
                coerce::unexpected(ActorRefErr::Unauthorised("you are no member of the cluster")));
  world_->log_limited(LogSource::node(peer.node_id()), LogLevel::Warn,
                      "what node {} asked or told ({}) was refused: it is no member of the cluster",
                      peer.node_id(), static_cast<int>(kind));
}

}  // namespace coerce::detail
