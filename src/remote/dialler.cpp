#include "remote/dialler.hpp"

#include <algorithm>
#include <set>

#include <coerce/runtime/sleep.hpp>
#include <coerce/runtime/when.hpp>

#include "remote/address.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kShortestWait = std::chrono::milliseconds(100);
constexpr Duration kLongestWait = std::chrono::seconds(10);
constexpr std::size_t kMostAddressesOfAName = 16;

}  // namespace

Duration BackOff::next() noexcept {
  const Duration whole = std::min(kLongestWait, kShortestWait * (1 << std::min(tries_, 7u)));
  ++tries_;
  const Duration half = whole / 2;
  return half + Duration(static_cast<Duration::rep>(
                    rng_.below(static_cast<std::uint64_t>(half.count()) + 1)));
}

Dialler::Dialler(NodeWorld& world, Links& links, PeerTable& peers, Transport& transport,
                 const NodeSettings& settings, SeedNames seeds,
                 std::function<std::vector<std::string>()> wanted,
                 std::function<void(const std::string&)> refused)
    : world_(world),
      links_(links),
      peers_(peers),
      transport_(transport),
      settings_(settings),
      wanted_(std::move(wanted)),
      refused_(std::move(refused)),
      seeds_(std::move(seeds)) {}

// ---- which addresses ----------------------------------------------------------------------------

void Dialler::refresh() {
  if (closing_.is_set()) return;
  start_looking_up();
  const auto wanted = wanted_();
  std::vector<std::string> starting;
  {
    const std::lock_guard guard(mutex_);
    auto addresses = seeds_.targets();
    for (const std::string& address : wanted) addresses.emplace(address, std::string());
    for (const auto& [address, seed] : addresses) {
      Target& target = targets_[address];
      target.seed = seed;
      if (target.is_running || target.is_self || is_reached(target)) continue;
      target.is_running = true;
      starting.push_back(address);
    }
    std::erase_if(targets_, [&](const auto& entry) {
      return !entry.second.is_running && !addresses.contains(entry.first);
    });
  }
  for (std::string& address : starting)
    if (!world_.spawn(keep(shared_from_this(), address))) stopped(address);
}

bool Dialler::is_wanted(const std::string& address) const {
  if (closing_.is_set()) return false;
  const auto wanted = wanted_();
  const std::lock_guard guard(mutex_);
  if (std::ranges::find(wanted, address) == wanted.end() && !seeds_.targets().contains(address))
    return false;
  const auto place = targets_.find(address);
  return place != targets_.end() && !place->second.is_self && !is_reached(place->second);
}

// What the certificate of whoever is there is made out for.
std::string Dialler::name_of(const std::string& address) const {
  const std::lock_guard guard(mutex_);
  const auto place = targets_.find(address);
  return place == targets_.end() || place->second.seed.empty() ? address : place->second.seed;
}

bool Dialler::is_reached(const Target& target) const {
  if (target.node == 0) return false;
  const auto peer = peers_.find(target.node);
  return peer && peer->is_connected();
}

std::vector<SeedPlace> Dialler::places() const {
  const std::lock_guard guard(mutex_);
  std::vector<SeedPlace> places = seeds_.places();
  for (SeedPlace& place : places) {
    const auto found = targets_.find(place.address);
    if (found == targets_.end()) continue;
    place.is_self = found->second.is_self;
    if (is_reached(found->second)) place.node = found->second.node;
  }
  return places;
}

// ---- what is found there ------------------------------------------------------------------------

void Dialler::found(const std::string& address, NodeId node) {
  const std::lock_guard guard(mutex_);
  Target& target = targets_[address];
  target.node = node;
  target.trouble.clear();
}

void Dialler::found_ourselves(const std::string& address) {
  world_.log(LogLevel::Debug, "{} is this node itself", address);
  const std::lock_guard guard(mutex_);
  targets_[address].is_self = true;
}

// Once, until something else is wrong.
void Dialler::tell_trouble(const std::string& address, const std::string& why) {
  {
    const std::lock_guard guard(mutex_);
    Target& target = targets_[address];
    if (target.trouble == why || closing_.is_set()) return;
    target.trouble = why;
  }
  world_.log_limited(LogSource::address(address), LogLevel::Warn, "no link to {}: {}", address,
                     printable(why));
}

void Dialler::stopped(const std::string& address) {
  const std::lock_guard guard(mutex_);
  const auto place = targets_.find(address);
  if (place != targets_.end()) place->second.is_running = false;
}

// ---- looking up ---------------------------------------------------------------------------------

void Dialler::start_looking_up() {
  std::vector<std::string> starting;
  {
    const std::lock_guard guard(mutex_);
    for (std::string& name : seeds_.names())
      if (looked_up_.insert(name).second) starting.push_back(std::move(name));
  }
  for (const std::string& name : starting) {
    if (world_.spawn(look_up(shared_from_this(), name))) continue;
    const std::lock_guard guard(mutex_);
    looked_up_.erase(name);
  }
}

