#include "persistence/redis/scripts.hpp"

// Keys and fields are described in docs/design/redis.md.
//
// Rules that all scripts keep:
// - What may be refused is refused before the first write. With a first line `#!lua` the server
// adds
//   its own refusals (out of memory, disk full, read-only) in front of that; `allow-oom` is for
//   scripts that make room, or without which nobody could.
// - Numbers of 64 bits that are only compared (epochs) are text of 20 digits, as Lua's numbers are
//   exact to 2^53 only. Sequences, offsets and openings are counted from 0 and stay below that.
// - The first item of a reply says how it went: 'ok', 'fenced', 'conflict' or 'missing'.
// - How long a script runs is bounded by its arguments, as the server does nothing else meanwhile.

namespace coerce::detail::redis {

namespace {

// KEYS: journal. ARGV: epoch of the owner, or ''.
constexpr std::string_view kOpen = R"lua(#!lua flags=allow-oom
local epoch = redis.call('HGET', KEYS[1], 'epoch') or string.rep('0', 20)
if ARGV[1] ~= '' then
  if ARGV[1] < epoch then return {'fenced', epoch} end
  epoch = ARGV[1]
end
redis.call('HINCRBY', KEYS[1], 'instance', 1)
redis.call('HSET', KEYS[1], 'epoch', epoch)
return {'ok', redis.call('HMGET', KEYS[1], 'epoch', 'instance', 'head', 'base', 'append')}
)lua";

// KEYS: journal. ARGV: epoch, instance.
constexpr std::string_view kReopen = R"lua(#!lua flags=allow-oom
local held = redis.call('HMGET', KEYS[1], 'epoch', 'instance')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'fenced'} end
redis.call('HINCRBY', KEYS[1], 'instance', 1)
return {'ok', redis.call('HMGET', KEYS[1], 'epoch', 'instance', 'head', 'base', 'append')}
)lua";

// KEYS: journal, events, offset. ARGV: epoch, instance, expected head, append id, persistence id,
// prefix of tags' keys, count of events; then of each event: its bytes, count of tags, tags.
// The head is written last: what lies beyond it, if the script should ever fail, is not there.
constexpr std::string_view kAppend = R"lua(#!lua
local held = redis.call('HMGET', KEYS[1], 'epoch', 'instance', 'head')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'fenced'} end
local head = held[3] or '0'
if head ~= ARGV[3] then return {'conflict', head} end
local count = tonumber(ARGV[7])
if count == 0 then return {'ok', head} end

local sequence = tonumber(head)
local offset = redis.call('INCRBY', KEYS[3], count) - count
local at = 8
for _ = 1, count do
  sequence = sequence + 1
  offset = offset + 1
  head = string.format('%.0f', sequence)
  redis.call('HSET', KEYS[2], head, ARGV[at])
  local tags = {}
  for i = 1, tonumber(ARGV[at + 1]) do
    tags[i] = ARGV[at + 1 + i]
    redis.call('ZADD', ARGV[6] .. tags[i], string.format('%.0f', offset), head .. ':' .. ARGV[5])
  end
  if #tags > 0 then redis.call('HSET', KEYS[2], 'tags:' .. head, cmsgpack.pack(tags)) end
  at = at + 2 + #tags
end
redis.call('HSET', KEYS[1], 'head', head, 'append', ARGV[4])
return {'ok', head}
)lua";

// KEYS: journal, events. ARGV: from, to, most bytes, most events.
// Gives the sequence of the first event, whether there are more, and the events.
constexpr std::string_view kRead = R"lua(#!lua flags=no-writes
local stored = redis.call('HMGET', KEYS[1], 'head', 'first')
local at = math.max(tonumber(ARGV[1]), tonumber(stored[2] or '1'))
local stop = math.min(tonumber(ARGV[2]), tonumber(stored[1] or '0') + 1)
local begin = string.format('%.0f', at)
local found, bytes = {}, 0
while at < stop and #found < tonumber(ARGV[4]) do
  local field = string.format('%.0f', at)
  local size = redis.call('HSTRLEN', KEYS[2], field)
  if size == 0 then return {'missing', field} end
  bytes = bytes + size
  if #found > 0 and bytes > tonumber(ARGV[3]) then break end
  found[#found + 1] = redis.call('HGET', KEYS[2], field)
  at = at + 1
end
return {'ok', begin, at < stop and 1 or 0, found}
)lua";

// KEYS: journal.
constexpr std::string_view kHead = R"lua(#!lua flags=no-writes
return {'ok', redis.call('HGET', KEYS[1], 'head') or '0'}
)lua";

// KEYS: journal, snapshots, order of snapshots. ARGV: epoch, instance, sequence, bytes.
constexpr std::string_view kWriteSnapshot = R"lua(#!lua
local held = redis.call('HMGET', KEYS[1], 'epoch', 'instance', 'head')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'fenced'} end
local head = held[3] or '0'
local sequence = tonumber(ARGV[3])
if sequence < 0 or sequence > tonumber(head) then return {'conflict', head} end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[3])
return {'ok'}
)lua";

