#include "remote/watching.hpp"

#include <algorithm>

#include <coerce/runtime/sleep.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"
#include "remote/stop_reasons.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostAtOnce = 512;
constexpr std::size_t kPiece = 32 * 1024;
constexpr Duration kAnswerLimit = std::chrono::seconds(5);
constexpr Duration kRetry = std::chrono::milliseconds(100);
constexpr Duration kRetryRefused = std::chrono::seconds(1);

}  // namespace

Watching::Watching(RemoteCore& core) : core_(core) {
  core.serve(InternalKind::Terminated, [this](const NodeDescription& from, Bytes message) {
    return take_terminated(from, std::move(message));
  });
  core.on_node([this](NodeChange change, const NodeDescription& node) {
    if (change == NodeChange::Lost) lose(node);
  });
}

std::size_t Watching::size() const {
  const std::lock_guard guard(mutex_);
  return size_;
}

bool Watching::note(Node& node, const ActorId& id) {
  node.changed.push_back(id);
  return !std::exchange(node.busy, true);
}

Watching::Pairs Watching::take(Node& node, const ActorId& id) {
  const auto place = node.targets.find(id);
  if (place == node.targets.end()) return {};
  Pairs pairs = std::move(place->second.pairs);
  size_ -= pairs.size();
  node.targets.erase(place);
  return pairs;
}

// The reference of each watcher says from now on that its actor has ended.
void Watching::end(Pairs pairs, const StopReason& reason) noexcept {
  for (const Pair& pair : pairs) {
    (*pair.target).status.store(ActorStatus::Stopped, std::memory_order_release);
    tell_terminated(*pair.watcher, *pair.target, reason);
  }
}

Result<void> Watching::watch(const std::shared_ptr<Peer>& peer, Cell& watcher,
                             ForeignCell& target) {
  NodeRef to_start;
  {
    const std::lock_guard guard(mutex_);
    if (size_ >= core_.settings().limits.max_watched)
      return coerce::unexpected(ActorRefErr::Overloaded(
          "as many actors of other nodes are watched as max_watched allows"));
    NodeRef& node = nodes_[key_of(peer->node())];
    if (!node) node = std::make_shared<Node>(peer);
    const ActorId id = target.id();
    Target& watched = node->targets[id];
    const bool is_new = watched.pairs.empty();
    watched.pairs.push_back({KeptCell(watcher), KeptCell(target)});
    ++size_;
    if (is_new && note(*node, id)) to_start = node;
  }
  if (to_start) start(to_start);
  // Lost before, so that nobody will say so later.
  if (core_.peer(peer->node_id()) != peer) lose(peer->node());
  return {};
}

void Watching::unwatch(const std::shared_ptr<Peer>& peer, Cell& watcher,
                       ForeignCell& target) noexcept {
  Pairs gone;
  NodeRef to_start;
  {
    const std::lock_guard guard(mutex_);
    const auto place = nodes_.find(key_of(peer->node()));
    if (place == nodes_.end()) return;
    Node& node = *place->second;
    const ActorId id = target.id();
    const auto watched = node.targets.find(id);
    if (watched == node.targets.end()) return;
    Pairs& pairs = watched->second.pairs;
    const auto pair = std::ranges::find_if(pairs, [&](const Pair& one) {
      return one.watcher.get() == &watcher && is_same_actor(*one.target, target);
    });
    if (pair == pairs.end()) return;
    gone.push_back(std::move(*pair));
    pairs.erase(pair);
    --size_;
    if (pairs.empty()) {
      node.targets.erase(watched);
      if (note(node, id)) to_start = place->second;
    }
  }
  if (to_start) start(to_start);
}

void Watching::lose(const NodeDescription& node) {
  NodeRef lost;
  std::vector<Pairs> all;
  {
    const std::lock_guard guard(mutex_);
    const auto place = nodes_.find(key_of(node));
    if (place == nodes_.end()) return;
    lost = std::move(place->second);
    nodes_.erase(place);
    lost->gone = true;
    lost->changed.clear();
    std::vector<ActorId> ids;
    for (const auto& [id, target] : lost->targets) ids.push_back(id);
    std::ranges::sort(ids);
    for (const ActorId& id : ids) all.push_back(take(*lost, id));
  }
  for (Pairs& pairs : all) end(std::move(pairs), StopReason(StopReasonKind::NodeLost));
}

// ---- what the other node is told ----------------------------------------------------------------

Watching::News Watching::next(Node& node) {
  News news;
  remote::v1::Watch message;
  std::size_t size = 0;
  for (std::size_t i = 0; i < kMostAtOnce && size < kPiece && !node.changed.empty(); ++i) {
    const ActorId id = std::move(node.changed.front());
    node.changed.pop_front();
    size += id.view().size() + 16;
    const auto place = node.targets.find(id);
    if (place == node.targets.end()) {
      message.add_no_more(id.str());
      news.no_more.push_back(id);
      continue;
    }
    auto& actor = *message.add_actors();
    actor.set_id(id.str());
    actor.set_context(place->second.context);
    news.watched.push_back(id);
  }
  news.message = to_bytes(message);
  return news;
}

