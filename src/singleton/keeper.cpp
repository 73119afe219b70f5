#include "singleton/keeper.hpp"

#include <algorithm>

#include <coerce/runtime/when.hpp>

#include "coerce/singleton/v1/singleton.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kAskLimit = std::chrono::seconds(5);
constexpr Duration kStopLimit = std::chrono::seconds(3);  ///< below kAskLimit
constexpr Duration kAskAgain = std::chrono::milliseconds(100);
constexpr Duration kLeaseAgain = std::chrono::milliseconds(500);
constexpr Duration kRanWell = std::chrono::minutes(1);
constexpr unsigned kMostDoublings = 20;

/// Tells the keeper when the actor has ended.
class EndWatch : public Actor {
 public:
  static constexpr std::string_view type_name = "SingletonEndWatch";

  EndWatch(std::shared_ptr<SingletonKeeper> keeper, CellRef actor)
      : keeper_(std::move(keeper)), actor_(std::move(actor)) {}

  void started(ActorContext& ctx) {
    const auto watched = ctx.watch(BoxedActorRef(actor_));
    if (!watched) throw std::runtime_error(watched.error().to_string());
  }
  void handle(const ActorTerminated&, ActorContext&) { keeper_->ended(actor_->context_id()); }

 private:
  std::shared_ptr<SingletonKeeper> keeper_;
  CellRef actor_;
};

/// Waits; false: the task is asked to stop.
Task<bool> rest(std::shared_ptr<AsyncEvent> changed, Duration longest) {
  auto pausing = pause_unless(*changed, longest);
  const bool passed = co_await pausing;
  co_return passed || changed->is_set();
}

}  // namespace

ActorId singleton_id(std::string_view name) {
  return ActorId(std::string("singleton-").append(name));
}

SingletonKeeper::SingletonKeeper(RemoteCore& core, KeeperListener& listener, SingletonSetup setup)
    : core_(core),
      listener_(listener),
      setup_(std::move(setup)),
      id_(singleton_id(setup_.name)),
      state_(std::make_shared<const ClusterState>()) {}

bool SingletonKeeper::begin(ClusterStateRef state) {
  change(std::move(state));
  return core_.world().spawn(keep(shared_from_this()));
}

// ---- whose turn it is ---------------------------------------------------------------------------

std::optional<std::size_t> SingletonKeeper::place_of(const NodeName& node) const {
  const auto place = std::ranges::find(state_->members, node, &name_of);
  if (place == state_->members.end()) return std::nullopt;
  return static_cast<std::size_t>(place - state_->members.begin());
}

bool SingletonKeeper::is_leaving(NodeId node) const {
  return std::ranges::find(state_->leaving, node) != state_->leaving.end();
}

bool SingletonKeeper::can_host() const {
  const NodeDescription& self = core_.self();
  if (!setup_.role.empty() && !self.roles.contains(setup_.role)) return false;
  if (leaving_as_ == self.incarnation || is_leaving(self.id)) return false;
  return place_of(name_of(self)).has_value() && !core_.world().system().is_terminated();
}

bool SingletonKeeper::may_host() const {
  return state_->has_quorum && can_host() && std::ranges::none_of(better_, [&](const NodeName& n) {
           return place_of(n).has_value() && !is_leaving(n.id);
         });
}

void SingletonKeeper::change(ClusterStateRef state) {
  const std::lock_guard guard(mutex_);
  if (state->number != state_->number && phase_ == Phase::Claiming) become(Phase::Idle);
  state_ = std::move(state);
  std::erase_if(better_, [&](const NodeName& node) { return !place_of(node); });
  wake();
}

void SingletonKeeper::defer_to(const NodeName& better) {
  if (std::ranges::find(better_, better) == better_.end()) better_.push_back(better);
}

void SingletonKeeper::become(Phase phase) {
  if (phase_ == Phase::Claiming) ++claims_;
  if (phase_ == Phase::Hosting) idle_->set();
  phase_ = phase;
  if (phase == Phase::Hosting) idle_ = std::make_shared<AsyncEvent>();
}

void SingletonKeeper::wake() { std::exchange(changed_, std::make_shared<AsyncEvent>())->set(); }

// ---- the others ---------------------------------------------------------------------------------

std::optional<ClaimVerdict> SingletonKeeper::judge(const NodeDescription& from,
                                                   std::uint64_t view) {
  const auto place = place_of(name_of(from));
  if (view != state_->number || !place) return ClaimVerdict::NotYet;
  if (can_host()) {
    if (*place_of(name_of(core_.self())) < *place) return ClaimVerdict::Better;
    defer_to(name_of(from));
  }
  if (phase_ == Phase::Claiming) become(Phase::Idle);
  wake();
  if (phase_ == Phase::Idle) return ClaimVerdict::Granted;
  return std::nullopt;
}

