/// \file
/// "host:port".

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace coerce::detail {

struct HostPort {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;

  std::string to_string() const;  ///< an IPv6 address in brackets
};

/// None: `text` is no "host:port" or "[ipv6]:port", or longer than 255 bytes.
std::optional<HostPort> parse_address(std::string_view text);
/// Every address of the host: 0.0.0.0 or ::.
bool is_unspecified(std::string_view host) noexcept;
/// Only reachable from this machine: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host) noexcept;
/// The first address of this machine that is up and neither loopback nor link-local, IPv4 first, in
/// the order of the interfaces' names.
std::optional<std::string> first_own_address();

}  // namespace coerce::detail