void Watching::start(const NodeRef& node) {
  if (core_.world().spawn(tell(*this, node))) return;
  const std::lock_guard guard(mutex_);
  node->busy = false;  // the next change tries again
}

Task<void> Watching::tell(Watching& self, NodeRef node) {
  for (;;) {
    News news;
    {
      const std::lock_guard guard(self.mutex_);
      if (node->gone || node->changed.empty()) {
        node->busy = false;
        co_return;
      }
      news = next(*node);
    }
    auto asking = node->peer->ask(InternalKind::Watch, std::move(news.message), kAnswerLimit);
    const auto answer = co_await asking;
    const Took took = self.take_answer(*node, news, answer);
    if (took == Took::All) continue;
    const bool slept = co_await sleep_for(took == Took::NotAll ? kRetryRefused : kRetry);
    if (slept) continue;
    const std::lock_guard guard(self.mutex_);
    node->busy = false;
    co_return;
  }
}

// What was not taken has to be said again.
Watching::Took Watching::take_answer(Node& node, const News& news, const Result<Bytes>& bytes) {
  const auto answer = bytes ? from_bytes<remote::v1::WatchAnswer>(*bytes)
                            : Result<remote::v1::WatchAnswer>(coerce::unexpected(bytes.error()));
  const std::size_t taken = answer ? static_cast<std::size_t>(answer->contexts_size()) : 0;
  if (!answer || taken + answer->refused() != news.watched.size()) {
    if (answer)
      core_.world().log_limited(LogSource::node(node.peer->node_id()), LogLevel::Warn,
                                "node {} answers what it was not asked", node.peer->node_id());
    const std::lock_guard guard(mutex_);
    if (node.gone) return Took::Nothing;
    node.changed.insert(node.changed.end(), news.watched.begin(), news.watched.end());
    node.changed.insert(node.changed.end(), news.no_more.begin(), news.no_more.end());
    return Took::Nothing;
  }
  std::vector<std::pair<Pairs, StopReason>> ended;
  {
    const std::lock_guard guard(mutex_);
    for (std::size_t i = 0; i < taken; ++i)
      if (auto reason = learn(node, news.watched[i], answer->contexts(static_cast<int>(i))))
        ended.emplace_back(take(node, news.watched[i]), std::move(*reason));
    if (!node.gone)
      node.changed.insert(node.changed.end(),
                          news.watched.begin() + static_cast<std::ptrdiff_t>(taken),
                          news.watched.end());
  }
  for (auto& [pairs, reason] : ended) end(std::move(pairs), reason);
  if (taken == news.watched.size()) return Took::All;
  core_.world().log_limited(LogSource::node(node.peer->node_id()), LogLevel::Warn,
                            "node {} lets as many of its actors be watched from here as its "
                            "max_watched allows; {} have to wait",
                            node.peer->node_id(), news.watched.size() - taken);
  return Took::NotAll;
}

/// Under the lock: which life is watched. Its reason, if it has ended already.
std::optional<StopReason> Watching::learn(Node& node, const ActorId& id, std::uint64_t context) {
  const auto place = node.targets.find(id);
  if (place == node.targets.end()) return std::nullopt;  // not watched any more
  Target& target = place->second;
  const auto ended = std::exchange(target.ended, std::nullopt);
  if (ended && (context == 0 || context == ended->first)) return ended->second;
  if (context == 0) return StopReason(StopReasonKind::Stopped, "it had ended before");
  target.context = context;
  return std::nullopt;
}

Task<Result<Bytes>> Watching::take_terminated(NodeDescription from, Bytes bytes) {
  const auto message = from_bytes<remote::v1::Terminated>(bytes);
  if (!message) co_return coerce::unexpected(message.error());
  for (const auto& actor : message->actors()) {
    const StopReason reason = read_stop_reason(actor.reason(), actor.detail());
    Pairs pairs;
    {
      const std::lock_guard guard(mutex_);
      const auto place = nodes_.find(key_of(from));
      if (place == nodes_.end()) break;
      Node& node = *place->second;
      const ActorId id(actor.id());
      const auto target = node.targets.find(id);
      if (target == node.targets.end()) continue;
      // Before the answer it is open whose end this is: it may be told again of an earlier life.
      if (target->second.context == 0)
        target->second.ended.emplace(actor.context(), reason);
      else if (target->second.context == actor.context())
        pairs = take(node, id);
    }
    end(std::move(pairs), reason);
  }
  co_return Bytes();
}

}  // namespace coerce::detail