Task<ClaimVerdict> SingletonKeeper::answer(NodeDescription from, std::uint64_t view) {
  std::shared_ptr<AsyncEvent> idle;
  {
    const std::lock_guard guard(mutex_);
    if (const auto verdict = judge(from, view)) co_return *verdict;
    idle = idle_;
  }
  auto stopping = pause_unless(*idle, kStopLimit);
  const bool is_late = co_await stopping;
  (void)is_late;
  const std::lock_guard guard(mutex_);
  co_return judge(from, view).value_or(ClaimVerdict::NotYet);
}

Task<ClaimVerdict> SingletonKeeper::ask(NodeDescription member, Bytes question) {
  const auto peer = core_.peer(member.id);
  if (!peer || peer->node().incarnation != member.incarnation) co_return ClaimVerdict::NotYet;
  auto asking = peer->ask(InternalKind::SingletonClaim, std::move(question), kAskLimit);
  const auto bytes = co_await asking;
  if (!bytes)  // a program without singletons runs none
    co_return bytes.error().kind() == ActorRefErrKind::NotSupported ? ClaimVerdict::Granted
                                                                    : ClaimVerdict::NotYet;
  const auto answer = from_bytes<singleton::v1::ClaimAnswer>(*bytes);
  if (!answer) co_return ClaimVerdict::NotYet;
  switch (answer->verdict()) {
    case singleton::v1::ClaimAnswer::GRANTED:
      co_return ClaimVerdict::Granted;
    case singleton::v1::ClaimAnswer::BETTER:
      co_return ClaimVerdict::Better;
    default:
      co_return ClaimVerdict::NotYet;
  }
}

Task<bool> SingletonKeeper::claim(ClusterStateRef state, std::uint64_t number) {
  singleton::v1::Claim message;
  message.set_name(setup_.name);
  message.set_view(state->number);
  const Bytes question = to_bytes(message);
  std::vector<NodeName> asked;
  std::vector<Task<ClaimVerdict>> asks;
  for (const NodeDescription& member : state->members) {
    if (member.id == core_.self().id) continue;
    asked.push_back(name_of(member));
    asks.push_back(ask(member, question));
  }
  auto asking = when_all(std::move(asks));
  const auto verdicts = co_await asking;
  const std::lock_guard guard(mutex_);
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (verdicts[i] == ClaimVerdict::Better && place_of(asked[i])) defer_to(asked[i]);
  if (claims_ != number || phase_ != Phase::Claiming) co_return false;  // it was given up
  const bool is_granted = std::ranges::all_of(
      verdicts, [](ClaimVerdict verdict) { return verdict == ClaimVerdict::Granted; });
  become(is_granted && may_host() ? Phase::Hosting : Phase::Idle);
  co_return phase_ == Phase::Hosting;
}

Task<void> SingletonKeeper::hand_over(TimePoint until) {
  std::shared_ptr<AsyncEvent> idle;
  {
    const std::lock_guard guard(mutex_);
    leaving_as_ = core_.self().incarnation;
    if (phase_ == Phase::Claiming) become(Phase::Idle);
    wake();
    if (phase_ == Phase::Idle) co_return;
    idle = idle_;
  }
  auto stopping = pause_unless(*idle, std::max(until - core_.world().now(), Duration::zero()));
  const bool is_late = co_await stopping;
  if (is_late)
    core_.world().log(LogLevel::Warn, "the singleton {} has not stopped in time", setup_.name);
}

// ---- the actor ----------------------------------------------------------------------------------

Task<void> SingletonKeeper::keep(std::shared_ptr<SingletonKeeper> self) {
  for (;;) {
    std::shared_ptr<AsyncEvent> changed;
    ClusterStateRef state;
    std::uint64_t number = 0;
    bool may = false;
    {
      const std::lock_guard guard(self->mutex_);
      changed = self->changed_;
      state = self->state_;
      may = self->may_host();
      if (may) {
        self->become(Phase::Claiming);
        number = self->claims_;
      }
    }
    if (!may) {
      const bool goes_on = co_await changed->wait();
      if (!goes_on) co_return;
      continue;
    }
    auto claiming = self->claim(state, number);
    const bool is_granted = co_await claiming;
    Duration pause = kAskAgain;
    if (is_granted) {
      auto hosting = self->host(state->number);
      const Turn turn = co_await hosting;
      if (turn == Turn::Over) self->tries_ = 0;
      pause = turn == Turn::Over    ? Duration::zero()
              : turn == Turn::Early ? self->next_backoff()
                                    : kLeaseAgain;
      const std::lock_guard guard(self->mutex_);
      changed = self->changed_;
    }
    auto resting = rest(changed, pause);
    const bool goes_on = co_await resting;
    if (!goes_on) co_return;
  }
}

