// Starting to listen, and finding the others.

#include <algorithm>

#include <coerce/runtime/detail/timer.hpp>
#include "remote/address.hpp"
#include "remote/cluster_worker.hpp"
#include "remote/core.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kBetweenLooks = std::chrono::milliseconds(10);
constexpr Duration kGoodbyeOfTheUnjoined = std::chrono::milliseconds(500);

ActorRefErr not_supported(std::string_view why) {
  return ActorRefErr::NotSupported({}, {}, {}, why);
}

bool leads_beyond(const std::string& address) {
  const auto parsed = parse_address(address);
  return !parsed || !is_loopback(parsed->host);
}

}  // namespace

std::optional<ActorRefErr> RemoteCore::refuse_network(const WorkerSettings& settings) const {
  const bool beyond =
      leads_beyond(settings.listen) || std::ranges::any_of(settings.seeds, leads_beyond);
  if (!beyond || settings_.allow_plaintext) return std::nullopt;
  if (!settings_.transport->is_confidential())
    return not_supported(
        "beyond this machine others may listen: use tls(), or say allow_plaintext()");
  if (settings_.authenticator)
    if (const auto weakness = settings_.authenticator->weakness())
      return not_supported(*weakness + "; mend it, or say allow_plaintext()");
  return std::nullopt;
}

Result<std::string> RemoteCore::advertised(const WorkerSettings& settings,
                                           const std::string& local) const {
  if (!settings.advertise.empty()) return settings.advertise;
  auto bound = parse_address(local);
  if (!bound || !is_unspecified(bound->host)) return local;
  const auto own = first_own_address();
  if (!own)
    return coerce::unexpected(
        not_supported("this host has no address that others could reach: set advertise_addr()"));
  bound->host = *own;
  return bound->to_string();
}

Task<void> RemoteCore::tick(RemoteCore& self, std::shared_ptr<ClusterWorker> its_worker) {
  while (!its_worker->closing.is_set()) {
    self.membership_->tick(self.world_->now(), its_worker->dialler->places());
    its_worker->dialler->refresh();
    auto pausing = pause_unless(its_worker->closing, self.settings_.heartbeat.interval);
    const bool goes_on = co_await pausing;
    if (!goes_on) co_return;
  }
}

// It ends by beginning anew, without an address: that would undo the start.
Task<Result<void>> RemoteCore::await_leave(TimePoint until, Duration timeout) {
  std::shared_ptr<AsyncEvent> left;
  {
    const std::lock_guard guard(mutex_);
    left = left_;
  }
  if (!left) co_return Result<void>();
  auto waiting = pause_unless(*left, std::max(until - world_->now(), Duration::zero()));
  const bool is_late = co_await waiting;
  if (left->is_set()) co_return Result<void>();
  co_return coerce::unexpected(is_late ? ActorRefErr::Timeout(timeout) : ActorRefErr::Cancelled());
}

Task<Result<RemoteCore::Addresses>> RemoteCore::start_worker(WorkerSettings settings) {
  const TimePoint until = later(world_->now(), settings.join_timeout);
  if (auto refused = refuse_network(settings)) co_return coerce::unexpected(std::move(*refused));
  {
    const std::lock_guard guard(mutex_);
    if (is_stopping_)
      co_return coerce::unexpected(ActorRefErr::ActorUnavailable("the system is shutting down"));
    if ((worker_ && !is_leaving_) || is_starting_)
      co_return coerce::unexpected(not_supported("this node listens already"));
    is_starting_ = true;  // so no leave begins from here on
  }
  auto leaving_first = await_leave(until, settings.join_timeout);
  if (auto left = co_await leaving_first; !left) {
    const std::lock_guard guard(mutex_);
    is_starting_ = false;
    co_return coerce::unexpected(std::move(left).error());
  }
  auto binding = settings_.transport->listen(settings.listen);
  auto listener = co_await binding;
  Addresses addresses;
  std::optional<ActorRefErr> failure;
  if (listener) {
    addresses.local = (*listener)->local_address();
    if (auto address = advertised(settings, addresses.local))
      addresses.advertised = std::move(*address);
    else
      failure = std::move(address).error();
  } else {
    failure = ActorRefErr::Unreachable("cannot listen at " + settings.listen + ": " +
                                       listener.error().to_string());
  }
  std::shared_ptr<ClusterWorker> its_worker;
  if (!failure) {
    NodeDescription named = self();
    named.address = addresses.advertised;
    become(named);
    membership_->rename(named);
    its_worker = std::make_shared<ClusterWorker>(
        std::make_shared<Acceptor>(*world_, *links_, settings_.limits, std::move(*listener)),
        std::make_shared<Dialler>(
            *world_, *links_, *peers_, *settings_.transport, settings_,
            SeedNames(settings.seeds, addresses.advertised),
            [this] { return membership_->wanted(); },
            [this](const std::string& address) { nobody_at(address); }),
        addresses.advertised);
  }
  {
    const std::lock_guard guard(mutex_);
    is_starting_ = false;
    if (its_worker && is_stopping_)
      failure = ActorRefErr::ActorUnavailable("the system is shutting down");
    else
      worker_ = its_worker;
  }
  if (failure) {
    if (its_worker) its_worker->close();
    co_return coerce::unexpected(std::move(*failure));
  }
  world_->log(LogLevel::Info, "node {} listens at {}, known as {}", self().id, addresses.local,
              addresses.advertised);
  if (!its_worker->acceptor->start() || !world_->spawn(tick(*this, its_worker))) {
    auto leaving = leave(world_->now());
    co_await leaving;
    co_return coerce::unexpected(ActorRefErr::Overloaded("the system takes no more tasks"));
  }

  const std::size_t least = settings_.heartbeat.minimum_cluster_size.value_or(1);
  while (!membership_->has_joined(least)) {
    auto pausing = pause_unless(its_worker->closing, kBetweenLooks);
    const bool goes_on = co_await pausing;
    if (!goes_on) co_return coerce::unexpected(ActorRefErr::Cancelled());
    if (world_->now() < until) continue;
    world_->log(
        LogLevel::Error, "no cluster was joined within {} ms",
        std::chrono::duration_cast<std::chrono::milliseconds>(settings.join_timeout).count());
    auto leaving = leave(world_->now() + kGoodbyeOfTheUnjoined);
    co_await leaving;
    co_return coerce::unexpected(ActorRefErr::Timeout(settings.join_timeout));
  }
  co_return addresses;
}

}  // namespace coerce::detail
