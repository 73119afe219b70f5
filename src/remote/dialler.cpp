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
                 const NodeSettings& settings, std::vector<std::string> seeds,
                 std::function<std::vector<std::string>()> wanted,
                 std::function<void(const std::string&)> refused)
    : world_(world),
      links_(links),
      peers_(peers),
      transport_(transport),
      settings_(settings),
      seeds_(std::move(seeds)),
      wanted_(std::move(wanted)),
      refused_(std::move(refused)) {}

// ---- which addresses ----------------------------------------------------------------------------

void Dialler::refresh() {
  if (closing_.is_set()) return;
  std::set<std::string> addresses(seeds_.begin(), seeds_.end());
  for (std::string& address : wanted_()) addresses.insert(std::move(address));
  std::vector<std::string> starting;
  {
    const std::lock_guard guard(mutex_);
    for (const std::string& address : addresses) {
      Target& target = targets_[address];
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
  if (std::ranges::find(seeds_, address) == seeds_.end()) {
    const auto wanted = wanted_();
    if (std::ranges::find(wanted, address) == wanted.end()) return false;
  }
  const std::lock_guard guard(mutex_);
  const auto place = targets_.find(address);
  return place != targets_.end() && !place->second.is_self && !is_reached(place->second);
}

bool Dialler::is_reached(const Target& target) const {
  if (target.node == 0) return false;
  const auto peer = peers_.find(target.node);
  return peer && peer->is_connected();
}

std::vector<SeedPlace> Dialler::places() const {
  const std::lock_guard guard(mutex_);
  std::vector<SeedPlace> places;
  for (const std::string& seed : seeds_) {
    SeedPlace place{seed, 0, false};
    if (const auto found = targets_.find(seed); found != targets_.end()) {
      place.is_self = found->second.is_self;
      if (is_reached(found->second)) place.node = found->second.node;
    }
    places.push_back(std::move(place));
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

// ---- dialling -----------------------------------------------------------------------------------

Task<void> Dialler::keep(std::shared_ptr<Dialler> self, std::string address) {
  BackOff back_off(self->world_.rng());
  while (self->is_wanted(address)) {
    auto dialling = self->dial(address);
    const Try outcome = co_await dialling;
    if (outcome == Try::Ended) break;
    if (outcome == Try::Linked) back_off.reset();
    auto pausing = pause_unless(self->closing_, back_off.next());
    const bool goes_on = co_await pausing;
    if (!goes_on) break;
  }
  self->stopped(address);
}

Task<Dialler::Try> Dialler::dial(std::string address) {
  auto resolving = transport_.resolve(address);
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
    auto dialling = dial_one(address, one);
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

Task<Dialler::Try> Dialler::dial_one(std::string address, std::string resolved) {
  auto connecting = connect(std::move(resolved));
  auto connected = co_await connecting;
  if (!connected) {
    tell_trouble(address, connected.error().to_string());
    co_return connected.error().kind() == TransportErrKind::Refused ? Try::Refused : Try::Failed;
  }
  std::unique_ptr<Connection> connection = std::move(*connected);
  auto greeting = links_.greet(*connection, address, closing_);
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
