#include "remote/core.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/system_core.hpp"
#include "remote/cluster_worker.hpp"
#include "remote/parts.hpp"

namespace coerce::detail {

RemoteCore::RemoteCore(NodeSettings settings) : settings_(std::move(settings)) {}
RemoteCore::~RemoteCore() = default;

void RemoteCore::started(const ActorSystem& system) {
  world_.emplace(system);
  if (!settings_.transport) settings_.transport = settings_.make_transport(world_->system());
  if (settings_.id == 0) settings_.id = 1 + world_->rng().below(kMaxNodeId);
  if (settings_.tag.empty()) settings_.tag = system.system_name().str();
  const RemoteLimits& limits = settings_.limits;
  services_.emplace(*world_, limits.max_questions);
  PeerOptions options;
  options.request_timeout = limits.request_timeout;
  options.high_water = limits.high_water;
  options.low_water = limits.high_water / 4;
  options.max_requests = limits.max_requests;
  options.max_inbound_requests = limits.max_inbound_requests;
  options.ping_interval = settings_.heartbeat.interval;
  options.write_deadline = limits.write_deadline;
  options.silence_deadline = (settings_.heartbeat.unhealthy_node_heartbeat_timeout +
                              settings_.heartbeat.terminated_node_heartbeat_timeout) /
                             2;
  peers_.emplace(*world_, *this, options);
  become(describe({}));
  membership_.emplace(self(), settings_.heartbeat,
                      SeedMembership::Limits{limits.max_nodes, limits.ended_nodes_listed},
                      world_->clock(), [this](NodeId to, BytesView message) {
                        const auto peer = peers_->find(to);
                        return peer && peer->tell(InternalKind::Members, message);
                      });
  LinksHost& host = *this;
  links_.emplace(*world_, host, *peers_, settings_);
  membership_->listen([this](NodeChange change, const NodeDescription& node) {
    world_->log(LogLevel::Info, "node {} ({}) at {} {}", node.id, printable(node.tag),
                printable(node.address), change == NodeChange::Up ? "is up" : "is gone");
    if (change == NodeChange::Lost) peers_->retire(node, "the node is gone");
  });
  serve(InternalKind::Members,
        [this](const NodeDescription& from, Bytes message) { return told(from, message); });
  attach_parts(*this);
  attach_modules(*this);
}

// ---- this node ----------------------------------------------------------------------------------

NodeDescription RemoteCore::describe(std::string address) {
  NodeDescription node;
  node.id = settings_.id;
  node.incarnation.started =
      static_cast<std::uint64_t>(world_->clock().wall_now().time_since_epoch().count());
  std::array<std::uint8_t, sizeof(std::uint64_t)> random{};
  settings_.transport->random_bytes(random);
  std::memcpy(&node.incarnation.random, random.data(), random.size());
  node.address = std::move(address);
  node.tag = settings_.tag;
  node.version = settings_.version;
  node.attributes = settings_.attributes;
  node.roles = settings_.roles;
  return node;
}

void RemoteCore::become(NodeDescription self) {
  const std::lock_guard guard(mutex_);
  selves_.push_back(std::move(self));
  self_.store(&selves_.back(), std::memory_order_release);
}

void RemoteCore::begin_anew(std::string address, bool forget_addresses) {
  become(describe(std::move(address)));
  membership_->begin_anew(self(), forget_addresses);
}

CellRef RemoteCore::find_actor(const ActorId& id) noexcept {
  CellRef cell(world_->core().registry().find(id.view()));
  if (cell.get() != nullptr && cell->live_shard >= SystemCore::kLiveShards) return CellRef();
  return cell;
}

// ---- links --------------------------------------------------------------------------------------

void RemoteCore::linked(const std::shared_ptr<Peer>& peer) {
  if (!peers_->keep(*peer)) return;
  membership_->linked(peer->node());
  for (const LinkListener& listener : link_listeners_) listener(peer);
}

void RemoteCore::unlinked(const std::shared_ptr<Peer>& peer, bool goodbye) {
  if (goodbye)
    world_->log(LogLevel::Info, "node {} ({}) says goodbye", peer->node_id(),
                printable(peer->node().tag));
  for (const UnlinkListener& listener : unlink_listeners_) listener(peer, goodbye);
  membership_->unlinked(peer->node(), goodbye);
  refresh();
}

void RemoteCore::heard(Peer& peer, Duration latency) noexcept {
  if (peers_->is_current(peer)) membership_->heard(peer.node_id(), latency);
}

Task<Result<Bytes>> RemoteCore::told(NodeDescription from, Bytes message) {
  membership_->told(from, message);
  refresh();
  co_return Bytes();
}

void RemoteCore::refresh() {
  if (const auto its_worker = worker()) its_worker->dialler->refresh();
}

// Nobody goes on as an incarnation that others believe to be lost. Of two parts of a cluster that
// find each other again, the one that sees less begins anew; the other waits for that, but not for
// ever, since perhaps both believe to see more. Then the younger one of the two nodes goes, or the
// one that was told so: if both waited for each other it would be for ever, and if both went nobody
// would be left to tell of the others.
void RemoteCore::removed(const NodeDescription& as, const NodeDescription& peer, bool by_other) {
  const Duration terminated = settings_.heartbeat.terminated_node_heartbeat_timeout;
  const bool sees_most = membership_->sees_most();
  const bool is_younger =
      std::pair(as.incarnation.started, as.id) > std::pair(peer.incarnation.started, peer.id);
  std::string address;
  {
    const std::lock_guard guard(mutex_);
    if (!worker_ || as.incarnation != self().incarnation) return;
    const TimePoint now = world_->now();
    if (!removed_latest_ || now - *removed_latest_ > 5 * terminated) removed_first_ = now;
    removed_latest_ = now;
    const bool may_go = (by_other || is_younger) && now - *removed_first_ >= 3 * terminated;
    const bool waits = sees_most && !may_go;
    const bool was_just_now = began_anew_ && now - *began_anew_ < terminated / 4;
    if (waits || was_just_now) return;
    began_anew_ = now;
    removed_latest_.reset();
    address = worker_->address;
  }
  world_->log(LogLevel::Warn, "this node was removed from the cluster and begins anew");
  begin_anew(std::move(address), false);
  refresh();
}

// ---- questions ----------------------------------------------------------------------------------

Task<Result<Bytes>> RemoteCore::ask(NodeId node, InternalKind kind, Bytes payload,
                                    Duration timeout) {
  if (node == self().id) return services_->serve_here(self(), kind, std::move(payload), timeout);
  return ask_peer(peers_->find(node), kind, std::move(payload), timeout);
}

Task<Result<Bytes>> RemoteCore::ask_peer(std::shared_ptr<Peer> peer, InternalKind kind,
                                         Bytes payload, Duration timeout) {
  if (!peer) co_return coerce::unexpected(ActorRefErr::Unreachable("the node is not known"));
  auto asking = peer->ask(kind, std::move(payload), timeout);
  auto answer = co_await asking;
  co_return answer;
}

Task<Result<Bytes>> RemoteCore::ask_again(std::shared_ptr<Peer> peer, InternalKind kind,
                                          Bytes payload, Duration timeout) {
  constexpr Duration kNextLink = std::chrono::seconds(1);
  constexpr Duration kPause = std::chrono::milliseconds(20);
  const TimePoint until = later(world_->now(), timeout);
  std::optional<TimePoint> failed;  // for the first time
  for (;;) {
    auto asking = peer->ask(kind, payload, std::max(until - world_->now(), Duration::zero()));
    auto answer = co_await asking;
    if (answer || answer.error().kind() != ActorRefErrKind::Unreachable) co_return answer;
    const TimePoint now = world_->now();
    if (!failed) failed = now;
    if (now - *failed >= kNextLink || until - now <= kPause || !peers_->is_current(*peer))
      co_return answer;
    const bool slept = co_await sleep_for(kPause);
    if (!slept) co_return answer;
  }
}

Task<Result<Bytes>> RemoteCore::ask_again(NodeId node, InternalKind kind, Bytes payload,
                                          Duration timeout) {
  if (node == self().id) return services_->serve_here(self(), kind, std::move(payload), timeout);
  auto peer = peers_->find(node);
  if (!peer) return ask_peer(nullptr, kind, std::move(payload), timeout);
  return ask_again(std::move(peer), kind, std::move(payload), timeout);
}

Result<void> RemoteCore::tell(NodeId node, InternalKind kind, Bytes payload) {
  if (node == self().id) {
    auto serving = [](Services& services, NodeDescription self, InternalKind what, Bytes bytes,
                      Duration limit) -> Task<void> {
      auto task = services.serve_here(std::move(self), what, std::move(bytes), limit);
      (void)co_await task;
    };
    if (!world_->spawn(serving(*services_, self(), kind, std::move(payload),
                               settings_.limits.request_timeout)))
      return coerce::unexpected(ActorRefErr::Overloaded("the system takes no more tasks"));
    return {};
  }
  const auto peer = peers_->find(node);
  if (!peer) return coerce::unexpected(ActorRefErr::Unreachable("the node is not known"));
  return peer->tell(kind, payload);
}

void RemoteCore::serve(const std::shared_ptr<Peer>& peer, InternalKind kind, Bytes payload,
                       std::optional<std::uint64_t> ask) {
  if (peers_->is_current(*peer)) {
    services_->serve(peer, kind, std::move(payload), ask);
  } else if (ask) {  // its node is lost, only the link does not know yet
    peer->answer(*ask, coerce::unexpected(ActorRefErr::Unauthorised("you are no member any more")));
  }
}

void RemoteCore::take_in_order(Peer& peer, InternalKind kind, std::uint64_t number,
                               BytesView payload) {
  if (peers_->is_current(peer)) services_->take_in_order(peer.node(), kind, number, payload);
}

// ---- references ---------------------------------------------------------------------------------

Task<Result<ActorStatus>> RemoteCore::status_of(std::shared_ptr<Peer> peer, ActorId id) {
  return operations_->status_of(std::move(peer), std::move(id));
}
Task<Result<void>> RemoteCore::stop_of(std::shared_ptr<Peer> peer, ActorId id) {
  return operations_->stop_of(std::move(peer), std::move(id));
}
Task<DescribeResult> RemoteCore::describe_of(std::shared_ptr<Peer> peer, ActorId id,
                                             DescribeOptions options) {
  return operations_->describe_of(std::move(peer), std::move(id), options);
}
Result<void> RemoteCore::watch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                                  ForeignCell& target) {
  return operations_->watch_of(peer, watcher, target);
}
void RemoteCore::unwatch_of(const std::shared_ptr<Peer>& peer, Cell& watcher,
                            ForeignCell& target) noexcept {
  operations_->unwatch_of(peer, watcher, target);
}

