#include "pubsub/other_nodes.hpp"

#include <algorithm>
#include <set>

#include <coerce/runtime/sleep.hpp>

#include "coerce/pubsub/v1/topics.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kPiece = 32 * 1024;
constexpr std::size_t kMostWaiting = 65'536;  ///< changes beyond one for each topic
constexpr Duration kAnswerLimit = std::chrono::seconds(5);
constexpr Duration kRetry = std::chrono::milliseconds(100);
constexpr Duration kRetryRefused = std::chrono::seconds(1);
constexpr Duration kCatchUp = std::chrono::milliseconds(20);

/// Refers to the message.
SubscriptionNews news_in(const pubsub::v1::Subscriptions& message) {
  SubscriptionNews news{message.number(), message.anew(), message.complete(), {}};
  for (const auto& change : message.changes())
    news.changes.push_back({{change.topic(), change.key()}, change.ended()});
  return news;
}

}  // namespace

OtherNodes::OtherNodes(RemoteCore& core)
    : core_(core), interests_(core.settings().limits.max_topics) {}

// ---- subscriptions of this node -----------------------------------------------------------------

void OtherNodes::begin(const TopicName& name) {
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    Own& own = own_[name];
    if (own.count++ == 0) {
      own.version = ++version_;
      push(name, false, to_start);
    }
  }
  start(to_start);
}

void OtherNodes::end(TopicView name) {
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    const auto place = own_.find(name);
    if (place == own_.end() || --place->second.count > 0) return;
    own_.erase(place);
    ++version_;
    push(TopicName(name), true, to_start);
  }
  start(to_start);
}

std::shared_ptr<Acknowledgement> OtherNodes::acknowledged(TopicView name) {
  auto acknowledgement = std::make_shared<Acknowledgement>();
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    to_start = renew_lines();
    const auto own = own_.find(name);
    const std::uint64_t version = own != own_.end() ? own->second.version : 0;
    for (const RemoteNodeState& node : core_.membership().nodes()) {
      const auto place = lines_.find(node.id);
      if (node.status != NodeStatus::Healthy || place == lines_.end()) continue;
      Line& line = *place->second;
      if (line.deaf || line.known >= version) continue;
      line.awaited.emplace_back(version, acknowledgement);
      ++acknowledgement->left;
    }
    if (acknowledgement->left == 0) acknowledgement->done.set();
  }
  start(to_start);
  return acknowledgement;
}

std::size_t OtherNodes::waiting() const {
  const std::lock_guard guard(mutex_);
  std::size_t sum = 0;
  for (const auto& [id, line] : lines_) sum += line->waiting.size();
  return sum;
}

// ---- members ------------------------------------------------------------------------------------

void OtherNodes::members_changed() {
  std::vector<LineRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    to_start = renew_lines();
  }
  start(to_start);
}

std::vector<OtherNodes::LineRef> OtherNodes::renew_lines() {
  std::vector<LineRef> to_start;
  std::map<NodeId, LineRef> before = std::exchange(lines_, {});
  for (const NodeDescription& node : core_.membership().members()) {
    if (node.id == core_.self().id) continue;
    const auto known = before.find(node.id);
    if (known != before.end() && known->second->node.incarnation == node.incarnation) {
      lines_.insert(before.extract(known));
      continue;
    }
    const auto line = std::make_shared<Line>(node, core_.world().now());
    if (interests_.is_complete(node)) line->has_told.set();
    refill(*line);
    line->busy = true;
    lines_[node.id] = line;
    to_start.push_back(line);
  }
  for (const auto& [id, line] : before) retire(*line);
  return to_start;
}

void OtherNodes::retire(Line& line) {
  line.gone = true;
  line.waiting.clear();
  line.has_told.set();
  confirm(line, version_);
}

void OtherNodes::lost(const NodeDescription& node) {
  {
    const std::lock_guard guard(mutex_);
    interests_.clear(node);
  }
  members_changed();
}

