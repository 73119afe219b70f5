#include "remote/acceptor.hpp"

#include <algorithm>

#include "remote/address.hpp"

namespace coerce::detail {

namespace {

constexpr Duration kMoment = std::chrono::milliseconds(1);
constexpr Duration kShortestPause = std::chrono::milliseconds(10);
constexpr Duration kLongestPause = std::chrono::seconds(1);

std::string host_of(const std::string& address) {
  auto parsed = parse_address(address);
  return parsed ? std::move(parsed->host) : address;
}

}  // namespace

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
      auto making_room = self->make_room();
      co_await making_room;
      continue;
    }
    if (accepted.error().kind() == TransportErrKind::Closed) break;
    auto pausing = self->pause(accepted.error(), failures++);
    const bool goes_on = co_await pausing;
    if (!goes_on) break;
  }
  self->listener_->close();
}

Task<void> Acceptor::make_room() {
  while (half_open_->is_crowded()) {
    auto pausing = pause_unless(closing_, kMoment);
    const bool goes_on = co_await pausing;
    if (!goes_on) co_return;
  }
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
  auto guest = std::make_unique<Guest>(half_open_, std::move(connection), std::move(host));
  if (!guest->enter()) {
    tell_refused(*guest, {}, true);
    guest->connection().close();
    return;
  }
  (void)world_.spawn(serve(shared_from_this(), std::move(guest)));  // or it is closed
}

// Whatever is thrown costs this connection and nothing else.
Task<void> Acceptor::serve(std::shared_ptr<Acceptor> self, std::unique_ptr<Guest> guest) {
  std::string why;
  try {
    auto serving = serve_or_throw(self, *guest);
    co_await serving;
    co_return;
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "something was thrown";
  }
  self->world_.log_limited(LogSource::stranger(guest->host()), LogLevel::Error,
                           "a connection from {} has ended: {}", printable(guest->host()),
                           printable(why));
}

Task<void> Acceptor::serve_or_throw(std::shared_ptr<Acceptor> self, Guest& guest) {
  const std::function<void()> said_hello = [&guest] { guest.said_hello(); };
  auto greeting = self->links_.greet(guest.connection(), {}, self->closing_, {}, &said_hello);
  HelloOutcome hello = co_await greeting;
  const bool is_displaced = !guest.leave() && hello.end != HelloEnd::Accepted;
  if (hello.end != HelloEnd::Accepted) {
    self->tell_refused(guest, hello, is_displaced);
    co_return;
  }
  auto carrying = self->links_.carry(guest.let_in(), std::move(hello));
  (void)co_await carrying;
}

void Acceptor::tell_refused(Guest& guest, const HelloOutcome& hello, bool is_displaced) {
  if (closing_.is_set()) return;
  const auto source = LogSource::stranger(guest.host());
  if (is_displaced) {
    world_.log_limited(source, LogLevel::Warn,
                       "closed a connection from {}: too many have not said who they are",
                       printable(guest.host()));
    return;
  }
  // A node that has dialled itself, or one to which it has a link, does nothing wrong.
  const LogLevel level = hello.end == HelloEnd::Failed ? LogLevel::Warn : LogLevel::Debug;
  world_.log_limited(source, level, "refused a connection from {}{}: {}",
                     printable(guest.connection().peer_address()),
                     hello.node != 0 ? fmt::format(" (node {})", hello.node) : "",
                     printable(hello.why));
}

}  // namespace coerce::detail
