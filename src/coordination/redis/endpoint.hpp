/// \file
/// Where a Redis server is, and who we are to it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <coerce/actor/error.hpp>

namespace coerce::detail::redis {

/// What a URI says: `redis://[[user]:password@]host[:port][/db]` or
/// `unix://[[user]:password@]/path[?db=n]`. User, password and path may be percent-encoded.
struct Endpoint {
  std::string host;
  std::uint16_t port = 6379;
  std::string socket_path;  ///< in place of host and port
  std::string user;
  std::string password;  ///< empty: do not log in
  std::uint32_t db = 0;

  /// For people: without user and password.
  std::string to_string() const;
};

/// The error says what is wrong with it, in words.
Result<Endpoint, std::string> parse_endpoint(std::string_view uri);

}  // namespace coerce::detail::redis
