#include "remote/half_open.hpp"

namespace coerce::detail {

std::uint64_t HalfOpen::enter(const std::string& host, Connection& connection) {
  const std::lock_guard guard(mutex_);
  const auto own = hosts_.find(host);
  const std::size_t of_this = own != hosts_.end() ? own->second.count : 0;
  if (all_.size() >= most_ || of_this >= most_of_one_) {
    // Those that are closed still need a moment and a descriptor: of them too there is a limit.
    const auto place = ending_ < most_ ? loser(host) : hosts_.end();
    if (place == hosts_.end()) {
      ++refused_;
      return 0;
    }
    displace(place);
  }
  const std::uint64_t number = ++last_number_;
  all_.emplace(number, host);
  Host& of_host = hosts_[host];
  ++of_host.count;
  of_host.silent.emplace(number, &connection);
  return number;
}

// Of all hosts that have at least as many as the one of the new connection: with fewer, another
// host is not the one that makes it crowded.
HalfOpen::Hosts::iterator HalfOpen::loser(const std::string& host) {
  const auto own = hosts_.find(host);
  const std::size_t of_this = own != hosts_.end() ? own->second.count : 0;
  auto place = own != hosts_.end() && !own->second.silent.empty() ? own : hosts_.end();
  if (of_this >= most_of_one_) return place;
  for (auto other = hosts_.begin(); other != hosts_.end(); ++other) {
    const Host& its = other->second;
    if (its.silent.empty() || its.count < of_this) continue;
    const bool is_better = place == hosts_.end() || its.count > place->second.count ||
                           (its.count == place->second.count && place != own &&
                            its.silent.begin()->first < place->second.silent.begin()->first);
    if (is_better) place = other;
  }
  return place;
}

void HalfOpen::displace(Hosts::iterator host) {
  const auto [number, connection] = *host->second.silent.begin();
  connection->close();
  host->second.silent.erase(number);
  all_.erase(number);
  if (--host->second.count == 0) hosts_.erase(host);
  ++ending_;
  ++displaced_;
}

void HalfOpen::said_hello(std::uint64_t number) {
  const std::lock_guard guard(mutex_);
  const auto place = all_.find(number);
  if (place != all_.end()) hosts_.find(place->second)->second.silent.erase(number);
}

bool HalfOpen::leave(std::uint64_t number) noexcept {
  const std::lock_guard guard(mutex_);
  const auto place = all_.find(number);
  if (place == all_.end()) {
    --ending_;
    return false;
  }
  const auto host = hosts_.find(place->second);
  host->second.silent.erase(number);
  if (--host->second.count == 0) hosts_.erase(host);
  all_.erase(place);
  return true;
}

std::size_t HalfOpen::count() const noexcept {
  const std::lock_guard guard(mutex_);
  return all_.size();
}

bool HalfOpen::is_crowded() const noexcept {
  const std::lock_guard guard(mutex_);
  return ending_ > most_ / 4;
}

std::uint64_t HalfOpen::refused() const noexcept {
  const std::lock_guard guard(mutex_);
  return refused_;
}

std::uint64_t HalfOpen::displaced() const noexcept {
  const std::lock_guard guard(mutex_);
  return displaced_;
}

}  // namespace coerce::detail