// KEYS: snapshots, order of snapshots. Gives nothing, or sequence and bytes.
constexpr std::string_view kReadLatestSnapshot = R"lua(#!lua flags=no-writes
local latest = redis.call('ZREVRANGE', KEYS[2], 0, 0)[1]
if not latest then return {'ok'} end
local bytes = redis.call('HGET', KEYS[1], latest)
if not bytes then return {'missing', latest} end
return {'ok', latest, bytes}
)lua";

// KEYS: journal, events. ARGV: epoch, instance, n, most events to remove, persistence id, prefix of
// tags' keys. At once nobody sees events below n any more; they are removed from `purged` on, so
// many a call. Gives whether some are left to remove.
constexpr std::string_view kDeleteEvents = R"lua(#!lua flags=allow-oom
local held = redis.call('HMGET', KEYS[1], 'epoch', 'instance', 'head', 'first', 'purged')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'fenced'} end
local first = tonumber(held[4] or '1')
local wanted = math.min(tonumber(ARGV[3]), tonumber(held[3] or '0') + 1)
if wanted > first then
  first = wanted
  redis.call('HSET', KEYS[1], 'first', string.format('%.0f', first))
end
local at = tonumber(held[5] or '1')
local stop = math.min(first, at + tonumber(ARGV[4]))
while at < stop do
  local field = string.format('%.0f', at)
  local tags = redis.call('HGET', KEYS[2], 'tags:' .. field)
  for _, tag in ipairs(tags and cmsgpack.unpack(tags) or {}) do
    redis.call('ZREM', ARGV[6] .. tag, field .. ':' .. ARGV[5])
  end
  redis.call('HDEL', KEYS[2], field, 'tags:' .. field)
  at = at + 1
end
redis.call('HSET', KEYS[1], 'purged', string.format('%.0f', at))
return {'ok', at < first and 1 or 0}
)lua";

// KEYS: journal, snapshots, order of snapshots. ARGV: epoch, instance, n, most snapshots to remove.
// Removes the oldest first. Gives whether some are left to remove.
constexpr std::string_view kDeleteSnapshots = R"lua(#!lua flags=allow-oom
local held = redis.call('HMGET', KEYS[1], 'epoch', 'instance')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'fenced'} end
local old = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[3], 'LIMIT', 0, ARGV[4])
for _, sequence in ipairs(old) do
  redis.call('ZREM', KEYS[3], sequence)
  redis.call('HDEL', KEYS[2], sequence)
end
return {'ok', #old == tonumber(ARGV[4]) and 1 or 0}
)lua";

// KEYS: journal, snapshots, order of snapshots. ARGV: epoch, instance. The events are removed by
// kDeleteEvents afterwards. Gives what its n has to be.
constexpr std::string_view kDeleteAll = R"lua(#!lua flags=allow-oom
local held = redis.call('HMGET', KEYS[1], 'epoch', 'instance', 'head')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return {'fenced'} end
local head = held[3] or '0'
local first = string.format('%.0f', tonumber(head) + 1)
redis.call('HSET', KEYS[1], 'base', head, 'first', first)
redis.call('UNLINK', KEYS[2], KEYS[3])
return {'ok', first}
)lua";

// KEYS: tag, offset. ARGV: from, most bytes, most events, prefix of journals' keys, prefix of
// events' keys. Gives where to read on, whether there may be more, the last offset of the store,
// and of each event: offset, persistence id, sequence, bytes.
constexpr std::string_view kReadByTag = R"lua(#!lua flags=no-writes
local last = redis.call('GET', KEYS[2]) or '0'
local places = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'WITHSCORES',
                          'LIMIT', 0, ARGV[3])
local found, bytes, next_offset = {}, 0, ARGV[1]
for i = 1, #places, 2 do
  local place, offset = places[i], places[i + 1]
  local colon = string.find(place, ':', 1, true)
  local field, id = string.sub(place, 1, colon - 1), string.sub(place, colon + 1)
  local stored = redis.call('HMGET', ARGV[4] .. id, 'head', 'first')
  local sequence = tonumber(field)
  if sequence >= tonumber(stored[2] or '1') and sequence <= tonumber(stored[1] or '0') then
    local size = redis.call('HSTRLEN', ARGV[5] .. id, field)
    if size == 0 then return {'missing', place} end
    bytes = bytes + size
    if #found > 0 and bytes > tonumber(ARGV[2]) then return {'ok', offset, 1, last, found} end
    found[#found + 1] = {offset, id, field, redis.call('HGET', ARGV[5] .. id, field)}
  end
  next_offset = string.format('%.0f', tonumber(offset) + 1)
end
return {'ok', next_offset, #places == 2 * tonumber(ARGV[3]) and 1 or 0, last, found}
)lua";

}  // namespace

const std::array<Script, 11> kJournalScripts = {{
    {"open", kOpen},
    {"reopen", kReopen},
    {"append", kAppend},
    {"read", kRead},
    {"head", kHead},
    {"write_snapshot", kWriteSnapshot},
    {"read_latest_snapshot", kReadLatestSnapshot},
    {"delete_events_to", kDeleteEvents},
    {"delete_snapshots_to", kDeleteSnapshots},
    {"delete_all", kDeleteAll},
    {"read_by_tag", kReadByTag},
}};

}  // namespace coerce::detail::redis
