#include "remote/watched.hpp"

#include <algorithm>

#include <coerce/runtime/sleep.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"
#include "remote/stop_reasons.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kPiece = 32 * 1024;
constexpr std::size_t kLongestReason = 1024;
constexpr Duration kAnswerLimit = std::chrono::seconds(5);
constexpr Duration kRetry = std::chrono::milliseconds(100);

}  // namespace

Watched::Watched(RemoteCore& core, TrackedActors& tracked) : core_(core) {
  tracked.listen(*this);
  core.serve(InternalKind::Watch, [this](const NodeDescription& from, Bytes question) {
    return take(from, std::move(question));
  });
  core.on_node([this](NodeChange change, const NodeDescription& node) {
    if (change != NodeChange::Up) lose(node);
  });
}

void Watched::add(const NodeRef& node, const ActorId& id, std::uint64_t context) {
  Life& life = actors_[id];
  if (life.context != context) {  // of the one before it everything is said
    life.context = context;
    life.watchers.clear();
  }
  if (std::ranges::find(life.watchers, node) == life.watchers.end()) life.watchers.push_back(node);
  if (node->actors.insert(id).second) node->weight += weight_of(id);
  size_.exchange(actors_.size(), std::memory_order_acq_rel);
}

void Watched::remove(const NodeRef& node, const ActorId& id) {
  if (node->actors.erase(id) > 0) node->weight -= weight_of(id);
  const auto place = actors_.find(id);
  if (place == actors_.end()) return;
  std::erase(place->second.watchers, node);
  if (place->second.watchers.empty()) actors_.erase(place);
  size_.exchange(actors_.size(), std::memory_order_acq_rel);
}

void Watched::ended(Cell& cell) noexcept {
  // Pairs with the exchange in add(): either this sees that somebody watches, or that comes later
  // and has synchronised with this, so that watch() sees the status, which was written before.
  if (size_.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  std::vector<NodeRef> to_start;
  {
    const std::lock_guard guard(mutex_);
    const ActorId id = cell.id();
    const auto place = actors_.find(id);
    if (place == actors_.end() || place->second.context != cell.context_id()) return;
    StopReason reason = cell.stop_reason();
    if (reason.detail().size() > kLongestReason)
      reason = StopReason(reason.kind(), reason.detail().substr(0, kLongestReason));
    for (const NodeRef& node : place->second.watchers) {
      if (node->actors.erase(id) == 0) node->weight += weight_of(id);
      node->waiting.push_back({id, place->second.context, reason});
      if (!std::exchange(node->busy, true)) to_start.push_back(node);
    }
    actors_.erase(place);
    size_.exchange(actors_.size(), std::memory_order_acq_rel);
  }
  for (const NodeRef& node : to_start) {
    if (core_.world().spawn(tell(*this, node))) continue;
    const std::lock_guard guard(mutex_);
    node->busy = false;  // the next end tries again
  }
}

Task<void> Watched::tell(Watched& self, NodeRef node) {
  for (;;) {
    remote::v1::Terminated message;
    std::size_t count = 0;
    {
      const std::lock_guard guard(self.mutex_);
      if (node->gone || node->waiting.empty()) {
        node->busy = false;
        co_return;
      }
      std::size_t size = 0;
      for (; count < node->waiting.size() && size < kPiece; ++count) {
        const Ended& ended = node->waiting[count];
        auto& actor = *message.add_actors();
        actor.set_id(ended.id.str());
        actor.set_context(ended.context);
        actor.set_reason(number_of(ended.reason.kind()));
        actor.set_detail(ended.reason.detail());
        size += ended.id.view().size() + ended.reason.detail().size() + 24;
      }
    }
    auto asking = node->peer->ask(InternalKind::Terminated, to_bytes(message), kAnswerLimit);
    const auto known = co_await asking;
    if (!known) {
      const bool slept = co_await sleep_for(kRetry);
      if (slept) continue;
      const std::lock_guard guard(self.mutex_);
      node->busy = false;
      co_return;
    }
    const std::lock_guard guard(self.mutex_);
    if (node->gone) continue;
    for (; count > 0; --count) {
      node->weight -= weight_of(node->waiting.front().id);
      node->waiting.pop_front();
    }
  }
}

bool Watched::has_room(const Node& node, const ActorId& id) {
  const std::lock_guard guard(mutex_);
  // Where there is any room, the next one may go over the mark: or a long id that has to wait would
  // keep those behind it waiting.
  return node.actors.contains(id) || node.weight < core_.settings().limits.max_watched;
}

std::uint64_t Watched::watch(const NodeRef& node, const ActorId& id, std::uint64_t context) {
  const CellRef cell = core_.find_actor(id);
  const bool is_here = cell.get() != nullptr && (context == 0 || cell->context_id() == context);
  const std::lock_guard guard(mutex_);
  if (!is_here) {
    // It is about to be told of this end.
    for (const Ended& ended : node->waiting)
      if (ended.id == id && context == ended.context) return context;
    return 0;
  }
  add(node, id, cell->context_id());
  if (cell->status.load(std::memory_order_acquire) < ActorStatus::Stopped)
    return cell->context_id();
  remove(node, id);  // ended() came before, or will find nothing
  return 0;
}

Task<Result<Bytes>> Watched::take(NodeDescription from, Bytes bytes) {
  const auto question = from_bytes<remote::v1::Watch>(bytes);
  if (!question) co_return coerce::unexpected(question.error());
  const auto peer = core_.peer(from.id);
  if (!peer || peer->node().incarnation != from.incarnation)
    co_return coerce::unexpected(ActorRefErr::Unauthorised("you are no member any more"));
  NodeRef node;
  {
    const std::lock_guard guard(mutex_);
    NodeRef& place = nodes_[key_of(from)];
    if (!place) place = std::make_shared<Node>(peer);
    node = place;
    for (const auto& id : question->no_more()) remove(node, ActorId(id));
  }
  remote::v1::WatchAnswer answer;
  for (const auto& actor : question->actors()) {
    const ActorId id(actor.id());
    if (!has_room(*node, id)) break;
    answer.add_contexts(watch(node, id, actor.context()));
  }
  answer.set_refused(static_cast<std::uint64_t>(question->actors_size() - answer.contexts_size()));
  // The loss of the node may have been told while this was being written.
  if (core_.peer(from.id) != peer) lose(from);
  co_return to_bytes(answer);
}

void Watched::lose(const NodeDescription& node) {
  const std::lock_guard guard(mutex_);
  const auto place = nodes_.find(key_of(node));
  if (place == nodes_.end()) return;
  const NodeRef lost = std::move(place->second);
  nodes_.erase(place);
  lost->gone = true;
  lost->waiting.clear();
  const std::set<ActorId> actors = std::exchange(lost->actors, {});
  for (const ActorId& id : actors) remove(lost, id);
}

}  // namespace coerce::detail