OtherNodes::LineRef OtherNodes::find(const NodeDescription& node) const {
  const auto place = lines_.find(node.id);
  if (place == lines_.end() || place->second->node.incarnation != node.incarnation) return nullptr;
  return place->second;
}

Task<Result<Bytes>> OtherNodes::take(NodeDescription from, Bytes bytes) {
  const auto message = from_bytes<pubsub::v1::Subscriptions>(bytes);
  if (!message) co_return coerce::unexpected(message.error());
  const auto is_present = [&] {
    const auto peer = core_.peer(from.id);
    return peer && peer->node().incarnation == from.incarnation;
  };
  Result<void> taken;
  {
    const std::lock_guard guard(mutex_);
    taken = interests_.take(from, news_in(*message));
    // The loss of the node may have been told while this was being written.
    if (!is_present()) interests_.clear(from);
    const LineRef line = find(from);
    if (line && interests_.is_complete(from)) line->has_told.set();
  }
  if (!taken) co_return coerce::unexpected(std::move(taken).error());
  co_return Bytes();
}

// ---- what the members are told ------------------------------------------------------------------

void OtherNodes::push(const TopicName& name, bool ended, std::vector<LineRef>& to_start) {
  for (const auto& [id, line] : lines_) {
    line->waiting.push_back({name, ended, version_});
    if (line->waiting.size() > own_.size() + kMostWaiting) refill(*line);
    if (!line->deaf && !std::exchange(line->busy, true)) to_start.push_back(line);
  }
}

void OtherNodes::refill(Line& line) {
  line.anew = true;
  line.waiting.clear();
  for (const auto& [name, own] : own_) line.waiting.push_back({name, false, 0});
}

std::optional<OtherNodes::Piece> OtherNodes::next_piece(Line& line) {
  if (line.gone || line.deaf || (line.waiting.empty() && !line.anew)) {
    line.waiting.clear();
    line.busy = false;
    return std::nullopt;
  }
  Piece piece;
  pubsub::v1::Subscriptions message;
  message.set_number(++line.number);
  message.set_anew(std::exchange(line.anew, false));
  for (std::size_t size = 0; size < kPiece && !line.waiting.empty(); line.waiting.pop_front()) {
    const Change& next = line.waiting.front();
    auto& change = *message.add_changes();
    change.set_topic(next.name.topic);
    change.set_key(next.name.key);
    change.set_ended(next.ended);
    piece.version = std::max(piece.version, next.version);
    size += next.name.size() + 16;
  }
  message.set_complete(line.waiting.empty());
  if (line.waiting.empty()) piece.version = version_;
  piece.message = to_bytes(message);
  return piece;
}

void OtherNodes::confirm(Line& line, std::uint64_t version) {
  line.known = std::max(line.known, version);
  std::erase_if(line.awaited, [&](const auto& awaited) {
    if (awaited.first > line.known) return false;
    if (--awaited.second->left == 0) awaited.second->done.set();
    return true;
  });
}

void OtherNodes::start(const std::vector<LineRef>& lines) {
  for (const LineRef& line : lines) {
    if (core_.world().spawn(tell(*this, line))) continue;
    const std::lock_guard guard(mutex_);
    line->busy = false;  // the next change tries again
  }
}

Task<void> OtherNodes::tell(OtherNodes& self, LineRef line) {
  for (;;) {
    std::optional<Piece> piece;
    {
      const std::lock_guard guard(self.mutex_);
      piece = self.next_piece(*line);
    }
    if (!piece) co_return;
    auto asking = self.core_.ask(line->node.id, InternalKind::Subscriptions,
                                 std::move(piece->message), kAnswerLimit);
    const auto taken = co_await asking;
    Duration rest = kRetry;
    {
      const std::lock_guard guard(self.mutex_);
      if (taken) {
        self.confirm(*line, piece->version);
        continue;
      }
      if (taken.error().kind() == ActorRefErrKind::NotSupported) {
        line->deaf = true;
        self.confirm(*line, self.version_);
        line->has_told.set();
        continue;
      }
      if (taken.error().kind() == ActorRefErrKind::Overloaded) {
        rest = kRetryRefused;
        self.core_.world().log_limited(LogSource::node(line->node.id), LogLevel::Warn,
                                       "node {} takes no more subscriptions of this node",
                                       line->node.id);
      }
    }
    const bool slept = co_await sleep_for(rest);
    const std::lock_guard guard(self.mutex_);
    if (!line->gone) self.refill(*line);
    if (slept) continue;
    line->busy = false;
    co_return;
  }
}

