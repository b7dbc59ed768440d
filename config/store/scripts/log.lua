-- Append log lines to a run under its lease.
-- KEYS: run:ID, run:ID:log
-- ARGV: lease number, number of the batch (a lease's first is 1), then for each line: number of its fields' words,
--       name, value, …
local run = redis.call('HMGET', KEYS[1], 'state', 'lease', 'ended_ms', 'log_batch')
if not run[1] then
    return redis.error_reply('NOTFOUND no such run')
end
if run[2] ~= ARGV[1] then
    return redis.error_reply('STALE lease ' .. ARGV[1] .. ' is over; the run has lease ' .. run[2])
end
if run[3] then
    return redis.error_reply('CONFLICT the run is ' .. run[1] .. ' already')
end
-- Sent again, because the answer was lost.
if run[4] then
    local lease, batch = string.match(run[4], '^(%d+) (%d+)$')
    if lease == ARGV[1] and tonumber(batch) >= tonumber(ARGV[2]) then
        return 'OK'
    end
end
local i, bytes = 3, 0
while i <= #ARGV do
    local words = tonumber(ARGV[i])
    local line = {}
    for j = i + 1, i + words do
        line[#line + 1] = ARGV[j]
        bytes = bytes + #ARGV[j]
    end
    redis.call('XADD', KEYS[2], '*', unpack(line))
    i = i + words + 1
end
redis.call('HINCRBY', KEYS[1], 'log_bytes', bytes)
redis.call('HSET', KEYS[1], 'log_batch', ARGV[1] .. ' ' .. ARGV[2])
return 'OK'
