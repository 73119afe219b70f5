#include "remote/address.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <tuple>
#include <vector>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <fmt/format.h>

namespace coerce::detail {

namespace {

constexpr std::size_t kLongestAddress = 255;

auto bad(std::string why) {
  return coerce::unexpected(TransportErr(TransportErrKind::BadAddress, std::move(why)));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_printable(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<std::string> text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN]{};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) return std::nullopt;
    return ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
  }
  return std::nullopt;
}

}  // namespace

std::string HostPort::to_string() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

TransportResult<HostPort> parse_address(std::string_view text) {
  if (text.size() > kLongestAddress) return bad("the address is too long");
  if (!is_printable(text)) return bad("the address is no plain text");
  const std::size_t colon = text.rfind(':');
  const auto port =
      colon != std::string_view::npos ? parse_port(text.substr(colon + 1)) : std::nullopt;
  if (!port) return bad(fmt::format("'{}' has no port", text));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.starts_with('['))
    return bad(fmt::format("'{}' has a bracket too few", text));
  else if (host.find(':') != std::string_view::npos)
    return bad(fmt::format("the IPv6 address in '{}' needs brackets", text));
  if (host.empty()) return bad(fmt::format("'{}' has no host", text));
  return HostPort{std::string(host), *port};
}

bool is_number(std::string_view host) noexcept {
  if (host.find(':') != std::string_view::npos) return true;  // no name has a colon
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_unspecified(std::string_view host) noexcept { return host == "0.0.0.0" || host == "::"; }

bool is_loopback(std::string_view host) noexcept {
  if (host == "localhost" || host == "::1") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 &&
         (ntohl(address.s_addr) >> 24) == 127;
}

std::optional<std::string> first_own_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, &::freeifaddrs);
  std::vector<std::tuple<bool, std::string, std::string>> found;  // is IPv6, interface, address
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0 ||
        (entry->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    if (auto text = text_of(entry->ifa_addr))
      found.emplace_back(entry->ifa_addr->sa_family == AF_INET6, entry->ifa_name, *text);
  }
  if (found.empty()) return std::nullopt;
  return std::get<2>(*std::ranges::min_element(found));
}

}  // namespace coerce::detail
