/// \file
/// A real Redis server for one test.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "persistence/temporary_directory.hpp"

namespace coerce::test {

struct RedisServerOptions {
  /// Lines of redis.conf, behind those that make it durable; the last one of a name counts.
  std::vector<std::string> config{};
  std::string password{};
  bool sentinel = false;
};

/// Owns a redis-server process with a directory, a port and a socket of its own. It writes every
/// command to its file before it answers. Its end stops the process; so does the end of the test's
/// process, however it comes. Throws std::runtime_error where something fails: redis-server is not
/// installed, or does not answer within ten seconds. For one thread.
class RedisServer {
 public:
  explicit RedisServer(RedisServerOptions options = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  std::uint16_t port() const noexcept { return port_; }
  std::string uri() const;
  std::string unix_uri() const;

  /// Sends one command over a connection of its own and gives the reply as text: lists one item a
  /// line, errors behind a '-'.
  std::string run(const std::vector<std::string>& command) const;

  /// How often it has written to a file or socket. It syncs its file after each write to that.
  std::uint64_t writes() const;

  void kill9();   ///< ends it as a crash does
  void start();   ///< on the same port and directory. \pre it was killed
  void freeze();  ///< until thaw(), no command is handled; connections are still accepted
  void thaw();

 private:
  void write_config() const;
  void spawn();
  bool answers() const;
  bool ended();
  void wait_until_ready();
  std::string log() const;
  std::string socket_path() const { return directory_.file("socket"); }

  RedisServerOptions options_;
  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace coerce::test
