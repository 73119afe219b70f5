#include "support/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace coerce::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

TcpProxy::TcpProxy(std::uint16_t target) : target_(target) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::pipe(wake_) != 0)
    throw std::runtime_error("the proxy cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { work(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  wake();
  thread_.join();
  for (const Connection& connection : connections_) {
    ::close(connection.client);
    ::close(connection.server);
  }
  ::close(listener_);
  ::close(wake_[0]);
  ::close(wake_[1]);
}

void TcpProxy::set(ProxyMode mode) {
  mode_ = mode;
  wake();
}

void TcpProxy::wait_for_lost_reply(std::size_t count) const {
  for (std::size_t lost = replies_lost_; lost < count; lost = replies_lost_)
    replies_lost_.wait(lost);
}

void TcpProxy::wake() {
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = ::write(wake_[1], &byte, 1);
}

void TcpProxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  ++accepted_;
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target_);
  if (mode_ == ProxyMode::Refuse ||
      ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(client);
    ::close(server);
    return;
  }
  connections_.push_back({client, server});
}

/// False: the connection has to end.
bool TcpProxy::pass_on(Connection& connection, bool from_client) {
  char buffer[64 * 1024];
  const int source = from_client ? connection.client : connection.server;
  const ssize_t got = ::recv(source, buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  const ProxyMode mode = mode_;
  if (!from_client && (mode == ProxyMode::DropReplies || mode == ProxyMode::CutAtReply)) {
    ++replies_lost_;
    replies_lost_.notify_all();
    return mode == ProxyMode::DropReplies;
  }
  return send_all(from_client ? connection.server : connection.client, buffer,
                  static_cast<std::size_t>(got));
}

void TcpProxy::work() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    const short wanted = mode_ == ProxyMode::Stall ? 0 : POLLIN;
    polled.assign({{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}});
    for (const Connection& connection : connections_) {
      polled.push_back({connection.client, wanted, 0});
      polled.push_back({connection.server, wanted, 0});
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if (polled[0].revents != 0) {
      char bytes[64];
      [[maybe_unused]] const ssize_t woken = ::read(wake_[0], bytes, sizeof(bytes));
    }
    // The mode may have changed while this thread waited.
    if (mode_ == ProxyMode::Stall && wanted != 0) continue;
    for (std::size_t i = connections_.size(); i-- > 0;) {
      Connection& connection = connections_[i];
      bool goes_on = true;
      if (polled[2 + 2 * i].revents != 0) goes_on = pass_on(connection, true);
      if (goes_on && polled[3 + 2 * i].revents != 0) goes_on = pass_on(connection, false);
      if (goes_on) continue;
      ::close(connection.client);
      ::close(connection.server);
      connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (polled[1].revents != 0) accept_one();
  }
}

}  // namespace coerce::test
