#include "cluster/cluster_world.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace coerce::test {

using detail::View;

namespace {

/// Time between two looks at all nodes.
constexpr Duration kBetweenLooks = std::chrono::milliseconds(10);

}  // namespace

ClusterWorld::ClusterWorld(testkit::Simulation& simulation, Setup setup)
    : sim(simulation), setup_(std::move(setup)) {
  lists_ = equal_lists();
}

ClusterWorld::Lists ClusterWorld::equal_lists() {
  Lists lists;
  for (NodeId id = 1; id <= sim.nodes(); ++id) {
    std::vector<std::string> all;
    for (NodeId other = 1; other <= sim.nodes(); ++other)
      all.insert(all.begin() + static_cast<std::ptrdiff_t>(sim.draw(all.size() + 1)),
                 address_of(sim.node(other)));
    lists[id] = std::move(all);
  }
  return lists;
}

void ClusterWorld::start(NodeId id) {
  Node& node = nodes_[id];
  node = Node{};
  node.remote.emplace(build_node(sim.node(id), [&](RemoteActorSystemBuilder& builder) {
    if (setup_) setup_(builder, id);
  }));
  auto worker = worker_of(sim.node(id), *node.remote, lists_[id]);
  worker.join_timeout(join_timeout_);
  node.starting = begin_start(sim.node(id), std::move(worker));
  node.is_alive = true;
}

void ClusterWorld::start_all() {
  for (NodeId id = 1; id <= sim.nodes(); ++id) start(id);
}

void ClusterWorld::crash(NodeId id, testkit::CrashKind kind) {
  nodes_.at(id).is_alive = false;
  sim.crash(id, kind);
}

void ClusterWorld::restart(NodeId id) {
  sim.restart(id);
  start(id);
}

void ClusterWorld::leave(NodeId id) {
  auto leaving = [](RemoteActorSystem remote) -> Task<void> {
    auto task = remote.leave();
    co_await task;
  };
  sim.node(id).system().spawn(leaving(*nodes_.at(id).remote));
}

// ---- what they know -----------------------------------------------------------------------------

const detail::ClusterMembership& ClusterWorld::membership(NodeId id) const {
  return static_cast<const detail::ClusterMembership&>(nodes_.at(id).remote->core().membership());
}
View ClusterWorld::view(NodeId id) const { return membership(id).view(); }
detail::ClusterState ClusterWorld::state(NodeId id) const { return membership(id).state(); }

bool ClusterWorld::acts_as_leader(NodeId id) const {
  const auto state = this->state(id);
  return state.leader == id && state.has_quorum;
}

std::set<NodeId> ClusterWorld::living() const {
  std::set<NodeId> ids;
  for (const auto& [id, node] : nodes_)
    if (node.is_alive) ids.insert(id);
  return ids;
}

bool ClusterWorld::is_cluster(const std::set<NodeId>& ids) const {
  const View first = view(*ids.begin());
  return first.ids() == ids && std::ranges::all_of(ids, [&](NodeId id) {
           return view(id) == first && state(id).has_quorum;
         });
}

void ClusterWorld::expect_cluster(const std::set<NodeId>& ids, Duration within) {
  if (!until([&] { return is_cluster(ids); }, within)) sim.fail("no such cluster: " + describe());
}

std::size_t ClusterWorld::lineages() const {
  std::set<detail::Lineage> all;
  for (const auto& [name, view] : views_) all.insert(name.first);
  return all.size();
}

std::string ClusterWorld::describe() const {
  std::string text;
  for (const auto& [id, node] : nodes_) {
    if (!node.is_alive) continue;
    const View its_view = view(id);
    std::vector<NodeId> members;
    for (const auto& member : its_view.members) members.push_back(member.node.id);
    text +=
        fmt::format("[{}: {:x} {} ({}){}] ", id, its_view.lineage.high & 0xffff, its_view.number,
                    fmt::join(members, " "), state(id).has_quorum ? "" : " without quorum");
  }
  return text;
}

// ---- the laws -----------------------------------------------------------------------------------

bool ClusterWorld::until(const std::function<bool()>& done, Duration within) {
  const bool is_done = sim.run_until(
      [&] {
        if (sim.now() - checked_ < kBetweenLooks) return false;
        checked_ = sim.now();
        check_laws();
        return done();
      },
      within);
  return is_done || done();
}

void ClusterWorld::check_laws() {
  for (auto& [id, node] : nodes_)
    if (node.is_alive && !sim.is_paused(id)) check_view(id, node);
  check_leaders();
}

void ClusterWorld::check_view(NodeId id, Node& node) {
  View now = view(id);
  if (now.number == 0 || now == node.seen) return;
  const auto& known = views_.try_emplace({now.lineage, now.number}, now).first->second;
  sim.check(known == now, "a number stands for one view: " + describe());
  sim.check(now.lineage != node.seen.lineage || now.number > node.seen.number,
            "what a node knows only gets newer: " + describe());
  for (const auto& [name, older] : views_) {
    if (name.first != now.lineage || name.second >= now.number) continue;
    for (const auto& member : now.members) {
      const bool was_in = older.find(detail::name_of(member.node)) != nullptr;
      sim.check(!was_in || member.since <= name.second,
                "whoever was removed does not come back: " + describe());
      sim.check(was_in || member.since != name.second || name.second == 0,
                "a member has been one since it says so: " + describe());
    }
  }
  node.seen = std::move(now);
}

void ClusterWorld::check_leaders() {
  std::map<detail::Lineage, NodeId> leaders;
  for (const NodeId id : living()) {
    if (sim.is_paused(id) || !acts_as_leader(id)) continue;
    const auto [place, is_only_one] = leaders.emplace(view(id).lineage, id);
    sim.check(is_only_one, fmt::format("{} and {} act as leaders of one lineage: {}", place->second,
                                       id, describe()));
    if (leaders.size() == 1 && leader_ != id) {
      if (leader_) ++leader_changes_;
      leader_ = id;
    }
  }
}

// ---- drawing ------------------------------------------------------------------------------------

Duration draw_time(testkit::Simulation& sim, Duration least, Duration most) {
  const auto range = std::chrono::duration_cast<std::chrono::milliseconds>(most - least).count();
  return least + std::chrono::milliseconds(sim.draw(1 + static_cast<std::uint64_t>(range)));
}

NodeId draw_node(testkit::Simulation& sim) { return 1 + sim.draw(sim.nodes()); }

std::pair<std::vector<NodeId>, std::vector<NodeId>> draw_sides(testkit::Simulation& sim) {
  for (;;) {
    std::vector<NodeId> one;
    std::vector<NodeId> other;
    for (NodeId id = 1; id <= sim.nodes(); ++id) (sim.draw(2) == 0 ? one : other).push_back(id);
    if (!one.empty() && !other.empty()) return {one, other};
  }
}

}  // namespace coerce::test
