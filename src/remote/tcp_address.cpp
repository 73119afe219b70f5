#include "remote/tcp_address.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace coerce::detail {

namespace {

constexpr std::size_t kMostEndpoints = 64;

auto bad(std::string_view why) {
  return coerce::unexpected(TransportErr(TransportErrKind::BadAddress, std::string(why)));
}

asio::ip::address unmapped(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

}  // namespace

std::string to_text(const TcpEndpoint& endpoint) {
  const auto address = unmapped(endpoint.address());
  const std::string host = address.to_string();
  return address.is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                         : fmt::format("{}:{}", host, endpoint.port());
}

std::optional<TcpEndpoint> numeric_endpoint(const HostPort& address) {
  std::error_code error;
  const auto parsed = asio::ip::make_address(address.host, error);
  if (error) return std::nullopt;
  return TcpEndpoint(parsed, address.port);
}

TransportResult<std::vector<TcpEndpoint>> look_up(const HostPort& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0)
    return bad(fmt::format("{}: {}", address.host, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<TcpEndpoint> endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    TcpEndpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity() || endpoints.size() == kMostEndpoints) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    endpoint.port(address.port);
    if (std::ranges::find(endpoints, endpoint) == endpoints.end()) endpoints.push_back(endpoint);
  }
  if (endpoints.empty()) return bad(fmt::format("{}: no address", address.host));
  return endpoints;
}

}  // namespace coerce::detail
