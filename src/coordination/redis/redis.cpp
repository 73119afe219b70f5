#include <coerce/coordination/redis.hpp>

#include <fmt/format.h>

#include "coordination/lease_limits.hpp"
#include "coordination/redis/client.hpp"
#include "coordination/redis/lease_scripts.hpp"

namespace coerce {

namespace {

using namespace detail::redis;
using Kind = LeaseErr::Kind;

LeaseErr error_of(const Failure& failure) {
  const bool is_corrupt =
      failure.kind == FailureKind::Contradicts || failure.kind == FailureKind::Broken;
  return LeaseErr(is_corrupt ? Kind::Corrupt : Kind::Unavailable, failure.detail);
}

LeaseErr unreadable(std::string_view name) {
  return LeaseErr(Kind::Corrupt, fmt::format("the lease '{}' cannot be read", name));
}

class RedisLeases final : public LeaseStore {
 public:
  RedisLeases(Endpoint endpoint, const RedisOptions& options, const LeaseLimits& limits)
      : limits_(limits),
        prefix_(options.prefix()),
        client_(std::move(endpoint), options, kLeaseScripts, ReplyLimits()) {}

  Task<LeaseResult<void>> connect() {
    const auto connected = co_await client_.connect();
    if (!connected) co_return coerce::unexpected(error_of(connected.error()));
    co_return LeaseResult<void>();
  }

  Task<LeaseResult<std::optional<LeaseGrant>>> acquire(std::string name, std::string owner,
                                                       Duration ttl) override {
    if (auto bad = detail::check_lease(limits_, name, owner, ttl))
      co_return coerce::unexpected(*bad);
    ScriptCall call = call_for(LeaseScript::Acquire, name, std::move(owner));
    // Rounded up: it must not end before its holder thinks so.
    const auto micros = std::chrono::ceil<std::chrono::microseconds>(ttl).count();
    call.arg(std::to_string(micros));
    const auto reply = co_await client_.call(std::move(call));
    if (!reply) co_return coerce::unexpected(error_of(reply.error()));
    if (reply->items.size() == 1) co_return std::optional<LeaseGrant>();
    const auto epoch = reply->items.size() == 2 ? to_number(reply->items[1].text) : std::nullopt;
    if (!epoch) co_return coerce::unexpected(unreadable(name));
    co_return std::optional(LeaseGrant{Epoch{*epoch}, ttl});
  }

  Task<LeaseResult<bool>> renew(std::string name, std::string owner, Epoch epoch) override {
    if (auto bad = detail::check_lease(limits_, name, owner)) co_return coerce::unexpected(*bad);
    ScriptCall call = call_for(LeaseScript::Renew, name, std::move(owner));
    call.arg(epoch.value);
    const auto reply = co_await client_.call(std::move(call));
    if (!reply) co_return coerce::unexpected(error_of(reply.error()));
    if (reply->items.size() != 2) co_return coerce::unexpected(unreadable(name));
    co_return reply->items[1].integer == 1;
  }

  Task<LeaseResult<void>> release(std::string name, std::string owner, Epoch epoch) override {
    if (auto bad = detail::check_lease(limits_, name, owner)) co_return coerce::unexpected(*bad);
    ScriptCall call = call_for(LeaseScript::Release, name, std::move(owner));
    call.arg(epoch.value);
    const auto reply = co_await client_.call(std::move(call));
    if (!reply) co_return coerce::unexpected(error_of(reply.error()));
    co_return LeaseResult<void>();
  }

  bool advisory() const noexcept override { return true; }

 private:
  ScriptCall call_for(LeaseScript script, const std::string& name, std::string owner) const {
    ScriptCall call(static_cast<std::size_t>(script));
    call.key(prefix_ + "lease:" + name).arg(std::move(owner));
    return call;
  }

  const LeaseLimits limits_;
  const std::string prefix_;
  Client client_;
};

}  // namespace

Task<LeaseResult<std::shared_ptr<LeaseStore>>> RedisLeaseStore::connect(std::string uri,
                                                                        RedisOptions options,
                                                                        LeaseLimits limits) {
  auto endpoint = parse_endpoint(uri);
  if (!endpoint) co_return coerce::unexpected(LeaseErr(Kind::Unavailable, endpoint.error()));
  auto leases = std::make_shared<RedisLeases>(std::move(*endpoint), options, limits);
  const auto connected = co_await leases->connect();
  if (!connected) co_return coerce::unexpected(connected.error());
  co_return std::shared_ptr<LeaseStore>(std::move(leases));
}

}  // namespace coerce
