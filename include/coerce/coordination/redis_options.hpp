/// \file
/// How coerce talks to a Redis server.

#pragma once

#include <cstddef>
#include <string>

#include <coerce/runtime/clock.hpp>

namespace coerce {

/// Options of everything that is kept in Redis. Setters throw std::invalid_argument for values that
/// cannot work; defaults in brackets. A value.
class RedisOptions {
 public:
  /// ["coerce:"] Begins every key. Systems that share a server and not their data need two.
  /// \pre 1 to 256 bytes
  RedisOptions& prefix(std::string value);
  /// [2 s] To connect, to log in and to look at the server's configuration. Resolving a host name
  /// comes on top and takes what the machine's resolver allows. \pre more than 0
  RedisOptions& connect_timeout(Duration value);
  /// [5 s] From sending a request to its answer, plus one second for each MiB that is moved.
  /// \pre more than 0
  RedisOptions& command_timeout(Duration value);
  /// [2 s] After a failure to connect, requests fail at once for a while that begins at 50 ms,
  /// doubles with each failure, and is at most this. \pre more than 0
  RedisOptions& max_back_off(Duration value);
  /// [4096] Requests that wait for the connection; more are refused. \pre more than 0
  RedisOptions& max_waiting(std::size_t value);
  /// [false] Take a server that may forget what it has acknowledged: one without `appendonly yes`,
  /// `appendfsync always`, `no-appendfsync-on-rewrite no` and `maxmemory-policy noeviction`, one
  /// that does not show them, or one with replicas, which could take its place without its last
  /// writes. Then Acknowledged no longer means kept.
  RedisOptions& allow_weaker_durability(bool value = true) noexcept;

  const std::string& prefix() const noexcept { return prefix_; }
  Duration connect_timeout() const noexcept { return connect_timeout_; }
  Duration command_timeout() const noexcept { return command_timeout_; }
  Duration max_back_off() const noexcept { return max_back_off_; }
  std::size_t max_waiting() const noexcept { return max_waiting_; }
  bool weaker_durability_allowed() const noexcept { return weaker_durability_; }

 private:
  std::string prefix_ = "coerce:";
  Duration connect_timeout_ = std::chrono::seconds(2);
  Duration command_timeout_ = std::chrono::seconds(5);
  Duration max_back_off_ = std::chrono::seconds(2);
  std::size_t max_waiting_ = 4096;
  bool weaker_durability_ = false;
};

}  // namespace coerce
