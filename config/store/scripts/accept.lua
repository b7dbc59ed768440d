-- Append an event of a verified delivery to the events stream, once for each sender's id of it, and keep the delivery.
-- KEYS: seen:SENDER:ID, events, deliveries, deliveries:bytes
-- ARGV: key prefix, dedupe ms, most events waiting for a matcher, ms to keep a delivery, most bytes of all kept,
--       name of the delivery ('' for none), number of words of it (0: another event brings them), name, value, …,
--       then of the event: name, value, …
-- Returns {event id, 1 when it was taken before}; LIMIT when too many wait.
local seen = redis.call('GET', KEYS[1])
if seen then
    return {seen, 1}
end
-- Entries stay in the stream after they are handled, so its length says nothing: what waits is the group's lag
-- (not yet read) and its pending entries (read, not yet settled).
local waiting = 0
if redis.call('EXISTS', KEYS[2]) == 1 then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
        local is_ours = false
        for i = 1, #group, 2 do
            if group[i] == 'name' then
                is_ours = group[i + 1] == 'matchers'
            elseif is_ours and (group[i] == 'pending' or group[i] == 'lag') and group[i + 1] then
                waiting = waiting + group[i + 1]
            end
        end
    end
end
if waiting >= tonumber(ARGV[3]) then
    return redis.error_reply('LIMIT ' .. waiting .. ' deliveries wait to be matched already')
end

local words = tonumber(ARGV[7])
local fields, kind = {}, ''
for i = 8 + words, #ARGV, 2 do
    fields[#fields + 1] = ARGV[i]
    fields[#fields + 1] = ARGV[i + 1]
    if ARGV[i] == 'kind' then
        kind = ARGV[i + 1]
    end
end
local event = redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('SET', KEYS[1], event, 'PX', ARGV[2])
if ARGV[6] == '' then
    return {event, 0}
end

-- The delivery names its events, whichever of them comes first.
local key, most = ARGV[1] .. 'delivery:' .. ARGV[6], tonumber(ARGV[5])
local delivery, bytes = {'event:' .. event, kind}, 0
for i = 8, 7 + words, 2 do
    -- A body that has no room even alone is left out: its length is said all the same.
    if ARGV[i] ~= 'body' or #ARGV[i + 1] <= most then
        delivery[#delivery + 1] = ARGV[i]
        delivery[#delivery + 1] = ARGV[i + 1]
        bytes = bytes + #ARGV[i + 1]
    end
end
redis.call('HSET', key, unpack(delivery))
redis.call('PEXPIRE', key, ARGV[4])
if words == 0 then
    return {event, 0}
end

-- Make room: the oldest go first. What one call may not touch is the next one's.
local own = redis.call('XADD', KEYS[3], '*', 'name', ARGV[6], 'bytes', bytes)
local held = redis.call('INCRBY', KEYS[4], bytes)
local time = redis.call('TIME')
local oldest_ms = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[4])
for _ = 1, 400 do
    local entry = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1]
    if entry[1] == own then
        redis.call('SET', KEYS[4], bytes)
        break
    end
    if held <= most and tonumber(string.match(entry[1], '^%d+')) >= oldest_ms then
        break
    end
    if entry[2][2] ~= ARGV[6] then
        redis.call('UNLINK', ARGV[1] .. 'delivery:' .. entry[2][2])
    end
    redis.call('XDEL', KEYS[3], entry[1])
    held = redis.call('DECRBY', KEYS[4], entry[2][4])
end
return {event, 0}
