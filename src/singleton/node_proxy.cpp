#include "singleton/node_proxy.hpp"

#include <algorithm>

#include "remote/peer.hpp"

namespace coerce::detail {

namespace {

/// A link that comes back is not told; the host is looked at again.
constexpr Duration kBetweenLooks = std::chrono::milliseconds(50);

/// Can what is sent go to the actor, or to its node?
bool takes(Cell& cell) {
  if (ForeignCell* foreign = as_foreign(cell))
    return static_cast<const Peer&>(*foreign->port).is_connected();
  return cell.status.load(std::memory_order_acquire) < ActorStatus::Stopping;
}

ActorRefErr not_found_in_time(Duration waited) {
  return ErrorAccess::restore(ActorRefErrKind::Timeout, ActorRefErrOutcome::NotDelivered, {}, {},
                              {}, "no node runs the singleton", waited);
}

ActorRefErr too_many() { return ActorRefErr::Overloaded("too much waits for the singleton"); }

}  // namespace

class NodeProxy::Place {
 public:
  explicit Place(NodeProxy& proxy) noexcept : proxy_(proxy) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const std::lock_guard guard(proxy_.mutex_);
    --proxy_.waiting_;
  }

 private:
  NodeProxy& proxy_;
};

void NodeProxy::lead(std::optional<SingletonRoute> route) {
  const std::lock_guard guard(mutex_);
  route_ = std::move(route);
  tell();
}

void NodeProxy::start_failed(std::string_view why) {
  const std::lock_guard guard(mutex_);
  ++failures_;
  failure_ = why;
  tell();
}

std::optional<std::pair<NodeId, std::uint64_t>> NodeProxy::host() const {
  const std::lock_guard guard(mutex_);
  if (!route_) return std::nullopt;
  return std::pair(route_->node, route_->view);
}

bool NodeProxy::is_open() const { return route_ && takes(*route_->actor); }

void NodeProxy::tell() { std::exchange(changed_, std::make_shared<AsyncEvent>())->set(); }

// ---- sends --------------------------------------------------------------------------------------

Task<Result<CellRef>> NodeProxy::find(TimePoint until, std::optional<CellRef> gone) {
  const TimePoint began = now();
  std::uint64_t before = 0;  // notifies that go first
  std::uint64_t failures = 0;
  {
    const std::lock_guard guard(mutex_);
    if (!gone && queue_.empty() && is_open()) co_return route_->actor;
    if (waiting_ >= capacity_) co_return coerce::unexpected(too_many());
    ++waiting_;
    before = queued_;
    failures = failures_;
  }
  const Place place(*this);
  for (;;) {
    std::shared_ptr<AsyncEvent> changed;
    Duration rest = until - now();
    {
      const std::lock_guard guard(mutex_);
      if (failures_ != failures)
        co_return coerce::unexpected(ActorRefErr::ActorStartFailed(failure_));
      const bool is_same = gone && route_ && route_->actor.get() == gone->get();
      if (!is_same && settled_ >= before && is_open()) co_return route_->actor;
      if (route_) rest = std::min(rest, kBetweenLooks);
      changed = changed_;
    }
    if (now() >= until) co_return coerce::unexpected(not_found_in_time(now() - began));
    auto pausing = pause_unless(*changed, rest);
    const bool passed = co_await pausing;
    if (!passed && !changed->is_set()) co_return coerce::unexpected(ActorRefErr::Cancelled());
    gone.reset();  // perhaps it is there again
  }
}

// ---- notifies -----------------------------------------------------------------------------------

Result<void> NodeProxy::notify(std::unique_ptr<SingletonMessage> message) {
  CellRef actor;
  {
    const std::lock_guard guard(mutex_);
    if (!queue_.empty() || !is_open()) return queue(std::move(message));
    actor = route_->actor;
  }
  auto given = message->give(actor);
  if (given || takes(*actor) || !message->is_whole()) return given;
  const std::lock_guard guard(mutex_);
  return queue(std::move(message));
}

Result<void> NodeProxy::queue(std::unique_ptr<SingletonMessage> message) {
  if (waiting_ >= capacity_) return coerce::unexpected(too_many());
  if (!is_giving_ && !world_.spawn(give_all(shared_from_this())))
    return coerce::unexpected(ActorRefErr::Overloaded("the system takes no more tasks"));
  is_giving_ = true;
  ++waiting_;
  ++queued_;
  queue_.push_back({std::move(message), later(now(), timeout_)});
  return {};
}

void NodeProxy::drop_first() {
  queue_.pop_front();
  --waiting_;
  ++settled_;
  tell();
}

void NodeProxy::lose(std::string_view why) {
  lost_.fetch_add(1, std::memory_order_relaxed);
  world_.core().count_dead_letter();
  world_.log_limited(LogSource::node(0), LogLevel::Warn,
                     "a message to the singleton {} is lost: {}", name_, why);
}

Task<void> NodeProxy::give_all(std::shared_ptr<NodeProxy> self) {
  for (;;) {
    std::shared_ptr<AsyncEvent> changed;
    CellRef actor;
    SingletonMessage* message = nullptr;  // this task alone takes from the queue
    Duration rest{};
    bool is_late = false;
    {
      const std::lock_guard guard(self->mutex_);
      if (self->queue_.empty()) {
        self->is_giving_ = false;
        co_return;
      }
      const Waiting& first = self->queue_.front();
      message = first.message.get();
      rest = first.until - self->now();
      is_late = rest <= Duration::zero();
      if (self->is_open()) actor = self->route_->actor;
      if (self->route_) rest = std::min(rest, kBetweenLooks);
      changed = self->changed_;
      if (is_late) self->drop_first();
    }
    if (is_late) {
      self->lose("no node runs it");
      continue;
    }
    if (actor.get() != nullptr) {
      const auto given = message->give(actor);
      if (given || takes(*actor) || !message->is_whole()) {
        {
          const std::lock_guard guard(self->mutex_);
          self->drop_first();
        }
        if (!given) self->lose(given.error().to_string());
        continue;
      }
    }
    auto pausing = pause_unless(*changed, rest);
    const bool passed = co_await pausing;
    if (passed || changed->is_set()) continue;
    const std::lock_guard guard(self->mutex_);
    self->is_giving_ = false;  // the system ends
    co_return;
  }
}

ActorRefErr lost_its_lease() {
  return ActorRefErr::Fenced("the singleton lost its lease while it handled the message");
}

bool is_elsewhere(const ActorRefErr& error, const CellRef& host) noexcept {
  return error.kind() == ActorRefErrKind::NotFound && error.actor_id() == host->id() &&
         as_foreign(*host) != nullptr;
}

}  // namespace coerce::detail