// The name stands for other nodes tomorrow, so it is never done.
Task<void> Dialler::look_up(std::shared_ptr<Dialler> self, std::string name) {
  BackOff back_off(self->world_.rng());
  while (!self->closing_.is_set()) {
    auto resolving = self->resolve(name);
    auto resolved = co_await resolving;
    Duration rest = kNameLookedUpAgain;
    if (!resolved || resolved->empty()) {
      rest = back_off.next();
      self->tell_unknown(name, resolved ? "it has no address" : resolved.error().to_string());
    } else {
      back_off.reset();
      std::size_t left_out = 0;
      {
        const std::lock_guard guard(self->mutex_);
        left_out = self->seeds_.take(name, std::move(*resolved));
      }
      if (left_out > 0)
        self->tell_unknown(name, std::to_string(left_out) + " of its addresses are too many");
      self->refresh();
    }
    auto pausing = pause_unless(self->closing_, rest);
    const bool goes_on = co_await pausing;
    if (!goes_on) break;
  }
  const std::lock_guard guard(self->mutex_);
  self->looked_up_.erase(name);
}

void Dialler::tell_unknown(const std::string& name, const std::string& why) {
  if (closing_.is_set()) return;
  world_.log_limited(LogSource::address(name), LogLevel::Warn, "looking up the seed {}: {}",
                     printable(name), printable(why));
}

// The resolver of the machine cannot be stopped: with it a look-up takes what that allows, and
// holds up nothing but the look-ups of the same name.
// ---- dialling -----------------------------------------------------------------------------------

Task<void> Dialler::keep(std::shared_ptr<Dialler> self, std::string address) {
  BackOff back_off(self->world_.rng());
  while (self->is_wanted(address)) {
    auto dialling = self->try_to_dial(address);
    const Try outcome = co_await dialling;
    if (outcome == Try::Ended) break;
    if (outcome == Try::Linked) back_off.reset();
    auto pausing = pause_unless(self->closing_, back_off.next());
    const bool goes_on = co_await pausing;
    if (!goes_on) break;
  }
  self->stopped(address);
}

// Whatever is thrown is a failure of this try, and not the last one.
Task<Dialler::Try> Dialler::try_to_dial(std::string address) {
  std::string why;
  try {
    auto dialling = dial(address);
    const Try outcome = co_await dialling;
    co_return outcome;
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "something was thrown";
  }
  tell_trouble(address, why);
  co_return Try::Failed;
}

Task<TransportResult<std::vector<std::string>>> Dialler::resolve(std::string address) {
  auto resolving = transport_.resolve(std::move(address));
  auto limit = sleep_for(settings_.limits.resolve_timeout);
  auto first = co_await when_any(std::move(resolving), std::move(limit), closing_.wait());
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  const bool is_late = first.index() == 1;
  const std::string why = is_late ? "its name was not resolved in time" : "";
  const auto kind = is_late ? TransportErrKind::Timeout : TransportErrKind::Closed;
  co_return coerce::unexpected(TransportErr(kind, why));
}

Task<Dialler::Try> Dialler::dial(std::string address) {
  const std::string name = name_of(address);
  auto resolving = resolve(address);
  auto resolved = co_await resolving;
  if (!resolved) {
    tell_trouble(address, resolved.error().to_string());
    co_return Try::Failed;
  }
  const std::size_t places = resolved->size();
  if (places > kMostAddressesOfAName) resolved->resize(kMostAddressesOfAName);
  Try last = Try::Failed;
  std::size_t refusals = 0;
  for (const std::string& one : *resolved) {
    if (!is_wanted(address)) break;
    auto dialling = dial_one(address, name, one);
    last = co_await dialling;
    if (last == Try::Refused) ++refusals;
    if (last == Try::Linked || last == Try::Ended) break;
  }
  if (refusals > 0 && refusals == places) refused_(address);
  co_return last;
}

Task<TransportResult<std::unique_ptr<Connection>>> Dialler::connect(std::string resolved) {
  auto connecting = transport_.connect(std::move(resolved));
  auto limit = sleep_for(settings_.limits.handshake_timeout);
  auto first = co_await when_any(std::move(connecting), std::move(limit), closing_.wait());
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  const auto kind = first.index() == 1 ? TransportErrKind::Timeout : TransportErrKind::Closed;
  co_return coerce::unexpected(TransportErr(kind, {}));
}

Task<Dialler::Try> Dialler::dial_one(std::string address, std::string name, std::string resolved) {
  auto connecting = connect(std::move(resolved));
  auto connected = co_await connecting;
  if (!connected) {
    tell_trouble(address, connected.error().to_string());
    co_return connected.error().kind() == TransportErrKind::Refused ? Try::Refused : Try::Failed;
  }
  std::unique_ptr<Connection> connection = std::move(*connected);
  auto greeting = links_.greet(*connection, address, closing_, std::move(name));
  HelloOutcome hello = co_await greeting;
  switch (hello.end) {
    case HelloEnd::Ourselves:
      found_ourselves(address);
      co_return Try::Ended;
    case HelloEnd::AlreadyLinked:
      found(address, hello.node);
      co_return Try::Linked;
    case HelloEnd::Failed:
      tell_trouble(address, hello.why);
      co_return Try::Failed;
    case HelloEnd::Accepted:
      break;
  }
  found(address, hello.node);
  auto carrying = links_.carry(std::move(connection), std::move(hello));
  const bool lasted = co_await carrying;
  co_return lasted ? Try::Linked : Try::Failed;
}

}  // namespace coerce::detail
