-- A worker is alive: extend the leases of its runs.
-- KEYS: worker:ID, workers, leases
-- ARGV: key prefix, worker id, lease ms, number of runs, run, lease number, run, lease number, …, name, value, …
-- Returns {{runs that are no longer its own}, {runs that somebody asked to end}}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease_ms, count = tonumber(ARGV[3]), tonumber(ARGV[4])
local stale, cancel = {}, {}
for i = 0, count - 1 do
    local run, number = ARGV[5 + 2 * i], ARGV[6 + 2 * i]
    local held = redis.call('HMGET', ARGV[1] .. 'run:' .. run, 'lease', 'cancel_requested', 'worker')
    -- Without an entry in `leases` the run has ended, or its lease ran out and was given back.
    if held[1] ~= number or held[3] ~= ARGV[2] or not redis.call('ZSCORE', KEYS[3], run) then
        stale[#stale + 1] = run
    else
        redis.call('ZADD', KEYS[3], now + lease_ms, run)
        if held[2] then
            cancel[#cancel + 1] = run
        end
    end
end
local fields = {}
for i = 5 + 2 * count, #ARGV do
    fields[#fields + 1] = ARGV[i]
end
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'beat_ms', now, unpack(fields))
redis.call('PEXPIRE', KEYS[1], 3 * lease_ms)
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 3 * lease_ms)
return {stale, cancel}
