-- Append a verified delivery to the events stream, once for each sender's delivery id.
-- KEYS: seen:SENDER:ID, events
-- ARGV: dedupe ms, most events waiting for a matcher, name, value, name, value, …
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
if waiting >= tonumber(ARGV[2]) then
    return redis.error_reply('LIMIT ' .. waiting .. ' deliveries wait to be matched already')
end
local fields = {}
for i = 3, #ARGV do
    fields[#fields + 1] = ARGV[i]
end
local event = redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('SET', KEYS[1], event, 'PX', ARGV[1])
return {event, 0}