// ---- the end ------------------------------------------------------------------------------------

std::shared_ptr<ClusterWorker> RemoteCore::worker() const {
  const std::lock_guard guard(mutex_);
  return worker_;
}

std::shared_ptr<ClusterWorker> RemoteCore::drop_worker() {
  const std::lock_guard guard(mutex_);
  return std::exchange(worker_, nullptr);
}

Task<void> RemoteCore::say_goodbye(TimePoint until) {
  std::vector<Task<void>> drains;
  for (const auto& peer : peers_->all()) drains.push_back(peer->drain(until));
  co_await when_all(std::move(drains));
}

Task<void> RemoteCore::leave(TimePoint until) {
  const auto left = std::make_shared<AsyncEvent>();
  std::shared_ptr<ClusterWorker> its_worker;
  std::shared_ptr<AsyncEvent> other;
  {
    const std::lock_guard guard(mutex_);
    its_worker = std::exchange(worker_, nullptr);
    other = its_worker ? std::exchange(left_, left) : left_;
  }
  if (!its_worker) {
    if (other) (void)co_await other->wait();
    co_return;
  }
  its_worker->close();
  membership_->announce_leaving();
  auto goodbye = say_goodbye(until);
  co_await goodbye;
  begin_anew({}, true);
  left->set();
}

Task<void> RemoteCore::stop_accepting(TimePoint) {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  if (const auto its_worker = drop_worker()) its_worker->close();
  membership_->announce_leaving();
  co_return;
}

Task<void> RemoteCore::stop(TimePoint deadline) {
  const TimePoint enough = later(world_->now(), settings_.limits.drain_timeout);
  auto goodbye = say_goodbye(std::min(deadline, enough));
  co_await goodbye;
  world_->close();
  for (const auto& peer : peers_->all()) peers_->retire(peer->node(), "this node has ended");
}

}  // namespace coerce::detail
