#include "remote/acceptor.hpp"

#include <algorithm>

#include "remote/address.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kShortestPause = std::chrono::milliseconds(10);
constexpr Duration kLongestPause = std::chrono::seconds(1);

std::string host_of(const std::string& address) {
  auto parsed = parse_address(address);
  return parsed ? std::move(parsed->host) : address;
}

}  // namespace

bool HalfOpen::enter(const std::string& host) {
  const std::lock_guard guard(mutex_);
  const auto place = of_host_.find(host);
  const std::size_t of_this = place != of_host_.end() ? place->second : 0;
  if (count_ >= most_ || of_this >= most_of_one_) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  ++of_host_[host];
  ++count_;
  return true;
}

void HalfOpen::leave(const std::string& host) noexcept {
  const std::lock_guard guard(mutex_);
  const auto place = of_host_.find(host);
  if (place == of_host_.end()) return;
  --count_;
  if (--place->second == 0) of_host_.erase(place);
}

std::size_t HalfOpen::count() const noexcept {
  const std::lock_guard guard(mutex_);
  return count_;
}

bool Acceptor::start() { return world_.spawn(run(shared_from_this())); }

void Acceptor::close() noexcept {
  listener_->close();
  closing_.set();
}

Task<void> Acceptor::run(std::shared_ptr<Acceptor> self) {
  unsigned failures = 0;
  while (!self->closing_.is_set()) {
    auto accepted = co_await self->listener_->accept();
    if (accepted) {
      failures = 0;
      self->take(std::move(*accepted));
      continue;
    }
    if (accepted.error().kind() == TransportErrKind::Closed) break;
    auto pausing = self->pause(accepted.error(), failures++);
    const bool goes_on = co_await pausing;
    if (!goes_on) break;
  }
  self->listener_->close();
}

Task<bool> Acceptor::pause(TransportErr error, unsigned failures) {
  world_.log_limited(LogSource::address(listener_->local_address()), LogLevel::Error,
                     "cannot take a connection at {}: {}", listener_->local_address(),
                     error.to_string());
  const Duration wait = std::min(kLongestPause, kShortestPause * (1 << std::min(failures, 7u)));
  auto pausing = pause_unless(closing_, wait);
  co_return co_await pausing;
}

void Acceptor::take(std::unique_ptr<Connection> connection) {
  std::string host = host_of(connection->peer_address());
  if (!half_open_.enter(host)) {
    world_.log_limited(LogSource::stranger(host), LogLevel::Warn,
                       "closed a connection from {}: too many have not said who they are",
                       printable(host));
    connection->close();
    return;
  }
  if (!world_.spawn(serve(shared_from_this(), std::move(connection), host))) half_open_.leave(host);
}

Task<void> Acceptor::serve(std::shared_ptr<Acceptor> self, std::unique_ptr<Connection> connection,
                           std::string host) {
  auto greeting = self->links_.greet(*connection, {}, self->closing_);
  HelloOutcome hello = co_await greeting;
  self->half_open_.leave(host);
  if (hello.end != HelloEnd::Accepted) {
    if (hello.end == HelloEnd::Failed && !self->closing_.is_set())
      self->world_.log_limited(
          LogSource::stranger(host), LogLevel::Warn, "refused a connection from {}{}: {}",
          printable(connection->peer_address()),
          hello.node != 0 ? fmt::format(" (node {})", hello.node) : "", printable(hello.why));
    co_return;
  }
  auto carrying = self->links_.carry(std::move(connection), std::move(hello));
  (void)co_await carrying;
}

}  // namespace coerce::detail
