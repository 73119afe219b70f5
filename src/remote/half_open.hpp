/// \file
/// Those at the door: connections whose other end has not proven yet who it is.

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <coerce/remote/transport.hpp>

namespace coerce::detail {

/// Bounds how many there are, and lets none of them keep others out for long: where there is no
/// room, a new one takes the place of one that has said nothing valid so far. That is the oldest of
/// the host that has most, so a host with many loses its own and not those of others; who has said
/// a whole hello keeps its place. Thread-safe.
class HalfOpen {
 public:
  explicit HalfOpen(std::size_t most) noexcept
      : most_(most), most_of_one_(std::max<std::size_t>(1, most / 2)) {}

  /// Takes one in, and closes the one whose place it gets. `connection` must live until leave().
  /// Gives its number; 0: there is no room, as all those whose place it could get have said a
  /// hello.
  std::uint64_t enter(const std::string& host, Connection& connection);
  void said_hello(std::uint64_t number);
  /// False: it had lost its place to another one.
  bool leave(std::uint64_t number) noexcept;

  std::size_t count() const noexcept;
  /// Have so many lost their place and not gone yet that no more connections should be taken for a
  /// moment? Each of them has a descriptor still.
  bool is_crowded() const noexcept;
  std::uint64_t refused() const noexcept;
  std::uint64_t displaced() const noexcept;

 private:
  struct Host {
    std::size_t count = 0;
    std::map<std::uint64_t, Connection*> silent;  ///< by number: the oldest first
  };
  using Hosts = std::map<std::string, Host>;

  Hosts::iterator loser(const std::string& host);
  void displace(Hosts::iterator host);

  const std::size_t most_;
  const std::size_t most_of_one_;
  mutable std::mutex mutex_;
  Hosts hosts_;                               ///< none without a connection
  std::map<std::uint64_t, std::string> all_;  ///< number: host
  std::size_t ending_ = 0;                    ///< displaced, and not gone yet
  std::uint64_t last_number_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t displaced_ = 0;
};

/// A connection that has a place at the door until it is let in or goes. For one task.
class Guest {
 public:
  Guest(std::shared_ptr<HalfOpen> all, std::unique_ptr<Connection> connection, std::string host)
      : all_(std::move(all)), connection_(std::move(connection)), host_(std::move(host)) {}
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { (void)leave(); }

  /// False: there is no place.
  bool enter() { return (number_ = all_->enter(host_, *connection_)) != 0; }
  void said_hello() { all_->said_hello(number_); }
  /// False: it had lost its place to another one, and its connection was closed for that.
  bool leave() noexcept {
    const std::uint64_t number = std::exchange(number_, 0);
    return number == 0 || all_->leave(number);
  }
  Connection& connection() noexcept { return *connection_; }
  const std::string& host() const noexcept { return host_; }
  /// \pre leave() was called
  std::unique_ptr<Connection> let_in() noexcept { return std::move(connection_); }

 private:
  const std::shared_ptr<HalfOpen> all_;
  std::unique_ptr<Connection> connection_;
  const std::string host_;
  std::uint64_t number_ = 0;
};

}  // namespace coerce::detail
