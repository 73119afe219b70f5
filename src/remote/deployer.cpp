#include "remote/deployer.hpp"

#include <algorithm>
#include <cstring>

#include <coerce/runtime/when.hpp>

#include "coerce/remote/v1/actors.pb.h"
#include "remote/proto_bytes.hpp"

namespace coerce::detail {

namespace {

constexpr std::size_t kMostReservations = 65'536;  ///< long ids count several times
constexpr Duration kReleaseLimit = std::chrono::milliseconds(500);
/// Of its time, a deployment keeps a tenth for giving the id back, and so much at the most.
constexpr Duration kReleaseTime = std::chrono::milliseconds(100);
constexpr Duration kLongest = std::chrono::minutes(5);

Bytes reservation(const ActorId& id, std::uint64_t token, Duration duration) {
  remote::v1::Reserve message;
  message.set_id(id.str());
  message.set_token(token);
  message.set_microseconds(to_microseconds(duration));
  return to_bytes(message);
}

/// What a factory throws is its error.
Task<Result<CellRef>> guarded(Task<Result<BoxedActorRef>> creating) {
  std::string what = "unknown";
  try {
    auto made = co_await creating;
    if (!made) co_return coerce::unexpected(std::move(made).error());
    co_return made->cell();
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  co_return coerce::unexpected(ActorRefErr::ActorStartFailed(what));
}

}  // namespace

Deployer::Deployer(RemoteCore& core, ActorRegistry& registry, Locator& locator)
    : core_(core), registry_(registry), locator_(locator) {
  core.serve(InternalKind::Reserve, [this](const NodeDescription&, Bytes message) {
    return take_reservation(std::move(message));
  });
  core.serve(InternalKind::Deploy, [this](const NodeDescription& from, Bytes message) {
    return take_order(from, std::move(message));
  });
}

Duration Deployer::left(const Order& order) const {
  return std::max(order.until - core_.world().now(), Duration::zero());
}

// ---- who deploys --------------------------------------------------------------------------------

Task<Result<CellRef>> Deployer::deploy(std::string factory, RefType wanted, Bytes recipe,
                                       DeployOptions options) {
  const bool is_named = options.id() && !options.id()->empty();
  auto order = std::make_shared<Order>(Order{
      .factory = std::move(factory),
      .wanted = wanted,
      .recipe = std::move(recipe),
      .id = is_named ? *options.id() : new_actor_id(),
      .node = options.node().value_or(core_.self().id),
      .until = later(core_.world().now(), options.timeout()),
  });
  // Nobody else has a new UUID.
  auto making = is_named ? deploy_named(order) : make(order);
  auto made = co_await making;
  co_return made;
}

Task<Result<CellRef>> Deployer::deploy_named(OrderRef order) {
  std::uint8_t token[sizeof(order->token)];
  core_.transport().random_bytes(token);
  std::memcpy(&order->token, token, sizeof(token));
  const TimePoint end = order->until;
  order->until -= std::min(kReleaseTime, left(*order) / 10);
  auto making = make_reserved(order);
  auto made = co_await making;
  // By a task of its own, so that it is done even if this one was given up. Awaited while there is
  // time, so that whoever deploys the id next finds it free.
  const auto is_released = std::make_shared<AsyncEvent>();
  if (core_.world().spawn(release(order, is_released))) {
    auto waiting = pause_unless(*is_released, end - core_.world().now());
    (void)co_await waiting;
  }
  co_return made;
}

Task<Result<CellRef>> Deployer::make_reserved(OrderRef order) {
  auto reserving = reserve_everywhere(order);
  auto reserved = co_await reserving;
  if (!reserved) co_return coerce::unexpected(std::move(reserved).error());
  auto locating = locator_.locate(order->id, left(*order));
  auto found = co_await locating;
  if (found) co_return coerce::unexpected(ActorRefErr::AlreadyExists(order->id));
  if (found.error().kind() != ActorRefErrKind::NotFound)
    co_return coerce::unexpected(std::move(found).error());
  auto making = make(order);
  auto made = co_await making;
  co_return made;
}

// One after the other in the order of their ids: of two who want the same id, one gets both homes.
Task<Result<void>> Deployer::reserve_everywhere(OrderRef order) {
  const auto members = registry_.members();
  const Homes at(order->id.view(), *members);
  std::vector<NodeId> homes(at.nodes().begin(), at.nodes().end());
  std::ranges::sort(homes);
  for (const NodeId home : homes) {
    order->reserved.push_back(home);
    Bytes question = reservation(order->id, order->token, left(*order) + std::chrono::seconds(1));
    auto asking = core_.ask_again(home, InternalKind::Reserve, std::move(question), left(*order));
    auto answer = co_await asking;
    if (!answer) co_return coerce::unexpected(std::move(answer).error());
  }
  co_return Result<void>();
}

Task<void> Deployer::release(OrderRef order, std::shared_ptr<AsyncEvent> is_done) {
  std::vector<Task<Result<Bytes>>> asking;
  for (const NodeId home : order->reserved) {
    Bytes message = reservation(order->id, order->token, Duration::zero());
    asking.push_back(core_.ask(home, InternalKind::Reserve, std::move(message), kReleaseLimit));
  }
  auto releasing = when_all(std::move(asking));
  const auto released = co_await releasing;
  (void)released;  // else it ends by itself
  is_done->set();
}

Task<Result<CellRef>> Deployer::make(OrderRef order) {
  if (order->node == core_.self().id)
    return make_here(order->factory, order->id, std::move(order->recipe), left(*order));
  return make_there(order);
}

Task<Result<CellRef>> Deployer::make_here(std::string factory_name, ActorId id, Bytes recipe,
                                          Duration limit) {
  const RemoteFactory* factory = core_.handlers().find_factory(factory_name);
  if (factory == nullptr)
    co_return coerce::unexpected(
        ActorRefErr::NotSupported(id, {}, factory_name, "the node has no factory of this name"));
  const auto making = std::make_shared<Making>();
  const bool may_begin =
      being_made_.fetch_add(1, std::memory_order_relaxed) < core_.settings().limits.max_questions &&
      core_.world().spawn(create(*this, *factory, id, std::move(recipe), making));
  if (!may_begin) {
    being_made_.fetch_sub(1, std::memory_order_relaxed);
    co_return coerce::unexpected(ActorRefErr::Overloaded("too many actors are being made"));
  }
  auto waiting = pause_unless(making->is_over, limit);
  const bool is_late = co_await waiting;
  if (making->is_over.is_set()) co_return std::move(making->made);
  making->is_given_up.set();
  co_return coerce::unexpected(is_late ? ActorRefErr::Timeout(limit) : ActorRefErr::Cancelled());
}

// When it is given up, a factory that can be cancelled is; an actor that starts already goes on.
Task<void> Deployer::create(Deployer& self, const RemoteFactory& factory, ActorId id, Bytes recipe,
                            MakingRef making) {
  auto creating =
      guarded(factory.create(self.core_.world().system(), std::move(id), std::move(recipe)));
  auto racing = when_any(std::move(creating), making->is_given_up.wait());
  auto first = co_await racing;
  if (first.index() == 0) making->made = std::get<0>(std::move(first));
  self.being_made_.fetch_sub(1, std::memory_order_relaxed);
  making->is_over.set();
}

Task<Result<CellRef>> Deployer::make_there(OrderRef order) {
  const auto peer = core_.peer(order->node);
  if (!peer) co_return coerce::unexpected(ActorRefErr::Unreachable("the node is not known"));
  remote::v1::Deploy message;
  message.set_factory(order->factory);
  message.set_id(order->id.str());
  message.set_recipe(order->recipe.data(), order->recipe.size());
  message.set_microseconds(to_microseconds(left(*order)));
  auto asking = peer->ask(InternalKind::Deploy, to_bytes(message), left(*order));
  auto made = co_await asking;
  if (!made) co_return coerce::unexpected(std::move(made).error());
  co_return ForeignCell::make(core_.world().core(), order->id, order->wanted.actor_key,
                              order->wanted.name, peer);
}

// ---- who is asked -------------------------------------------------------------------------------

Task<Result<Bytes>> Deployer::take_order(NodeDescription from, Bytes bytes) {
  auto message = from_bytes<remote::v1::Deploy>(bytes);
  if (!message) co_return coerce::unexpected(std::move(message).error());
  const ActorId id(message->id());
  if (id.empty())
    co_return coerce::unexpected(ActorRefErr::Deserialisation("an actor without an id"));
  const RemoteFactory* factory = core_.handlers().find_factory(message->factory());
  if (factory != nullptr && !is_allowed(factory->allowed, from))
    co_return coerce::unexpected(
        ActorRefErr::Unauthorised("the node makes no such actors for this one"));
  Bytes recipe(message->recipe().begin(), message->recipe().end());
  const Duration limit = from_microseconds(message->microseconds(), kLongest);
  auto making = make_here(message->factory(), id, std::move(recipe), limit);
  auto made = co_await making;
  if (!made) co_return coerce::unexpected(std::move(made).error());
  co_return Bytes();
}

Task<Result<Bytes>> Deployer::take_reservation(Bytes bytes) {
  const auto message = from_bytes<remote::v1::Reserve>(bytes);
  if (!message) co_return coerce::unexpected(message.error());
  auto reserved = reserve(ActorId(message->id()), message->token(),
                          from_microseconds(message->microseconds(), kLongest));
  if (!reserved) co_return coerce::unexpected(std::move(reserved).error());
  co_return Bytes();
}

std::size_t Deployer::reserved() const {
  const std::lock_guard guard(mutex_);
  return reservations_.size();
}

// Under the lock.
void Deployer::drop_old_reservations(TimePoint now) {
  std::erase_if(reservations_, [this, now](const auto& one) {
    if (one.second.until > now) return false;
    reserved_weight_ -= weight_of(one.first);
    return true;
  });
}

Result<void> Deployer::reserve(const ActorId& id, std::uint64_t token, Duration duration) {
  const TimePoint now = core_.world().now();
  const std::lock_guard guard(mutex_);
  const auto place = reservations_.find(id);
  const bool is_free = place == reservations_.end() || place->second.until <= now;
  if (!is_free && place->second.token != token)
    return coerce::unexpected(ActorRefErr::AlreadyExists(id));
  if (duration == Duration::zero()) {
    if (!is_free) {
      reserved_weight_ -= weight_of(id);
      reservations_.erase(place);
    }
    return {};
  }
  const Reservation reservation{token, later(now, duration)};
  if (place != reservations_.end()) {
    place->second = reservation;
    return {};
  }
  if (reserved_weight_ + weight_of(id) > kMostReservations) drop_old_reservations(now);
  if (reserved_weight_ + weight_of(id) > kMostReservations)
    return coerce::unexpected(ActorRefErr::Overloaded("too many ids are reserved"));
  reservations_.emplace(id, reservation);
  reserved_weight_ += weight_of(id);
  return {};
}

}  // namespace coerce::detail
