#include "coordination/redis/handshake.hpp"

#include <array>
#include <vector>

#include <fmt/format.h>

namespace coerce::detail::redis {

namespace {

using Checked = Result<void, std::string>;

/// Scripts with flags came with 7.0: they are refused as a whole before they change anything.
constexpr std::uint64_t kOldestMajor = 7;

struct Setting {
  std::string_view name;
  std::string_view wanted;
};

/// Without any one of these the server acknowledges what it may forget.
constexpr std::array<Setting, 4> kDurable = {{
    {"appendonly", "yes"},
    {"appendfsync", "always"},
    {"no-appendfsync-on-rewrite", "no"},
    {"maxmemory-policy", "noeviction"},
}};

void add(Pipeline& pipeline, std::initializer_list<std::string_view> words) {
  pipeline.add(std::span(words.begin(), words.size()));
}

/// The value of a line `name:value` of what INFO says.
std::string_view info_field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const std::size_t end = info.find("\r\n");
    const std::string_view line = info.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':')
      return line.substr(name.size() + 1);
    if (end == info.npos) break;
    info.remove_prefix(end + 2);
  }
  return {};
}

Checked check_server(const Reply& info) {
  if (!info.is_text()) return coerce::unexpected("it does not say what it is: " + info.text);
  const std::string_view mode = info_field(info.text, "redis_mode");
  if (mode != "standalone")
    return coerce::unexpected(
        fmt::format("refused: it runs in the mode '{}', a lone server is needed", mode));
  const std::string_view version = info_field(info.text, "redis_version");
  const auto major = to_number(version.substr(0, version.find('.')));
  if (!major || *major < kOldestMajor)
    return coerce::unexpected(
        fmt::format("refused: it is version '{}', {}.0 or newer is needed", version, kOldestMajor));
  return {};
}

Checked check_role(const Reply& info, const RedisOptions& options) {
  if (!info.is_text()) return coerce::unexpected("it does not say its role: " + info.text);
  const std::string_view role = info_field(info.text, "role");
  if (role != "master")
    return coerce::unexpected(fmt::format("refused: its role is '{}', a primary is needed", role));
  const std::string_view replicas = info_field(info.text, "connected_slaves");
  if (replicas != "0" && !options.weaker_durability_allowed())
    return coerce::unexpected(
        fmt::format("refused: it has '{}' replicas, which could take its place without its last "
                    "writes (allow_weaker_durability takes it nevertheless)",
                    replicas));
  return {};
}

Checked check_setting(const Setting& setting, const Reply& reply) {
  std::string_view is = "not shown";
  if (reply.is_list() && reply.items.size() == 2 && reply.items[1].is_text())
    is = reply.items[1].text;
  if (is == setting.wanted) return {};
  return coerce::unexpected(
      fmt::format("refused: {} is '{}', '{}' is needed to keep what is acknowledged "
                  "(allow_weaker_durability takes it nevertheless)",
                  setting.name, is, setting.wanted));
}

Checked log_in(Connection& connection, const Endpoint& endpoint, Duration timeout) {
  Pipeline asked;
  if (!endpoint.password.empty() && endpoint.user.empty())
    add(asked, {"AUTH", endpoint.password});
  else if (!endpoint.password.empty())
    add(asked, {"AUTH", endpoint.user, endpoint.password});
  const std::string db = std::to_string(endpoint.db);
  if (endpoint.db != 0) add(asked, {"SELECT", db});
  const Exchanged said = connection.exchange(asked, timeout);
  if (!said.failure.empty()) return coerce::unexpected(said.failure);
  for (const Reply& reply : said.replies)
    if (reply.is_error()) return coerce::unexpected("it does not let us in: " + reply.text);
  return {};
}

}  // namespace

Checked shake_hands(Connection& connection, const Endpoint& endpoint, const RedisOptions& options) {
  const Duration timeout = options.connect_timeout();
  if (auto in = log_in(connection, endpoint, timeout); !in) return in;
  Pipeline asked;
  add(asked, {"INFO", "server"});
  add(asked, {"INFO", "replication"});
  for (const Setting& setting : kDurable) add(asked, {"CONFIG", "GET", setting.name});
  const Exchanged said = connection.exchange(asked, timeout);
  if (!said.failure.empty()) return coerce::unexpected(said.failure);
  if (auto fit = check_server(said.replies[0]); !fit) return fit;
  if (auto fit = check_role(said.replies[1], options); !fit) return fit;
  if (options.weaker_durability_allowed()) return {};
  for (std::size_t i = 0; i < kDurable.size(); ++i)
    if (auto fit = check_setting(kDurable[i], said.replies[2 + i]); !fit) return fit;
  return {};
}

}  // namespace coerce::detail::redis
