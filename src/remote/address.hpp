/// \file
/// "host:port".

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <coerce/remote/transport.hpp>

namespace coerce::detail {

struct HostPort {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;

  std::string to_string() const;  ///< an IPv6 address in brackets
};

/// "host:port" or "[ipv6]:port", at most 255 bytes. Error: BadAddress, with what is wrong.
TransportResult<HostPort> parse_address(std::string_view text);
/// An IPv4 or IPv6 address, without brackets: nothing that has to be looked up.
bool is_number(std::string_view host) noexcept;
/// Every address of the host: 0.0.0.0 or ::.
bool is_unspecified(std::string_view host) noexcept;
/// Only reachable from this machine: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string_view host) noexcept;
/// The first address of this machine that is up and neither loopback nor link-local, IPv4 first, in
/// the order of the interfaces' names.
std::optional<std::string> first_own_address();

}  // namespace coerce::detail
