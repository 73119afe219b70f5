/// \file
/// A bad network between a client and a server of this machine.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace coerce::test {

enum class ProxyMode : std::uint8_t {
  Forward,
  CutAtReply,   ///< what is asked arrives; the first reply to come back ends the connection instead
  DropReplies,  ///< what is asked arrives; no reply comes back
  Stall,        ///< nothing arrives
  Refuse,       ///< connections end as soon as they are made
};

/// Listens on a free port of the loopback interface and passes on to another one. Owns a thread;
/// its end ends all connections. Thread-safe.
class TcpProxy {
 public:
  explicit TcpProxy(std::uint16_t target);
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  ~TcpProxy();

  std::uint16_t port() const noexcept { return port_; }
  /// From now on; connections that are there stay.
  void set(ProxyMode mode);
  /// How many connections have been accepted, and how many replies been kept back.
  std::size_t accepted() const noexcept { return accepted_; }
  std::size_t replies_lost() const noexcept { return replies_lost_; }
  /// Waits until at least so many replies have been kept back.
  void wait_for_lost_reply(std::size_t count) const;

 private:
  struct Connection {
    int client = -1;
    int server = -1;
  };

  void work();
  void accept_one();
  bool pass_on(Connection& connection, bool from_client);
  void wake();

  const std::uint16_t target_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::atomic<ProxyMode> mode_{ProxyMode::Forward};
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> replies_lost_{0};
  std::vector<Connection> connections_;
  std::thread thread_;
};

}  // namespace coerce::test
