#include "coordination/redis/lease_scripts.hpp"

// A lease is a hash of `epoch`, and while it is held of `owner`, `ttl` and `until`, the end in
// microseconds of the server's clock. The hash has no expiry of its own, as its epoch must stay.
// Microseconds since 1970 are below 2^53, so that Lua's numbers keep them, until the year 2255.

namespace coerce::detail::redis {

namespace {

// KEYS: lease. ARGV: owner, time to live.
// Gives the epoch, or nothing if somebody else holds it.
constexpr std::string_view kAcquire = R"lua(#!lua
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local lease = redis.call('HMGET', KEYS[1], 'owner', 'until')
local is_held = lease[1] and tonumber(lease[2]) > now
if is_held and lease[1] ~= ARGV[1] then return {'ok'} end
if not is_held then redis.call('HINCRBY', KEYS[1], 'epoch', 1) end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'ttl', ARGV[2],
           'until', string.format('%.0f', now + tonumber(ARGV[2])))
return {'ok', redis.call('HGET', KEYS[1], 'epoch')}
)lua";

// KEYS: lease. ARGV: owner, epoch. Gives whether it is held.
constexpr std::string_view kRenew = R"lua(#!lua flags=allow-oom
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'until', 'ttl')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] or tonumber(lease[3]) <= now then
  return {'ok', 0}
end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + tonumber(lease[4])))
return {'ok', 1}
)lua";

// KEYS: lease. ARGV: owner, epoch.
constexpr std::string_view kRelease = R"lua(#!lua flags=allow-oom
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch')
if lease[1] == ARGV[1] and lease[2] == ARGV[2] then
  redis.call('HDEL', KEYS[1], 'owner', 'until', 'ttl')
end
return {'ok'}
)lua";

}  // namespace

const std::array<Script, 3> kLeaseScripts = {{
    {"acquire", kAcquire},
    {"renew", kRenew},
    {"release", kRelease},
}};

}  // namespace coerce::detail::redis
