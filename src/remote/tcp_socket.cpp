#include "remote/tcp_socket.hpp"

#include <cerrno>
#include <chrono>

#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <coerce/runtime/sleep.hpp>

namespace coerce::detail {

namespace {

using namespace std::chrono_literals;

constexpr int kBacklog = 4096;
/// A task whose operations never have to wait gives way to others after so many.
constexpr unsigned kQuickInARow = 16;
constexpr Duration kPauseWithoutResources = 100ms;

std::error_code system_error(int number) { return {number, std::system_category()}; }

bool is_exhausted(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// Of one connection that has ended before it was accepted (accept(2)): the next one is fine.
bool is_of_one_connection(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

TransportErrKind kind_of(std::error_code error) noexcept {
  if (error == asio::error::operation_aborted) return TransportErrKind::Closed;
  // Asio has a category of its own for the numbers of the operating system.
  if (error.category() == asio::error::get_misc_category()) return TransportErrKind::Lost;
  if (is_exhausted(error.value())) return TransportErrKind::Exhausted;
  switch (error.value()) {
    case ECONNREFUSED:
      return TransportErrKind::Refused;
    case ETIMEDOUT:
      return TransportErrKind::Timeout;
    case EADDRINUSE:
      return TransportErrKind::AddressInUse;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return TransportErrKind::BadAddress;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EACCES:
    case EPERM:
      return TransportErrKind::Unreachable;
    default:
      return TransportErrKind::Lost;
  }
}

TransportErr closed_here() { return {TransportErrKind::Closed, {}}; }

}  // namespace

TransportErr tcp_error(std::error_code error, std::string_view doing) {
  return {kind_of(error), fmt::format("{}: {}", doing, error.message())};
}

TcpConnection::TcpConnection(TcpSocket socket, std::string peer, bool local) noexcept
    : socket_(std::move(socket)),
      descriptor_(socket_.native_handle()),
      peer_(std::move(peer)),
      local_(local) {}

TransportResult<std::unique_ptr<Connection>> TcpConnection::make(TcpSocket socket) {
  std::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return coerce::unexpected(tcp_error(error, "connect"));
  const auto local = socket.local_endpoint(error);
  if (error) return coerce::unexpected(tcp_error(error, "connect"));
  // Two ends on one port of one machine: the system had given out the port that was dialled.
  if (remote == local)
    return coerce::unexpected(TransportErr(TransportErrKind::Refused, "nobody listens there"));
  socket.set_option(asio::ip::tcp::no_delay(true), error);
  // From here on Asio changes nothing in the socket when an operation begins, so a read may begin
  // beside a write.
  if (!error) socket.native_non_blocking(true, error);
  if (error) return coerce::unexpected(tcp_error(error, "connect"));
  const bool is_local = remote.address() == local.address() ||
                        (remote.address().is_loopback() && local.address().is_loopback());
  return std::unique_ptr<Connection>(
      new TcpConnection(std::move(socket), to_text(remote), is_local));
}

TransportErr TcpConnection::failure(std::error_code error, std::string_view doing) const {
  return closed_.load(std::memory_order_acquire) ? closed_here() : tcp_error(error, doing);
}

std::optional<TransportResult<std::size_t>> TcpConnection::try_read(std::span<std::uint8_t> into) {
  if (closed_.load(std::memory_order_acquire)) return coerce::unexpected(closed_here());
  ssize_t got = 0;
  do got = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  const std::error_code error = system_error(got < 0 ? errno : 0);
  // close() ends the stream in the same way as the peer does.
  if (closed_.load(std::memory_order_acquire)) return coerce::unexpected(closed_here());
  if (got == 0) return std::size_t{0};
  return coerce::unexpected(tcp_error(error, "read"));
}

Task<TransportResult<std::size_t>> TcpConnection::read_some(std::span<std::uint8_t> into) {
  // Asio tries once more, so nothing is tried here that is likely to fail.
  if (!drained_) {
    auto at_once = try_read(into);
    if (at_once) {
      drained_ = *at_once && **at_once < into.size();
      if (++quick_reads_ % kQuickInARow == 0) co_await yield();
      co_return std::move(*at_once);
    }
  }
  quick_reads_ = 0;
  const asio::mutable_buffer buffer(into.data(), into.size());
  auto read = co_await socket_.async_read_some(buffer, use_task);
  drained_ = read && *read < into.size();
  if (read) co_return *read;
  if (read.error() == asio::error::eof && !closed_.load(std::memory_order_acquire))
    co_return std::size_t{0};
  co_return coerce::unexpected(failure(read.error(), "read"));
}

TransportResult<std::size_t> TcpConnection::try_write(BytesView bytes) {
  if (closed_.load(std::memory_order_acquire)) return coerce::unexpected(closed_here());
  ssize_t sent = 0;
  do sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  if (sent < 0) return coerce::unexpected(failure(system_error(errno), "write"));
  written_.fetch_add(static_cast<std::uint64_t>(sent), std::memory_order_relaxed);
  return static_cast<std::size_t>(sent);
}

Task<TransportResult<void>> TcpConnection::write(BytesView bytes) {
  while (!bytes.empty()) {
    auto sent = try_write(bytes);
    if (!sent) co_return coerce::unexpected(std::move(sent).error());
    bytes = bytes.subspan(*sent);
    if (*sent > 0) continue;
    quick_writes_ = 0;
    auto ready = co_await socket_.async_wait(TcpSocket::wait_write, use_task);
    if (!ready) co_return coerce::unexpected(failure(ready.error(), "write"));
  }
  if (++quick_writes_ % kQuickInARow == 0) co_await yield();
  co_return TransportResult<void>();
}

void TcpConnection::close() noexcept {
  if (closed_.exchange(true, std::memory_order_acq_rel)) return;
  ::shutdown(descriptor_, SHUT_RDWR);
}

TcpListener::TcpListener(TcpAcceptor acceptor, const TcpEndpoint& bound)
    : acceptor_(std::move(acceptor)),
      descriptor_(acceptor_.native_handle()),
      protocol_(bound.protocol()),
      address_(to_text(bound)) {}

TransportResult<std::unique_ptr<Listener>> TcpListener::open(SchedulerExecutor<> executor,
                                                             const TcpEndpoint& endpoint) {
  TcpAcceptor acceptor(executor);
  std::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) acceptor.native_non_blocking(true, error);
  const auto bound = error ? TcpEndpoint() : acceptor.local_endpoint(error);
  if (error)
    return coerce::unexpected(tcp_error(error, fmt::format("listen at {}", to_text(endpoint))));
  return std::unique_ptr<Listener>(new TcpListener(std::move(acceptor), bound));
}

TransportResult<std::unique_ptr<Connection>> TcpListener::adopt(int descriptor) {
  TcpSocket socket(acceptor_.get_executor());
  std::error_code error;
  socket.assign(protocol_, descriptor, error);
  if (error) {
    ::close(descriptor);
    return coerce::unexpected(tcp_error(error, "accept"));
  }
  return TcpConnection::make(std::move(socket));
}

Task<TransportResult<std::unique_ptr<Connection>>> TcpListener::accept() {
  while (!closed_.load(std::memory_order_acquire)) {
    if (++quick_accepts_ % kQuickInARow == 0) co_await yield();
    const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      auto adopted = adopt(descriptor);
      if (adopted || adopted.error().kind() == TransportErrKind::Exhausted) co_return adopted;
      continue;  // it has ended already
    }
    const int error = errno;
    if (closed_.load(std::memory_order_acquire)) break;
    if (error == EAGAIN || error == EWOULDBLOCK) {
      quick_accepts_ = 0;
      auto ready = co_await acceptor_.async_wait(TcpAcceptor::wait_read, use_task);
      if (!ready) co_return coerce::unexpected(tcp_error(ready.error(), "accept"));
      continue;
    }
    if (is_of_one_connection(error)) continue;
    if (is_exhausted(error)) co_await sleep_for(kPauseWithoutResources);
    co_return coerce::unexpected(tcp_error(system_error(error), "accept"));
  }
  co_return coerce::unexpected(closed_here());
}

void TcpListener::close() noexcept {
  if (closed_.exchange(true, std::memory_order_acq_rel)) return;
  ::shutdown(descriptor_, SHUT_RDWR);
}

Task<TransportResult<std::unique_ptr<Connection>>> connect_tcp(SchedulerExecutor<> executor,
                                                               TcpEndpoint endpoint) {
  TcpSocket socket(executor);
  auto connected = co_await socket.async_connect(endpoint, use_task);
  if (!connected) {
    const std::string doing = fmt::format("connect to {}", to_text(endpoint));
    // Of a connect, this says that there is no free port here.
    if (connected.error().value() == EADDRNOTAVAIL) {
      const std::string why = fmt::format("{}: {}", doing, connected.error().message());
      co_return coerce::unexpected(TransportErr(TransportErrKind::Exhausted, why));
    }
    co_return coerce::unexpected(tcp_error(connected.error(), doing));
  }
  co_return TcpConnection::make(std::move(socket));
}

}  // namespace coerce::detail
