#include "remote/peer_table.hpp"

#include <algorithm>

namespace coerce::detail {

namespace {

constexpr std::size_t kMostEnded = 64;
constexpr std::size_t kMostDrawn = 8192;

void add(NetworkCounters& to, const NetworkCounters& more) noexcept {
  to.bytes_sent += more.bytes_sent;
  to.bytes_received += more.bytes_received;
  to.frames_sent += more.frames_sent;
  to.frames_received += more.frames_received;
  to.messages_sent += more.messages_sent;
  to.messages_received += more.messages_received;
  to.messages_delivered += more.messages_delivered;
  to.messages_refused += more.messages_refused;
  to.dead_letters += more.dead_letters;
  to.unconfirmed += more.unconfirmed;
  to.peer_delivered += more.peer_delivered;
  to.peer_refused += more.peer_refused;
  to.queue_bytes += more.queue_bytes;
  to.links_opened += more.links_opened;
  to.links_ended += more.links_ended;
}
static_assert(sizeof(NetworkCounters) == 15 * sizeof(std::uint64_t), "add() adds all of them");

}  // namespace

std::shared_ptr<Peer> PeerTable::find(NodeId id) const {
  const std::lock_guard guard(mutex_);
  const auto place = peers_.find(id);
  return place != peers_.end() ? place->second.peer : nullptr;
}

std::vector<std::shared_ptr<Peer>> PeerTable::all() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::shared_ptr<Peer>> list;
  list.reserve(peers_.size());
  for (const auto& [id, present] : peers_) list.push_back(present.peer);
  return list;
}

std::shared_ptr<Peer> PeerTable::of(const NodeDescription& node) {
  std::shared_ptr<Peer> old;
  std::shared_ptr<Peer> peer;
  {
    const std::lock_guard guard(mutex_);
    Present& present = peers_[node.id];
    if (!present.peer || present.peer->node().incarnation != node.incarnation) {
      old = std::move(present.peer);
      present = {std::make_shared<Peer>(world_.system(), host_, node, options_)};
      if (old) keep_ended(old);
    }
    ++present.links;
    peer = present.peer;
  }
  if (old) old->retire("another incarnation of the node has come");
  return peer;
}

PeerTable::Present* PeerTable::find_current(const Peer& peer) {
  const auto place = peers_.find(peer.node_id());
  return place != peers_.end() && place->second.peer.get() == &peer ? &place->second : nullptr;
}

bool PeerTable::keep(const Peer& peer) {
  const std::lock_guard guard(mutex_);
  Present* const present = find_current(peer);
  if (present != nullptr) present->is_kept = true;
  return present != nullptr;
}

// What was drawn for its links stays: at the other end they may have been up.
bool PeerTable::let_go(const std::shared_ptr<Peer>& peer) {
  {
    const std::lock_guard guard(mutex_);
    Present* const present = find_current(*peer);
    if (present == nullptr) return false;
    if (--present->links > 0 || present->is_kept) return present->is_kept;
    peers_.erase(peer->node_id());
    keep_ended(peer);
  }
  peer->retire("none of its links has lasted");
  return false;
}

bool PeerTable::is_current(const Peer& peer) const { return find(peer.node_id()).get() == &peer; }

std::uint64_t PeerTable::next_generation(NodeId self, const NodeDescription& dialler) {
  const std::lock_guard guard(mutex_);
  if (drawn_.size() >= kMostDrawn)
    std::erase_if(drawn_, [&](const auto& entry) { return !peers_.contains(entry.first); });
  Drawn& drawn = drawn_[dialler.id];
  if (drawn.incarnation != dialler.incarnation) drawn = {dialler.incarnation, 0};
  const auto place = peers_.find(dialler.id);
  if (place != peers_.end() && place->second.peer->node().incarnation == dialler.incarnation)
    drawn.round = std::max(drawn.round, place->second.peer->generation() / 2);
  ++drawn.round;
  return 2 * drawn.round + (dialler.id < self ? 1 : 0);
}

void PeerTable::retire(const NodeDescription& node, std::string_view why) {
  std::shared_ptr<Peer> peer;
  {
    const std::lock_guard guard(mutex_);
    const auto place = peers_.find(node.id);
    if (place == peers_.end() || place->second.peer->node().incarnation != node.incarnation) return;
    peer = std::move(place->second.peer);
    peers_.erase(place);
    drawn_.erase(node.id);
    keep_ended(peer);
  }
  peer->retire(why);
}

void PeerTable::keep_ended(std::shared_ptr<Peer> peer) {
  ended_.push_back(std::move(peer));
  if (ended_.size() <= kMostEnded) return;
  NetworkCounters last = ended_.front()->counters();
  last.queue_bytes = 0;
  add(past_, last);
  ended_.pop_front();
}

NetworkCounters PeerTable::counters() const {
  const std::lock_guard guard(mutex_);
  NetworkCounters sum = past_;
  for (const auto& peer : ended_) add(sum, peer->counters());
  for (const auto& [id, present] : peers_) add(sum, present.peer->counters());
  return sum;
}

NetworkCounters PeerTable::counters(NodeId id) const {
  const std::shared_ptr<Peer> peer = find(id);
  return peer ? peer->counters() : NetworkCounters{};
}

std::size_t PeerTable::inflight_requests() const {
  std::size_t sum = 0;
  for (const auto& peer : all()) sum += peer->inflight_requests();
  return sum;
}

}  // namespace coerce::detail
