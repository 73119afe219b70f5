#include <coerce/actor/wait_graph.hpp>

#include <map>
#include <set>

#include <fmt/format.h>

#include <coerce/runtime/when.hpp>

#include "actor/snapshot.hpp"
#include "actor/system_core.hpp"

namespace coerce {

namespace {

using Edges = std::map<ActorPath, std::vector<ActorPath>>;

/// Depth-first with a path of its own, so that long chains need no deep stack: each edge that
/// closes a ring is found once, and the ring counts if nobody in it is in another one.
class RingFinder {
 public:
  RingFinder(const Edges& edges, std::vector<std::vector<ActorPath>>& rings)
      : edges_(edges), rings_(rings) {}

  void look_from(const ActorPath& start) {
    if (!enter(start)) return;
    while (!path_.empty()) {
      const ActorPath* next = next_of(path_.back());
      if (next == nullptr) {
        state_[path_.back().node] = State::Left;
        path_.pop_back();
      } else if (auto place = state_.find(*next); place == state_.end()) {
        enter(*next);
      } else if (place->second == State::OnPath) {
        add_ring_since(*next);
      }
    }
  }

 private:
  enum class State { OnPath, Left };
  struct Step {
    ActorPath node;
    std::size_t next = 0;
  };

  bool enter(const ActorPath& node) {
    if (!state_.emplace(node, State::OnPath).second) return false;
    path_.push_back(Step{node});
    return true;
  }
  const ActorPath* next_of(Step& step) const {
    const auto place = edges_.find(step.node);
    if (place == edges_.end() || step.next == place->second.size()) return nullptr;
    return &place->second[step.next++];
  }
  void add_ring_since(const ActorPath& node) {
    std::vector<ActorPath> ring;
    for (const Step& step : path_)
      if (!ring.empty() || step.node == node) ring.push_back(step.node);
    for (const ActorPath& actor : ring)
      if (in_ring_.contains(actor)) return;
    in_ring_.insert(ring.begin(), ring.end());
    rings_.push_back(std::move(ring));
  }

  const Edges& edges_;
  std::vector<std::vector<ActorPath>>& rings_;
  std::set<ActorPath> in_ring_;
  std::map<ActorPath, State> state_;
  std::vector<Step> path_;
};

void find_cycles(WaitGraph& graph) {
  Edges edges;
  for (const WaitEdge& edge : graph.edges) edges[edge.from].push_back(edge.to);
  RingFinder finder(edges, graph.cycles);
  for (const auto& [node, targets] : edges) finder.look_from(node);
}

}  // namespace

std::string WaitGraph::to_string() const {
  std::string text;
  for (const WaitEdge& edge : edges)
    text +=
        fmt::format("{} waits for {} ({})\n", edge.from.view(), edge.to.view(), edge.message_type);
  for (const auto& cycle : cycles) {
    text += "cycle: ";
    for (const ActorPath& actor : cycle) text += fmt::format("{} -> ", actor.view());
    text += fmt::format("{}\n", cycle.front().view());
  }
  for (const ActorPath& actor : silent) text += fmt::format("{} does not answer\n", actor.view());
  return text;
}

namespace detail {

namespace {

Task<void> look_at(CellRef cell, WaitGraphOptions options, WaitGraph& graph) {
  const TakeSnapshot question(SIZE_MAX, false, true);
  SnapshotAwaiter awaiter(*cell, question, options.actor_timeout);
  Result<Snapshot> answered = co_await awaiter;
  if (!answered) {
    if (answered.error().kind() == ActorRefErrKind::Timeout)
      graph.silent.push_back(cell->full_path());
    co_return;
  }
  for (Waiter& waiter : answered->waiters)
    if (graph.edges.size() < options.max_edges)
      graph.edges.push_back(WaitEdge{waiter.cell->full_path(), answered->self.path,
                                     std::string(waiter.message_type)});
  std::vector<Task<void>> children;
  children.reserve(answered->children.size());
  for (CellRef& child : answered->children)
    children.push_back(look_at(std::move(child), options, graph));
  co_await when_all(std::move(children));
}

Task<WaitGraph> take_wait_graph(std::vector<CellRef> cells, WaitGraphOptions options) {
  WaitGraph graph;
  std::vector<Task<void>> tasks;
  tasks.reserve(cells.size());
  for (CellRef& cell : cells) tasks.push_back(look_at(std::move(cell), options, graph));
  co_await when_all(std::move(tasks));
  find_cycles(graph);
  co_return graph;
}

}  // namespace
}  // namespace detail

Task<WaitGraph> ActorSystem::wait_graph(WaitGraphOptions options) const {
  std::vector<detail::CellRef> cells;
  core_->list_users(cells);
  return detail::take_wait_graph(std::move(cells), options);
}

}  // namespace coerce
