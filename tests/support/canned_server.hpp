/// \file
/// A server that says what a test wants it to say.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace coerce::test {

/// Listens on a free port of the loopback interface and serves one connection after the other.
/// Owns a thread; its end ends the connection.
class CannedServer {
 public:
  /// `answer` is given what has come, in the pieces in which it comes, and says what to send; it
  /// runs on the server's thread.
  explicit CannedServer(std::function<std::string(std::string_view)> answer);
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;
  ~CannedServer();

  std::uint16_t port() const noexcept { return port_; }

 private:
  void work();

  std::function<std::string(std::string_view)> answer_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<int> connection_{-1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// The same reply to each command of what has come.
std::string to_each_command(std::string_view commands, std::string_view reply);

}  // namespace coerce::test
