#include "remote/watching.hpp"

#include <algorithm>
#include <iterator>

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
    if (change != NodeChange::Up) lose(node);
  });
}

std::size_t Watching::weight(const Pairs& pairs) noexcept {
  return pairs.empty() ? 0 : pairs.size() * weight_of((*pairs.front().target).id());
}

bool Watching::note(Node& node, const ActorId& id) {
  node.changed.push_back(id);
  return !std::exchange(node.busy, true);
}

Watching::Pairs Watching::take_all(Target& target) {
  Pairs pairs = std::exchange(target.asked, {});
  const auto add = [&pairs](Pairs more) { std::ranges::move(more, std::back_inserter(pairs)); };
  add(std::exchange(target.open, {}));
  for (Life& life : target.lives) add(std::move(life.pairs));
  target.lives.clear();
  weight_ -= weight(pairs);
  return pairs;
}

Watching::Pairs Watching::take_life(Target& target, std::uint64_t context) {
  const auto life = std::ranges::find(target.lives, context, &Life::context);
  if (life == target.lives.end()) return {};
  Pairs pairs = std::move(life->pairs);
  target.lives.erase(life);
  weight_ -= weight(pairs);
  return pairs;
}

bool Watching::Target::remove(Cell& watcher, ForeignCell& target, Pairs& gone) {
  const auto remove_from = [&](Pairs& pairs) {
    const auto pair = std::ranges::find_if(pairs, [&](const Pair& one) {
      return one.watcher.get() == &watcher && is_same_actor(*one.target, target);
    });
    if (pair == pairs.end()) return false;
    gone.push_back(std::move(*pair));
    pairs.erase(pair);
    return true;
  };
  if (remove_from(open) || remove_from(asked)) return true;
  const bool is_removed =
      std::ranges::any_of(lives, [&](Life& life) { return remove_from(life.pairs); });
  std::erase_if(lives, [](const Life& life) { return life.pairs.empty(); });
  return is_removed;
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
    const ActorId id = target.id();
    if (weight_ >= core_.settings().limits.max_watched)
      return coerce::unexpected(ActorRefErr::Overloaded(
          "as many actors of other nodes are watched as max_watched allows"));
    NodeRef& node = nodes_[key_of(peer->node())];
    if (!node) node = std::make_shared<Node>(peer);
    Target& watched = node->targets[id];
    const bool is_first = watched.open.empty();
    watched.open.push_back({KeptCell(watcher), KeptCell(target)});
    weight_ += weight_of(id);
    if (is_first && note(*node, id)) to_start = node;
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
    if (!watched->second.remove(watcher, target, gone)) return;
    weight_ -= weight(gone);
    if (!watched->second.is_watched()) {
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
    for (const ActorId& id : ids) all.push_back(take_all(lost->targets.at(id)));
    lost->targets.clear();
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
    Target& target = place->second;
    std::ranges::move(target.open, std::back_inserter(target.asked));
    target.open.clear();
    if (target.asked.empty()) continue;  // the lives that are watched still are known
    message.add_actors()->set_id(id.str());
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
  std::vector<Ended> ended;
  {
    const std::lock_guard guard(mutex_);
    for (std::size_t i = 0; i < taken; ++i)
      if (auto one = learn(node, news.watched[i], answer->contexts(static_cast<int>(i))))
        ended.push_back(std::move(*one));
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

/// Under the lock: which life those watch for whom the node was asked. If it has ended already:
/// they.
std::optional<Watching::Ended> Watching::learn(Node& node, const ActorId& id,
                                               std::uint64_t context) {
  const auto place = node.targets.find(id);
  if (place == node.targets.end()) return std::nullopt;  // not watched any more
  Target& target = place->second;
  Pairs asked = std::exchange(target.asked, {});
  const auto last = std::exchange(target.ended, std::nullopt);
  if (asked.empty()) return std::nullopt;
  const bool has_ended = context == 0 || (last && last->context == context);
  if (!has_ended) {
    auto life = std::ranges::find(target.lives, context, &Life::context);
    if (life == target.lives.end()) life = target.lives.insert(life, Life{context, {}});
    std::ranges::move(asked, std::back_inserter(life->pairs));
    return std::nullopt;
  }
  weight_ -= weight(asked);
  if (!target.is_watched()) node.targets.erase(place);
  StopReason reason =
      last ? last->reason : StopReason(StopReasonKind::Stopped, "it had ended before");
  return Ended{std::move(asked), std::move(reason)};
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
      const auto place_of_id = node.targets.find(id);
      if (place_of_id == node.targets.end()) continue;
      Target& target = place_of_id->second;
      pairs = take_life(target, actor.context());
      // Before the answer it is open whose end this is: it may be told again of an earlier life.
      if (!target.asked.empty()) target.ended.emplace(End{actor.context(), reason});
      if (!target.is_watched()) node.targets.erase(place_of_id);
    }
    end(std::move(pairs), reason);
  }
  co_return Bytes();
}

}  // namespace coerce::detail
