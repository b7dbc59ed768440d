-- An event is handled: acknowledge it, keep its verdict, and trim what is handled and old.
-- KEYS: events, event:ID
-- ARGV: event id, ms to keep, most handled entries to keep, name, value, …
local fields = {}
for i = 4, #ARGV do
    fields[#fields + 1] = ARGV[i]
end
redis.call('XACK', KEYS[1], 'matchers', ARGV[1])
redis.call('HSET', KEYS[2], 'id', ARGV[1], unpack(fields))
redis.call('PEXPIRE', KEYS[2], ARGV[2])

-- Never trim what is not read (above the group's last-delivered-id) or not settled (pending): of the ids below both,
-- those that are too old, or too many.
local function before(a, b)
    local a_ms, a_seq = string.match(a, '^(%d+)%-(%d+)$')
    local b_ms, b_seq = string.match(b, '^(%d+)%-(%d+)$')
    a_ms, a_seq, b_ms, b_seq = tonumber(a_ms), tonumber(a_seq), tonumber(b_ms), tonumber(b_seq)
    return a_ms < b_ms or (a_ms == b_ms and a_seq < b_seq)
end
local bound
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #group, 2 do
        if group[i] == 'last-delivered-id' and (not bound or before(group[i + 1], bound)) then
            bound = group[i + 1]
        end
    end
end
local pending = redis.call('XPENDING', KEYS[1], 'matchers')
if pending[2] and before(pending[2], bound) then
    bound = pending[2]
end
local time = redis.call('TIME')
local oldest = string.format('%d-0', time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2]))
if redis.call('XLEN', KEYS[1]) > tonumber(ARGV[3]) then
    oldest = bound
end
redis.call('XTRIM', KEYS[1], 'MINID', '~', before(oldest, bound) and oldest or bound, 'LIMIT', 1000)
return 'OK'