// ---- publications -------------------------------------------------------------------------------

Task<void> OtherNodes::know_all() {
  const Duration longest = core_.settings().heartbeat.unhealthy_node_heartbeat_timeout;
  std::vector<LineRef> unknown;
  const TimePoint now = core_.world().now();
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, line] : lines_)
      if (!line->has_told.is_set() && now - line->since < longest) unknown.push_back(line);
  }
  for (const LineRef& line : unknown) {
    const Duration left = line->since + longest - core_.world().now();
    if (left <= Duration::zero()) continue;
    auto waiting = pause_unless(line->has_told, left);
    const bool late = co_await waiting;
    (void)late;  // what a silent node misses, it is told when it comes back
  }
}

bool OtherNodes::has_subscribers(TopicView name) const {
  const std::lock_guard guard(mutex_);
  return !interests_.nodes_of(name).empty();
}

Result<void> OtherNodes::publish(TopicView name, BytesView publication) {
  std::vector<LineRef> lines;
  {
    const std::lock_guard guard(mutex_);
    for (const NodeId id : interests_.nodes_of(name)) {
      const auto line = lines_.find(id);
      if (line != lines_.end()) lines.push_back(line->second);
    }
  }
  Result<void> result;
  for (const LineRef& line : lines) {
    auto sent = send(line, publication);
    if (!sent && result) result = std::move(sent);
  }
  return result;
}

// What was numbered and did not go is missed by the node, which then tells its subscribers so.
Result<void> OtherNodes::send(const LineRef& line, BytesView publication) {
  const auto peer = core_.peer(line->node.id);
  if (!peer || peer->node().incarnation != line->node.incarnation)
    return coerce::unexpected(ActorRefErr::Unreachable("the node is gone"));
  bool falls_behind = false;
  Result<void> sent;
  {
    const std::lock_guard guard(line->publishing);
    sent = peer->tell_in_order(InternalKind::Publication, ++line->published, publication);
    falls_behind = !sent && !std::exchange(line->is_behind, true);
  }
  if (falls_behind && !core_.world().spawn(catch_up(*this, line))) {
    const std::lock_guard guard(line->publishing);
    line->is_behind = false;  // the next message, or the next link, shows it
  }
  return sent;
}

/// Perhaps nothing is published any more by which the node could see that it has missed something.
Task<void> OtherNodes::catch_up(OtherNodes& self, LineRef line) {
  for (;;) {
    const bool slept = co_await sleep_for(kCatchUp);
    const auto peer = self.core_.peer(line->node.id);
    const std::lock_guard guard(line->publishing);
    const bool is_gone = !peer || peer->node().incarnation != line->node.incarnation;
    if (slept && !is_gone && !peer->tell_in_order(InternalKind::Publication, line->published, {}))
      continue;
    line->is_behind = false;
    co_return;
  }
}

void OtherNodes::linked(const Peer& peer) {
  LineRef line;
  {
    const std::lock_guard guard(mutex_);
    line = find(peer.node());
  }
  if (!line) return;
  const auto current = core_.peer(peer.node_id());
  const std::lock_guard guard(line->publishing);
  if (line->published > 0 && current)
    (void)current->tell_in_order(InternalKind::Publication, line->published, {});
}

}  // namespace coerce::detail
