/// \file
/// Addresses of nodes as those of sockets.

#pragma once

#include <string_view>
#include <vector>

#include <asio/ip/tcp.hpp>

#include <coerce/remote/transport.hpp>

namespace coerce::detail {

using TcpEndpoint = asio::ip::tcp::endpoint;

/// "ip:port" or "[ipv6]:port"; an IPv4 address that came as an IPv6 one is written as what it is.
std::string to_text(const TcpEndpoint& endpoint);
/// "host:port" cut in two, without brackets. Error: BadAddress.
struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};
TransportResult<HostAndPort> split_address(std::string_view address);
/// What an address of numbers means; none: the host is a name.
std::optional<TcpEndpoint> numeric_endpoint(const HostAndPort& address);
/// Asks the operating system, which may take long. Error: BadAddress.
TransportResult<std::vector<TcpEndpoint>> look_up(const HostAndPort& address);

}  // namespace coerce::detail
