-- End a waiting run; ask a running one's worker to end it.
-- KEYS: run:ID, run:ID:log, leases
-- ARGV: run id, who asks, channel of the workers, ms to keep an ended run, key prefix
-- Returns canceled, asked or final.
local run = redis.call('HMGET', KEYS[1], 'state', 'queue', 'queue_entry', 'task')
if not run[1] then
    return redis.error_reply('NOTFOUND no run ' .. ARGV[1])
end
if run[1] ~= 'Queued' and run[1] ~= 'Started' and run[1] ~= 'Running' then
    return 'final'
end
redis.call('HSET', KEYS[1], 'cancel_requested', ARGV[2])
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then
    redis.call('PUBLISH', ARGV[3], 'cancel ' .. ARGV[1])
    return 'asked'
end
-- Nobody has it: it waits, for the first time or after its worker was lost.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XACK', run[2], 'workers', run[3])
redis.call('XDEL', run[2], run[3])
redis.call('HSET', KEYS[1], 'state', 'Canceled', 'ended_ms', now, 'message', 'canceled by ' .. ARGV[2])
redis.call('XADD', KEYS[2], '*', 'end', 'Canceled')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', ARGV[5] .. 'runs:' .. run[4], 2 * ARGV[4])
return 'canceled'