Duration SingletonKeeper::next_backoff() {
  Duration pause = setup_.min_backoff;
  for (unsigned i = 0; i < std::min(tries_, kMostDoublings) && pause < setup_.max_backoff; ++i)
    pause *= 2;
  ++tries_;
  return std::min(pause, setup_.max_backoff);
}

// Null: not this node's. The others are told of nothing meanwhile: what they send waits.
Task<std::shared_ptr<HeldLease>> SingletonKeeper::take_lease() {
  const std::weak_ptr<SingletonKeeper> weak = weak_from_this();
  std::function<void()> lost = [weak] {
    const auto self = weak.lock();
    if (!self) return;
    const std::lock_guard guard(self->mutex_);
    self->wake();
  };
  auto acquiring = HeldLease::acquire(core_, "singleton/" + setup_.name, std::move(lost));
  auto lease = co_await acquiring;
  if (!lease && !std::exchange(waits_for_lease_, true))
    core_.world().log(LogLevel::Info, "the singleton {} waits for its lease", setup_.name);
  if (lease) waits_for_lease_ = false;
  co_return lease;
}

Task<SingletonKeeper::Turn> SingletonKeeper::host(std::uint64_t view) {
  const TimePoint began = core_.world().now();
  std::shared_ptr<HeldLease> lease;
  bool is_owner = true;
  if (core_.settings().leases) {
    auto taking = take_lease();
    lease = co_await taking;
    is_owner = lease != nullptr;
  }
  if (is_owner) {
    auto running = start_and_run(lease, view);
    co_await running;
  }
  if (lease) {
    is_owner = lease->ownership()->holds();
    auto releasing = lease->release();  // only now: nothing of the actor is left
    co_await releasing;
  }
  const std::lock_guard guard(mutex_);
  become(Phase::Idle);
  if (!is_owner) co_return Turn::NoOwner;
  const bool is_well = !may_host() || core_.world().now() - began >= kRanWell;
  co_return is_well ? Turn::Over : Turn::Early;
}

Task<void> SingletonKeeper::start_and_run(std::shared_ptr<HeldLease> lease, std::uint64_t view) {
  auto strategy = SupervisorStrategy::restart();
  strategy.backoff({.min = setup_.min_backoff, .max = setup_.max_backoff});
  SingletonRight right{lease ? lease->ownership() : nullptr, Epoch{view}};
  auto starting = setup_.start(core_.world().system(), id_, strategy, std::move(right));
  auto actor = co_await starting;
  if (actor) {
    auto running = run(std::move(*actor), std::move(lease), view);
    co_await running;
    co_return;
  }
  core_.world().log(LogLevel::Error, "the singleton {} does not start: {}", setup_.name,
                    printable(actor.error().to_string()));
  listener_.start_failed(setup_.name, view, actor.error().to_string());
}

void SingletonKeeper::ended(std::uint64_t context) {
  const std::lock_guard guard(mutex_);
  ended_ = context;
  wake();
}

bool SingletonKeeper::has_to_stop(const CellRef& actor,
                                  const std::shared_ptr<HeldLease>& lease) const {
  const bool is_owner = !lease || lease->ownership()->holds();
  return !may_host() || !is_owner || ended_ == actor->context_id();
}

Task<void> SingletonKeeper::run(CellRef actor, std::shared_ptr<HeldLease> lease,
                                std::uint64_t view) {
  core_.world().log(LogLevel::Info, "the singleton {} runs here, since view {}", setup_.name, view);
  auto watching = core_.world().system().new_anon_actor<EndWatch>(shared_from_this(), actor);
  const auto watch = co_await watching;
  listener_.hosts(setup_.name, actor, view);
  for (bool goes_on = watch.has_value(); goes_on;) {
    std::shared_ptr<AsyncEvent> changed;
    {
      const std::lock_guard guard(mutex_);
      if (has_to_stop(actor, lease)) break;
      changed = changed_;
    }
    if (lease) {
      auto resting = rest(changed, lease->time_left());
      goes_on = co_await resting;
    } else {
      goes_on = co_await changed->wait();
    }
  }
  listener_.hosts_no_more(setup_.name);
  auto stopping = stop_of(actor);
  (void)co_await stopping;  // InvalidRef: it had ended
  core_.world().log(LogLevel::Info, "the singleton {} runs here no more", setup_.name);
}

}  // namespace coerce::detail
