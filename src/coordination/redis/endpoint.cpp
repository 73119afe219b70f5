#include "coordination/redis/endpoint.hpp"

#include <sys/un.h>

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace coerce::detail::redis {

namespace {

constexpr std::string_view kTcp = "redis://";
constexpr std::string_view kUnix = "unix://";
constexpr std::uint32_t kMaxDb = 1'000'000;
constexpr std::size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;

tl::unexpected<std::string> bad(std::string_view why) {
  return coerce::unexpected(fmt::format("not the URI of a Redis server: {}", why));
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return {};
  return value;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const char* const digits = text.data() + i + 1;
    std::uint8_t value = 0;
    const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
    if (error != std::errc() || end != digits + 2) return std::nullopt;
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

/// Cuts `[user]:password@` from the front of `rest`. False: it cannot be read.
bool take_login(std::string_view& rest, Endpoint& endpoint) {
  const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == rest.npos) return true;
  const std::string_view login = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const std::size_t colon = login.find(':');
  if (colon == login.npos) return false;
  auto user = decoded(login.substr(0, colon));
  auto password = decoded(login.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  endpoint.user = std::move(*user);
  endpoint.password = std::move(*password);
  return true;
}

bool take_db(std::string_view text, Endpoint& endpoint) {
  const auto db = number(text, kMaxDb);
  if (db) endpoint.db = *db;
  return db.has_value();
}

Result<Endpoint, std::string> parse_unix(std::string_view rest, Endpoint endpoint) {
  if (const std::size_t query = rest.find('?'); query != rest.npos) {
    const std::string_view asked = rest.substr(query + 1);
    if (!asked.starts_with("db=") || !take_db(asked.substr(3), endpoint))
      return bad("of a query, only ?db=<number> is known");
    rest = rest.substr(0, query);
  }
  auto path = decoded(rest);
  if (!path || !path->starts_with('/')) return bad("the path of a socket begins with '/'");
  // A longer one would be cut silently, and name another file.
  if (path->size() > kMaxPathBytes || path->find('\0') != path->npos)
    return bad(fmt::format("the path of a socket has at most {} bytes", kMaxPathBytes));
  endpoint.socket_path = std::move(*path);
  return endpoint;
}

Result<Endpoint, std::string> parse_tcp(std::string_view rest, Endpoint endpoint) {
  if (const std::size_t slash = rest.find('/'); slash != rest.npos) {
    const std::string_view db = rest.substr(slash + 1);
    if (!db.empty() && !take_db(db, endpoint)) return bad("what stands for the db is no number");
    rest = rest.substr(0, slash);
  }
  std::string_view host = rest;
  std::string_view port;
  if (rest.starts_with('[')) {  // an IPv6 address
    const std::size_t end = rest.find(']');
    if (end == rest.npos) return bad("a ']' is missing");
    host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
  } else if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon);
  }
  if (host.empty() || host.find('\0') != host.npos) return bad("it names no host");
  endpoint.host = host;
  if (port.empty()) return endpoint;
  const auto value = port.starts_with(':') ? number(port.substr(1), 65'535) : std::nullopt;
  if (!value || *value == 0) return bad("what stands for the port is none");
  endpoint.port = static_cast<std::uint16_t>(*value);
  return endpoint;
}

}  // namespace

std::string Endpoint::to_string() const {
  if (!socket_path.empty()) return fmt::format("{}{}?db={}", kUnix, socket_path, db);
  const bool six = host.find(':') != host.npos;
  return fmt::format("{}{}{}{}:{}/{}", kTcp, six ? "[" : "", host, six ? "]" : "", port, db);
}

Result<Endpoint, std::string> parse_endpoint(std::string_view uri) {
  const bool by_tcp = uri.starts_with(kTcp);
  if (!by_tcp && !uri.starts_with(kUnix)) return bad("it begins with redis:// or unix://");
  std::string_view rest = uri.substr(by_tcp ? kTcp.size() : kUnix.size());
  Endpoint endpoint;
  if (!take_login(rest, endpoint)) return bad("before the '@' stands [user]:password");
  return by_tcp ? parse_tcp(rest, std::move(endpoint)) : parse_unix(rest, std::move(endpoint));
}

}  // namespace coerce::detail::redis
