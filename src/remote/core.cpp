#include "remote/core.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <coerce/runtime/boot_clock.hpp>
#include <coerce/runtime/detail/timer.hpp>
#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "actor/system_core.hpp"
#include "remote/cluster_worker.hpp"
#include "remote/parts.hpp"

namespace coerce::detail {

namespace {

/// Clocks of tests never sleep.
std::function<TimePoint()> boot_time_of(const Clock& clock) {
  if (dynamic_cast<const SystemClock*>(&clock) != nullptr)
    return [] { return TimePoint(SystemBootClock::since_boot()); };
  return [&clock] { return clock.now(); };
}

}  // namespace

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
  membership_ = make_membership(MembershipSetup{
      .self = self(),
      .heartbeat = settings_.heartbeat,
      .downing = settings_.downing,
      .max_nodes = limits.max_nodes,
      .ended_listed = limits.ended_nodes_listed,
      .tombstones_kept = limits.removed_nodes_remembered,
      .clock = world_->clock(),
      .boot_now = boot_time_of(world_->clock()),
      .rng = world_->rng(),
      .tell =
          [this](NodeId to, BytesView message) {
            const auto peer = peers_->find(to);
            return peer && peer->tell(InternalKind::Members, message, Outbox::Importance::Vital);
          },
      .removed = [this](std::string_view why) { lost_to_others(why); },
      .log = [this](std::string_view line) { world_->log(LogLevel::Info, "{}", line); }});
  LinksHost& host = *this;
  links_.emplace(*world_, host, *peers_, settings_);
  membership_->listen([this](NodeChange change, const NodeDescription& node) {
    world_->log(LogLevel::Info, "node {} ({}) at {} {}", node.id, printable(node.tag),
                printable(node.address), change == NodeChange::Up ? "is up" : "is gone");
    if (change == NodeChange::Lost) peers_->retire(node, "the node is gone");
  });
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

// One at a time: what this node says in its hellos and what its membership believes it to be is the
// same.
void RemoteCore::begin_anew(std::string address, bool forget_addresses) {
  const std::lock_guard guard(beginning_anew_);
  become(describe(std::move(address)));
  membership_->begin_anew(self(), forget_addresses);
  for (const auto& peer : peers_->all()) peers_->retire(peer->node(), "this node begins anew");
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
  if (goodbye && !membership_->is_member(peer->node_id(), peer->node().incarnation))
    peers_->retire(peer->node(), "the node has left");
  refresh();
}

void RemoteCore::heard(Peer& peer, Duration latency) noexcept {
  if (peers_->is_current(peer)) membership_->heard(peer.node_id(), latency);
}

void RemoteCore::nobody_at(const std::string& address) {
  membership_->refused(address);
  refresh();
}

void RemoteCore::refresh() {
  if (const auto its_worker = worker()) its_worker->dialler->refresh();
}

// Nobody goes on as an incarnation that others believe to be lost. Where two parts of a cluster
// have removed each other, only one of the two nodes goes, so that one is left to tell of the
// others.
void RemoteCore::removed(const NodeDescription& as, const NodeDescription& peer) {
  if (as.incarnation != self().incarnation) return;
  const auto welcome = membership_->admit(peer, {});
  const bool is_mutual = !welcome && welcome.error().kind() == ActorRefErrKind::Fenced;
  const bool is_younger =
      std::pair(as.incarnation.started, as.id) > std::pair(peer.incarnation.started, peer.id);
  if (!is_mutual || is_younger) lost_to_others("it was removed from the cluster");
}

void RemoteCore::lost_to_others(std::string_view why) {
  const auto its_worker = worker();
  if (!its_worker || is_leaving_.load()) return;
  world_->log(LogLevel::Warn, "this node begins anew: {}", why);
  begin_anew(its_worker->address, false);
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
  const bool is_current = peers_->is_current(*peer);
  if (kind == InternalKind::Members && !ask) {
    // At once and in order, however much else is being asked.
    if (!is_current) return;
    membership_->told(peer->node(), payload);
    refresh();
  } else if (!is_current) {  // its node is lost, only the link does not know yet
    if (ask)
      peer->answer(*ask,
                   coerce::unexpected(ActorRefErr::Unauthorised("you are no member any more")));
  } else if (may_ask(*peer) || !services_->knows(kind)) {
    services_->serve(peer, kind, std::move(payload), ask);
  } else {
    ask_later(peer, kind, std::move(payload), ask);
  }
}

void RemoteCore::take_in_order(Peer& peer, InternalKind kind, std::uint64_t number,
                               BytesView payload) {
  if (!peers_->is_current(peer)) return;
  if (may_ask(peer))
    services_->take_in_order(peer.node(), kind, number, payload);
  else
    refuse_stranger(peer, kind, std::nullopt);
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

Task<void> RemoteCore::hand_over(TimePoint until) {
  membership_->begin_leaving();
  std::vector<Task<void>> hand_overs;
  for (const LeavingHook& hook : leaving_hooks_) hand_overs.push_back(hook(until));
  co_await when_all(std::move(hand_overs));
}

Task<void> RemoteCore::wait_until_left(TimePoint until) {
  auto handing_over = hand_over(until);
  co_await handing_over;
  membership_->end_leaving();
  constexpr Duration kBetweenLooks = std::chrono::milliseconds(5);
  while (!membership_->has_left() && world_->now() < until) {
    const bool slept = co_await sleep_for(kBetweenLooks);
    if (!slept) co_return;
  }
}

Task<void> RemoteCore::leave(TimePoint until) {
  const auto left = std::make_shared<AsyncEvent>();
  std::shared_ptr<AsyncEvent> other;
  bool is_mine = false;
  {
    const std::lock_guard guard(mutex_);
    is_mine = worker_ && !is_leaving_.exchange(true);
    other = is_mine ? std::exchange(left_, left) : left_;
  }
  if (!is_mine) {
    if (other) (void)co_await other->wait();
    co_return;
  }
  auto waiting = wait_until_left(until);
  co_await waiting;
  if (const std::shared_ptr<ClusterWorker> its_worker = drop_worker()) its_worker->close();
  auto goodbye = say_goodbye(until);
  co_await goodbye;
  begin_anew({}, true);
  is_leaving_ = false;
  left->set();
}

// While the actors still run, and this node is still a member: what it hands over is stopped in
// order, and what is sent to it meanwhile waits for its next host.
Task<void> RemoteCore::stop_accepting(TimePoint deadline) {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  is_leaving_ = true;
  auto handing_over =
      hand_over(std::min(deadline, later(world_->now(), settings_.limits.drain_timeout)));
  co_await handing_over;
}

Task<void> RemoteCore::stop(TimePoint deadline) {
  const TimePoint enough = std::min(deadline, later(world_->now(), settings_.limits.drain_timeout));
  if (worker()) {
    auto waiting = wait_until_left(enough);
    co_await waiting;
  }
  if (const auto its_worker = drop_worker()) its_worker->close();
  auto goodbye = say_goodbye(enough);
  co_await goodbye;
  world_->close();
  for (const auto& peer : peers_->all()) peers_->retire(peer->node(), "this node has ended");
}

}  // namespace coerce::detail
