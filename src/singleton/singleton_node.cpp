#include "singleton/singleton_node.hpp"

#include <algorithm>

#include <coerce/runtime/when.hpp>

#include "coerce/singleton/v1/singleton.pb.h"
#include "remote/parts.hpp"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostSingletons = 256;  ///< of one node
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kLongestFailure = 1024;

const ModuleOfNodes kModule([](RemoteCore& core) {
  core.keep(std::make_shared<SingletonNode>(core));
});

Bytes answer_bytes(ClaimVerdict verdict) {
  singleton::v1::ClaimAnswer answer;
  answer.set_verdict(static_cast<singleton::v1::ClaimAnswer::Verdict>(verdict));
  return to_bytes(answer);
}

Result<HostedSingletons> hosted_in(const singleton::v1::Hosts& message) {
  HostedSingletons hosted;
  for (const auto& one : message.singletons()) {
    if (one.name().size() > kLongestName || one.failure().size() > kLongestFailure)
      return coerce::unexpected(
          ActorRefErr::Deserialisation("a text about a singleton is too long"));
    hosted[one.name()] = {one.view(), one.failure(), one.failures()};
  }
  if (hosted.size() > kMostSingletons)
    return coerce::unexpected(ActorRefErr::Overloaded("one node hosts at most 256 singletons"));
  return hosted;
}

}  // namespace

SingletonNode::SingletonNode(RemoteCore& core) : core_(core), news_(core) {
  core.serve(InternalKind::SingletonClaim, [this](const NodeDescription& from, Bytes question) {
    return answer_claim(from, std::move(question));
  });
  core.serve(InternalKind::SingletonHosts, [this](const NodeDescription& from, Bytes message) {
    return take_hosts(from, std::move(message));
  });
  core.on_node([this](NodeChange change, const NodeDescription& node) {
    if (change != NodeChange::Up) lost(node);
  });
  core.on_cluster([this](const ClusterState& state) { changed(state); });
  core.on_leaving([this](TimePoint until) { return hand_over(until); });
}

Result<SingletonProxyRef> SingletonNode::build(SingletonSetup setup) {
  const std::lock_guard guard(mutex_);
  auto place = entries_.find(setup.name);
  if (place == entries_.end()) {
    if (entries_.size() >= kMostSingletons)
      return coerce::unexpected(ActorRefErr::Overloaded("one node has at most 256 singletons"));
    const Duration timeout = setup.timeout.value_or(core_.settings().limits.request_timeout);
    Entry entry{setup.type, setup.role, nullptr, nullptr};
    entry.proxy = std::make_shared<NodeProxy>(core_.world(), setup.name, setup.capacity, timeout);
    place = entries_.emplace(setup.name, std::move(entry)).first;
  }
  Entry& entry = place->second;
  if (entry.type.actor_key != setup.type.actor_key || entry.role != setup.role)
    return coerce::unexpected(ActorRefErr::AlreadyExists(singleton_id(setup.name)));
  if (setup.start && !entry.keeper) {
    KeeperListener& listener = *this;
    auto keeper = std::make_shared<SingletonKeeper>(core_, listener, std::move(setup));
    if (!keeper->begin(state_))
      return coerce::unexpected(ActorRefErr::Overloaded("the system takes no more tasks"));
    entry.keeper = std::move(keeper);
  }
  lead(place->first);
  return SingletonProxyRef(entry.proxy);
}

// ---- where they are -----------------------------------------------------------------------------

std::optional<SingletonRoute> SingletonNode::route_to(const Entry& entry, const std::string& name,
                                                      NodeId node, std::uint64_t view) const {
  if (node == core_.self().id) {
    const auto actor = actors_.find(name);
    if (actor == actors_.end()) return std::nullopt;
    return SingletonRoute{actor->second, node, view};
  }
  auto peer = core_.peer(node);
  const auto report = reports_.find(node);
  if (!peer || report == reports_.end() || name_of(peer->node()) != report->second.node)
    return std::nullopt;
  auto actor = ForeignCell::make(core_.world().core(), singleton_id(name), entry.type.actor_key,
                                 entry.type.name, std::move(peer));
  return SingletonRoute{std::move(actor), node, view};
}

