#include "support/canned_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace coerce::test {

namespace {

constexpr int kBetweenLooks = 5;  // milliseconds
constexpr std::size_t kPiece = 64 * 1024;

bool is_ready(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, kBetweenLooks) == 1;
}

}  // namespace

CannedServer::CannedServer(std::function<std::string(std::string_view)> answer)
    : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the server cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { work(); });
}

CannedServer::~CannedServer() {
  stopping_ = true;
  if (const int fd = connection_; fd >= 0) ::shutdown(fd, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

void CannedServer::work() {
  std::string piece(kPiece, '\0');
  while (!stopping_) {
    if (!is_ready(listener_)) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    connection_ = fd;
    while (!stopping_) {
      if (!is_ready(fd)) continue;
      const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
      if (got <= 0) break;
      const std::string reply = answer_({piece.data(), static_cast<std::size_t>(got)});
      for (std::size_t sent = 0; sent < reply.size();) {
        const ssize_t gone = ::send(fd, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (gone <= 0) break;
        sent += static_cast<std::size_t>(gone);
      }
    }
    connection_ = -1;
    ::close(fd);
  }
}

std::string to_each_command(std::string_view commands, std::string_view reply) {
  std::string replies;
  for (std::size_t at = 0; at < commands.size(); ++at)
    if (commands[at] == '*' && (at == 0 || commands[at - 1] == '\n')) replies += reply;
  return replies;
}

}  // namespace coerce::test
