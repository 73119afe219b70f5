/// \file
/// Addresses of nodes as those of sockets.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "remote/address.hpp"

namespace coerce::detail {

using TcpEndpoint = asio::ip::tcp::endpoint;

/// "ip:port" or "[ipv6]:port"; an IPv4 address that came as an IPv6 one is written as what it is.
std::string to_text(const TcpEndpoint& endpoint);
/// What an address of numbers means; none: the host is a name.
std::optional<TcpEndpoint> numeric_endpoint(const HostPort& address);
/// Asks the operating system, which may take long. Error: BadAddress.
TransportResult<std::vector<TcpEndpoint>> look_up(const HostPort& address);

}  // namespace coerce::detail