// Of two that say so one that runs it, and then the one that was chosen later: the other has not
// heard of it yet.
void SingletonNode::lead(const std::string& name) {
  const auto place = entries_.find(name);
  if (place == entries_.end()) return;
  Entry& entry = place->second;
  NodeId node = 0;
  const HostedSingleton* best = nullptr;
  const auto consider = [&](NodeId its_node, const HostedSingletons& hosted) {
    const auto found = hosted.find(name);
    if (found == hosted.end()) return;
    const auto rank = [](const HostedSingleton& one) {
      return std::pair(one.failure.empty(), one.view);
    };
    if (best != nullptr && rank(found->second) <= rank(*best)) return;
    best = &found->second;
    node = its_node;
  };
  consider(core_.self().id, hosted_);
  for (const auto& [id, report] : reports_) consider(id, report.hosted);
  if (best == nullptr || !best->failure.empty()) {
    entry.proxy->lead(std::nullopt);
    if (best == nullptr || entry.failure == std::pair(node, best->failures)) return;
    entry.failure = {node, best->failures};
    entry.proxy->start_failed(best->failure);
    return;
  }
  auto route = route_to(entry, name, node, best->view);
  entry.proxy->lead(std::move(route));
}

void SingletonNode::lead_all() {
  for (const auto& [name, entry] : entries_) lead(name);
}

Task<Result<Bytes>> SingletonNode::take_hosts(NodeDescription from, Bytes bytes) {
  const auto message = from_bytes<singleton::v1::Hosts>(bytes);
  if (!message) co_return coerce::unexpected(message.error());
  auto hosted = hosted_in(*message);
  if (!hosted) co_return coerce::unexpected(std::move(hosted).error());
  const std::lock_guard guard(mutex_);
  // The loss of the node may have been told while this waited.
  const auto peer = core_.peer(from.id);
  if (!peer || peer->node().incarnation != from.incarnation)
    co_return coerce::unexpected(ActorRefErr::Unauthorised("you are no member any more"));
  Report& report = reports_[from.id];
  if (report.node == name_of(from) && message->number() <= report.number) co_return Bytes();
  report = {name_of(from), message->number(), std::move(*hosted)};
  lead_all();
  co_return Bytes();
}

void SingletonNode::lost(const NodeDescription& node) {
  const std::lock_guard guard(mutex_);
  const auto place = reports_.find(node.id);
  if (place == reports_.end() || place->second.node != name_of(node)) return;
  reports_.erase(place);
  lead_all();
}

// ---- what runs here -----------------------------------------------------------------------------

void SingletonNode::hosts(const std::string& name, const CellRef& actor, std::uint64_t view) {
  const std::lock_guard guard(mutex_);
  actors_.insert_or_assign(name, actor);
  hosted_[name] = {.view = view};
  news_.set(hosted_);
  lead(name);
}

void SingletonNode::hosts_no_more(const std::string& name) {
  const std::lock_guard guard(mutex_);
  actors_.erase(name);
  hosted_.erase(name);
  news_.set(hosted_);
  lead(name);
}

void SingletonNode::start_failed(const std::string& name, std::uint64_t view, std::string why) {
  if (why.size() > kLongestFailure) why.resize(kLongestFailure);
  const std::lock_guard guard(mutex_);
  hosted_[name] = {
      .view = view, .failure = printable(why, kLongestFailure), .failures = ++failures_};
  news_.set(hosted_);
  lead(name);
}

// ---- the cluster --------------------------------------------------------------------------------

void SingletonNode::changed(const ClusterState& state) {
  const std::lock_guard guard(mutex_);
  state_ = std::make_shared<const ClusterState>(state);
  for (const auto& [name, entry] : entries_)
    if (entry.keeper) entry.keeper->change(state_);
  news_.members_changed(state.members);
}

Task<Result<Bytes>> SingletonNode::answer_claim(NodeDescription from, Bytes bytes) {
  const auto claim = from_bytes<singleton::v1::Claim>(bytes);
  if (!claim) co_return coerce::unexpected(claim.error());
  std::shared_ptr<SingletonKeeper> keeper;
  ClaimVerdict verdict = ClaimVerdict::NotYet;
  {
    const std::lock_guard guard(mutex_);
    const auto place = entries_.find(claim->name());
    if (place != entries_.end()) keeper = place->second.keeper;
    // If it is built here later, this node asks the other one first: it is in the same view.
    const bool is_in_view =
        claim->view() == state_->number &&
        std::ranges::find(state_->members, name_of(from), &name_of) != state_->members.end();
    if (is_in_view) verdict = ClaimVerdict::Granted;
  }
  if (!keeper) co_return answer_bytes(verdict);
  auto answering = keeper->answer(std::move(from), claim->view());
  verdict = co_await answering;
  co_return answer_bytes(verdict);
}

Task<void> SingletonNode::hand_over(TimePoint until) {
  std::vector<Task<void>> all;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [name, entry] : entries_)
      if (entry.keeper) all.push_back(entry.keeper->hand_over(until));
  }
  co_await when_all(std::move(all));
}

Task<Result<SingletonProxyRef>> build_singleton(RemoteActorSystem node, SingletonSetup setup) {
  co_return node.core().part<SingletonNode>()->build(std::move(setup));
}

}  // namespace coerce::detail
